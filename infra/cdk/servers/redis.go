package servers

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticache"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/infra/cdk/stage"
)

const redisPort = 6379

// Redis is the ElastiCache cluster: fan-out, room state, limits. Cluster mode always, so that dev has prod's key slots.
type Redis struct {
	Name     string
	Address  *string // the configuration endpoint with its port
	Password awssecretsmanager.ISecret
	Group    awsec2.SecurityGroup
}

func newRedis(scope constructs.Construct, s stage.Stage, vpc awsec2.IVpc) *Redis {
	r := &Redis{Name: "barrage-" + s.Name, Group: newGroup(scope, "RedisGroup", "Redis", vpc)}
	r.Password = awssecretsmanager.NewSecret(scope, jsii.String("RedisPassword"), &awssecretsmanager.SecretProps{
		Description:          jsii.String("Password of Redis"),
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{PasswordLength: jsii.Number(64), ExcludePunctuation: jsii.Bool(true)},
	})
	subnets := awselasticache.NewCfnSubnetGroup(scope, jsii.String("RedisSubnets"), &awselasticache.CfnSubnetGroupProps{
		Description: jsii.String("Redis"), SubnetIds: private(vpc),
	})
	params := awselasticache.NewCfnParameterGroup(scope, jsii.String("RedisParameters"), &awselasticache.CfnParameterGroupProps{
		CacheParameterGroupFamily: jsii.String("redis7"),
		Description:               jsii.String("What is kept in Redis ends by itself; nothing may be evicted before that"),
		Properties:                map[string]*string{"cluster-enabled": jsii.String("yes"), "maxmemory-policy": jsii.String("noeviction")},
	})
	cluster := awselasticache.NewCfnReplicationGroup(scope, jsii.String("Redis"), &awselasticache.CfnReplicationGroupProps{
		ReplicationGroupId:          jsii.String(r.Name),
		ReplicationGroupDescription: jsii.String("Fan-out and room state"),
		Engine:                      jsii.String("redis"),
		EngineVersion:               jsii.String("7.1"),
		CacheNodeType:               jsii.String(s.Redis.Node),
		NumNodeGroups:               jsii.Number(s.Redis.Shards),
		ReplicasPerNodeGroup:        jsii.Number(s.Redis.Replicas),
		AutomaticFailoverEnabled:    jsii.Bool(true), // cluster mode wants it, also where there is nothing to fail over to
		MultiAzEnabled:              jsii.Bool(s.Redis.Replicas > 0),
		TransitEncryptionEnabled:    jsii.Bool(true),
		AtRestEncryptionEnabled:     jsii.Bool(true),
		AuthToken:                   r.Password.SecretValue().UnsafeUnwrap(), // a reference; the template does not hold it
		CacheParameterGroupName:     params.Ref(),
		CacheSubnetGroupName:        subnets.Ref(),
		SecurityGroupIds:            &[]*string{r.Group.SecurityGroupId()},
		Port:                        jsii.Number(redisPort),
	})
	if s.Keep {
		cluster.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	}
	r.Address = awscdk.Fn_Join(jsii.String(":"), &[]*string{
		cluster.AttrConfigurationEndPointAddress(), cluster.AttrConfigurationEndPointPort(),
	})
	return r
}
