package servers

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsrds"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/infra/cdk/stage"
)

const (
	databasePort = 3306
	databaseName = "barrage"
	databaseUser = "barrage"
)

// Database is Aurora MySQL, a writer and a reader, behind a proxy that takes IAM tokens: functions come and go by the
// hundred, connections to the database do not.
type Database struct {
	Cluster    awsrds.DatabaseCluster
	Proxy      awsrds.DatabaseProxy
	URL        *string
	ReplicaURL *string
	Group      awsec2.SecurityGroup // of the proxy
}

func newDatabase(scope constructs.Construct, s stage.Stage, vpc awsec2.IVpc) *Database {
	removal := awscdk.RemovalPolicy_DESTROY
	if s.Keep {
		removal = awscdk.RemovalPolicy_RETAIN
	}
	props := &awsrds.DatabaseClusterProps{
		Engine:                awsrds.DatabaseClusterEngine_AuroraMysql(&awsrds.AuroraMysqlClusterEngineProps{Version: awsrds.AuroraMysqlEngineVersion_VER_3_08_0()}),
		Vpc:                   vpc,
		VpcSubnets:            &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS},
		Credentials:           awsrds.Credentials_FromGeneratedSecret(jsii.String(databaseUser), nil),
		DefaultDatabaseName:   jsii.String(databaseName),
		IamAuthentication:     jsii.Bool(true),
		StorageEncrypted:      jsii.Bool(true),
		Backup:                &awsrds.BackupProps{Retention: awscdk.Duration_Days(jsii.Number(s.Database.BackupDays))},
		CloudwatchLogsExports: jsii.Strings("error", "slowquery"),
		DeletionProtection:    jsii.Bool(s.Keep),
		RemovalPolicy:         removal,
	}
	writer, reader := instance("Writer", s.Database), instance("Reader", s.Database)
	props.Writer, props.Readers = writer, &[]awsrds.IClusterInstance{reader}
	if s.Database.Instance == "" {
		props.ServerlessV2MinCapacity, props.ServerlessV2MaxCapacity = jsii.Number(s.Database.MinACU), jsii.Number(s.Database.MaxACU)
	}
	d := &Database{Cluster: awsrds.NewDatabaseCluster(scope, jsii.String("Database"), props), Group: newGroup(scope, "ProxyGroup", "Database proxy", vpc)}
	d.Proxy = d.Cluster.AddProxy(jsii.String("Proxy"), &awsrds.DatabaseProxyOptions{
		Vpc:            vpc,
		VpcSubnets:     &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS},
		Secrets:        &[]awssecretsmanager.ISecret{d.Cluster.Secret()},
		IamAuth:        jsii.Bool(true),
		RequireTLS:     jsii.Bool(true),
		SecurityGroups: &[]awsec2.ISecurityGroup{d.Group},
	})
	replica := awsrds.NewCfnDBProxyEndpoint(scope, jsii.String("ReaderEndpoint"), &awsrds.CfnDBProxyEndpointProps{
		DbProxyName:         d.Proxy.DbProxyName(),
		DbProxyEndpointName: jsii.String("barrage-" + s.Name + "-reader"),
		TargetRole:          jsii.String("READ_ONLY"),
		VpcSubnetIds:        private(vpc),
		VpcSecurityGroupIds: &[]*string{d.Group.SecurityGroupId()},
	})
	d.URL, d.ReplicaURL = databaseURL(d.Proxy.Endpoint()), databaseURL(replica.AttrEndpoint())
	return d
}

func instance(id string, d stage.Database) awsrds.IClusterInstance {
	if d.Instance == "" {
		return awsrds.ClusterInstance_ServerlessV2(jsii.String(id), &awsrds.ServerlessV2ClusterInstanceProps{ScaleWithWriter: jsii.Bool(true)})
	}
	return awsrds.ClusterInstance_Provisioned(jsii.String(id), &awsrds.ProvisionedClusterInstanceProps{InstanceType: awsec2.NewInstanceType(jsii.String(d.Instance))})
}

func databaseURL(host *string) *string {
	return jsii.String(fmt.Sprintf("mysql://%s@%s:%d/%s?auth=aws-iam&tls=true", databaseUser, *host, databasePort, databaseName))
}

// Connect lets who sign in as the platform's user.
func (d *Database) Connect(who awsiam.IGrantable) {
	d.Proxy.GrantConnect(who, jsii.String(databaseUser))
}
