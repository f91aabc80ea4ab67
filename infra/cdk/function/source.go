package function

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/functions/manifest"
	"github.com/barrage-live/barrage/infra/cdk/servers"
)

// newSource has Lambda's pollers bring the function the records of a topic.
func newSource(fn Function, k *servers.Kafka, b manifest.Batch) {
	// The pollers act as the function: they find the brokers, and make network interfaces beside them.
	fn.Lambda.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"), Resources: &[]*string{k.Arn},
	}))
	fn.Lambda.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeVpcs", "ec2:DeleteNetworkInterface",
			"ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"),
		Resources: jsii.Strings("*"), // these actions know no narrower resource
	}))
	source := awslambda.NewCfnEventSourceMapping(fn.Scope, jsii.String("Source-"+b.Group), &awslambda.CfnEventSourceMappingProps{
		FunctionName:                        fn.Lambda.FunctionArn(),
		EventSourceArn:                      k.Arn,
		Topics:                              jsii.Strings(b.Topic),
		AmazonManagedKafkaEventSourceConfig: &awslambda.CfnEventSourceMapping_AmazonManagedKafkaEventSourceConfigProperty{ConsumerGroupId: jsii.String(b.Group)},
		StartingPosition:                    jsii.String("TRIM_HORIZON"),
		BatchSize:                           jsii.Number(b.Size),
		MaximumBatchingWindowInSeconds:      jsii.Number(int(b.Window.Seconds())), // whole seconds
		FunctionResponseTypes:               jsii.Strings("ReportBatchItemFailures"),
		BisectBatchOnFunctionError:          jsii.Bool(true),
		MaximumRetryAttempts:                jsii.Number(b.MaxAttempts),
		MaximumRecordAgeInSeconds:           jsii.Number(b.MaxAge.Seconds()),
		DestinationConfig: &awslambda.CfnEventSourceMapping_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventSourceMapping_OnFailureProperty{Destination: jsii.String("kafka://" + b.OnFailure)},
		},
		ProvisionedPollerConfig: &awslambda.CfnEventSourceMapping_ProvisionedPollerConfigProperty{
			MinimumPollers: jsii.Number(b.MinPollers), MaximumPollers: jsii.Number(b.MaxPollers),
		},
	})
	// Lambda tries the rights when the source is made.
	source.Node().AddDependency(fn.Lambda.Role())
}
