package servers

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/infra/cdk/stage"
)

// Servers are all of them.
type Servers struct {
	Network    awsec2.Vpc
	Kafka      *Kafka
	Redis      *Redis
	Database   *Database
	Buckets    Buckets
	SigningKey awssecretsmanager.Secret // PEM keys, put there by an operator
	Webhook    awssecretsmanager.Secret // of the payment provider
}

// New makes the servers of a stage. Nobody reaches them before Admit.
func New(scope constructs.Construct, s stage.Stage) *Servers {
	scope = constructs.NewConstruct(scope, jsii.String("Servers"))
	vpc := newNetwork(scope, s)
	return &Servers{
		Network: vpc, Kafka: newKafka(scope, s, vpc), Redis: newRedis(scope, s, vpc), Database: newDatabase(scope, s, vpc),
		Buckets: newBuckets(scope, s),
		SigningKey: awssecretsmanager.NewSecret(scope, jsii.String("SigningKey"), &awssecretsmanager.SecretProps{
			Description: jsii.String("Keys that sign tokens, as PEM: see the playbook signing-keys. Functions do not start before they are there"),
		}),
		Webhook: awssecretsmanager.NewSecret(scope, jsii.String("Webhook"), &awssecretsmanager.SecretProps{
			Description:          jsii.String("Shared with the payment provider, who signs top-ups with it"),
			GenerateSecretString: &awssecretsmanager.SecretStringGenerator{PasswordLength: jsii.Number(48), ExcludePunctuation: jsii.Bool(true)},
		}),
	}
}

// Admit lets a group of functions or pods reach Kafka, Redis and the database.
func (s *Servers) Admit(who awsec2.IPeer, what string) {
	s.Kafka.Group.AddIngressRule(who, awsec2.Port_Tcp(jsii.Number(kafkaPort)), jsii.String(what), nil)
	s.Redis.Group.AddIngressRule(who, awsec2.Port_Tcp(jsii.Number(redisPort)), jsii.String(what), nil)
	s.Database.Group.AddIngressRule(who, awsec2.Port_Tcp(jsii.Number(databasePort)), jsii.String(what), nil)
}
