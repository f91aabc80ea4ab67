package servers

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsmsk"
	"github.com/aws/aws-cdk-go/awscdk/v2/customresources"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/infra/cdk/stage"
)

const (
	kafkaPort    = 9098 // TLS, signed in by IAM
	kafkaVersion = "3.7.x"
)

// Kafka is the MSK cluster. It takes nobody but AWS identities, over TLS.
type Kafka struct {
	Name    string
	Arn     *string
	Brokers *string // their addresses
	Group   awsec2.SecurityGroup
}

func newKafka(scope constructs.Construct, s stage.Stage, vpc awsec2.IVpc) *Kafka {
	k := &Kafka{Name: "barrage-" + s.Name, Group: newGroup(scope, "KafkaGroup", "Kafka brokers", vpc)}
	// Lambda's pollers reach the brokers from within the brokers' own group.
	k.Group.AddIngressRule(k.Group, awsec2.Port_Tcp(jsii.Number(kafkaPort)), jsii.String("Event pollers"), nil)
	config := awsmsk.NewCfnConfiguration(scope, jsii.String("KafkaConfig"), &awsmsk.CfnConfigurationProps{
		Name:             jsii.String(k.Name),
		ServerProperties: jsii.String(serverProperties(s.Kafka)),
	})
	logs := awslogs.NewLogGroup(scope, jsii.String("KafkaLogs"), &awslogs.LogGroupProps{
		Retention: awslogs.RetentionDays_TWO_WEEKS, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	cluster := awsmsk.NewCfnCluster(scope, jsii.String("Kafka"), &awsmsk.CfnClusterProps{
		ClusterName:         jsii.String(k.Name),
		KafkaVersion:        jsii.String(kafkaVersion),
		NumberOfBrokerNodes: jsii.Number(s.Kafka.Brokers),
		BrokerNodeGroupInfo: &awsmsk.CfnCluster_BrokerNodeGroupInfoProperty{
			InstanceType:   jsii.String(s.Kafka.Broker),
			ClientSubnets:  private(vpc),
			SecurityGroups: &[]*string{k.Group.SecurityGroupId()},
			StorageInfo: &awsmsk.CfnCluster_StorageInfoProperty{
				EbsStorageInfo: &awsmsk.CfnCluster_EBSStorageInfoProperty{VolumeSize: jsii.Number(s.Kafka.DiskGB)},
			},
		},
		ConfigurationInfo: &awsmsk.CfnCluster_ConfigurationInfoProperty{
			Arn: config.AttrArn(), Revision: awscdk.Token_AsNumber(config.GetAtt(jsii.String("LatestRevision.Revision"), awscdk.ResolutionTypeHint_NUMBER)),
		},
		ClientAuthentication: &awsmsk.CfnCluster_ClientAuthenticationProperty{
			Sasl:            &awsmsk.CfnCluster_SaslProperty{Iam: &awsmsk.CfnCluster_IamProperty{Enabled: jsii.Bool(true)}},
			Unauthenticated: &awsmsk.CfnCluster_UnauthenticatedProperty{Enabled: jsii.Bool(false)},
		},
		EncryptionInfo: &awsmsk.CfnCluster_EncryptionInfoProperty{
			EncryptionInTransit: &awsmsk.CfnCluster_EncryptionInTransitProperty{ClientBroker: jsii.String("TLS"), InCluster: jsii.Bool(true)},
		},
		EnhancedMonitoring: jsii.String("PER_BROKER"), // consumers' lag comes with every level
		LoggingInfo: &awsmsk.CfnCluster_LoggingInfoProperty{BrokerLogs: &awsmsk.CfnCluster_BrokerLogsProperty{
			CloudWatchLogs: &awsmsk.CfnCluster_CloudWatchLogsProperty{Enabled: jsii.Bool(true), LogGroup: logs.LogGroupName()},
		}},
	})
	if s.Keep {
		cluster.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	}
	k.Arn = cluster.AttrArn()
	k.Brokers = bootstrap(scope, k.Arn)
	return k
}

// serverProperties: topics are made by the setup job alone, and a record is acknowledged when one broker may be lost.
func serverProperties(k stage.Kafka) string {
	return strings.Join([]string{
		"auto.create.topics.enable=false",
		fmt.Sprintf("default.replication.factor=%d", k.Replicas),
		fmt.Sprintf("min.insync.replicas=%d", max(1, k.Replicas-1)),
		"unclean.leader.election.enable=false",
		"",
	}, "\n")
}

// bootstrap asks MSK for the brokers' addresses, which CloudFormation does not know.
func bootstrap(scope constructs.Construct, cluster *string) *string {
	answer := customresources.NewAwsCustomResource(scope, jsii.String("KafkaBrokers"), &customresources.AwsCustomResourceProps{
		InstallLatestAwsSdk: jsii.Bool(false),
		OnUpdate: &customresources.AwsSdkCall{
			Service:            jsii.String("Kafka"),
			Action:             jsii.String("getBootstrapBrokers"),
			Parameters:         map[string]*string{"ClusterArn": cluster},
			PhysicalResourceId: customresources.PhysicalResourceId_Of(jsii.String("KafkaBrokers")),
		},
		Policy: customresources.AwsCustomResourcePolicy_FromSdkCalls(&customresources.SdkCallsPolicyOptions{Resources: &[]*string{cluster}}),
	})
	return answer.GetResponseField(jsii.String("BootstrapBrokerStringSaslIam"))
}

// resource is the ARN of something in the cluster: a topic or a group. The star is the cluster's own id.
func (k *Kafka) resource(kind, name string) *string {
	return awscdk.Stack_Of(k.Group).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("kafka"), Resource: jsii.String(kind), ResourceName: jsii.String(k.Name + "/*/" + name),
	})
}

// Allow lets who do the actions ("ReadData", …) on the topics or groups named.
func (k *Kafka) Allow(who awsiam.IGrantable, kind string, names []string, actions ...string) {
	if len(names) == 0 {
		return
	}
	var resources, prefixed []*string
	for _, name := range names {
		resources = append(resources, k.resource(kind, name))
	}
	for _, a := range actions {
		prefixed = append(prefixed, jsii.String("kafka-cluster:"+a))
	}
	who.GrantPrincipal().AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: &prefixed, Resources: &resources}))
}

// AllowCluster lets who connect to the cluster and do the other actions on it.
func (k *Kafka) AllowCluster(who awsiam.IGrantable, actions ...string) {
	prefixed := jsii.Strings("kafka-cluster:Connect")
	for _, a := range actions {
		*prefixed = append(*prefixed, jsii.String("kafka-cluster:"+a))
	}
	who.GrantPrincipal().AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: prefixed, Resources: &[]*string{k.Arn}}))
}
