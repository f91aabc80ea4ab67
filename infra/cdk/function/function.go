// Package function makes Lambda functions of the rows of functions/manifest: routes, event sources, schedules, settings
// and rights follow the table, so a new row is a new function.
package function

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/functions/manifest"
	"github.com/barrage-live/barrage/infra/cdk/servers"
	"github.com/barrage-live/barrage/infra/cdk/stage"
)

// Platform is what all functions share.
type Platform struct {
	Stage    stage.Stage
	Servers  *servers.Servers
	Settings Settings
	Code     string // the folder that holds NAME/bootstrap of each function
	API      API
	Words    awslambda.ILayerVersion // lists of blocked words, for the functions that read them; nil: there are none
}

// Function is one row, deployed.
type Function struct {
	Row    manifest.Function
	Lambda awslambda.Function
	Scope  constructs.Construct // of what belongs to it
}

// All makes the functions of the table.
func All(scope constructs.Construct, p Platform) ([]Function, error) {
	scope = constructs.NewConstruct(scope, jsii.String("Functions"))
	group := awsec2.NewSecurityGroup(scope, jsii.String("Group"), &awsec2.SecurityGroupProps{Vpc: p.Servers.Network, Description: jsii.String("Functions")})
	p.Servers.Admit(group, "Functions")
	clock := newClock(scope, p.Stage)
	var all []Function
	for _, row := range manifest.Functions() {
		fn, err := newFunction(constructs.NewConstruct(scope, jsii.String(row.Name)), p, row, group)
		if err != nil {
			return nil, err
		}
		p.API.route(fn)
		for _, b := range row.Batches {
			newSource(fn, p.Servers.Kafka, b)
		}
		for _, j := range row.Jobs {
			clock.call(fn, j)
		}
		all = append(all, fn)
	}
	return all, nil
}

func newFunction(scope constructs.Construct, p Platform, row manifest.Function, group awsec2.ISecurityGroup) (Function, error) {
	values, err := p.Settings.For(row)
	if err != nil {
		return Function{}, err
	}
	code := filepath.Join(p.Code, row.Name)
	if _, err := os.Stat(filepath.Join(code, "bootstrap")); err != nil {
		return Function{}, fmt.Errorf("function %s is not built: %w\nrun ./scripts/lambda-build --all, or give the folder with -c code=FOLDER", row.Name, err)
	}
	fn := awslambda.NewFunction(scope, jsii.String("Function"), &awslambda.FunctionProps{
		Description:    jsii.String("The " + row.Name + " function"),
		Runtime:        awslambda.Runtime_PROVIDED_AL2023(),
		Architecture:   awslambda.Architecture_ARM_64(),
		Handler:        jsii.String("bootstrap"),
		Code:           awslambda.Code_FromAsset(jsii.String(code), nil),
		MemorySize:     jsii.Number(row.MemoryMB),
		Timeout:        awscdk.Duration_Seconds(jsii.Number(row.Timeout.Seconds())),
		Environment:    Env(values),
		Tracing:        awslambda.Tracing_ACTIVE,
		LoggingFormat:  awslambda.LoggingFormat_JSON,
		Vpc:            p.Servers.Network,
		VpcSubnets:     &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS},
		SecurityGroups: &[]awsec2.ISecurityGroup{group},
		LogGroup: awslogs.NewLogGroup(scope, jsii.String("Logs"), &awslogs.LogGroupProps{
			Retention: retention(p.Stage), RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		}),
	})
	if _, reads := values["BLOCKED_WORDS_FILES"]; reads && p.Words != nil {
		fn.AddLayers(p.Words)
	}
	Grant(values, fn)
	if row.Needs(manifest.Kafka) {
		allowKafka(p.Servers.Kafka, row, fn)
	}
	return Function{Row: row, Lambda: fn, Scope: scope}, nil
}

// allowKafka gives a function the topics and groups of its row and no others. The one that makes topics may do that to all.
func allowKafka(k *servers.Kafka, row manifest.Function, fn awslambda.Function) {
	if row.MakesTopics() {
		k.AllowCluster(fn)
		k.Allow(fn, "topic", []string{"*"}, "CreateTopic", "DescribeTopic")
		return
	}
	a := row.Access()
	k.AllowCluster(fn, "DescribeCluster", "WriteDataIdempotently")
	k.Allow(fn, "topic", a.Write, "DescribeTopic", "WriteData")
	k.Allow(fn, "topic", a.Read, "DescribeTopic", "ReadData")
	k.Allow(fn, "topic", a.Describe, "DescribeTopic")
	k.Allow(fn, "group", a.Join, "AlterGroup", "DescribeGroup")
	k.Allow(fn, "group", a.Watch, "DescribeGroup")
}

func retention(s stage.Stage) awslogs.RetentionDays {
	if s.Keep {
		return awslogs.RetentionDays_THREE_MONTHS
	}
	return awslogs.RetentionDays_TWO_WEEKS
}
