package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/infra/cdk/edge"
	"github.com/barrage-live/barrage/infra/cdk/fleet"
	"github.com/barrage-live/barrage/infra/cdk/function"
	"github.com/barrage-live/barrage/infra/cdk/servers"
	"github.com/barrage-live/barrage/infra/cdk/stage"
	"github.com/barrage-live/barrage/infra/cdk/watch"
)

// options are what a deployment says with -c NAME=VALUE.
type options struct {
	Stage       stage.Stage
	Account     string // with its region; empty: that of the credentials
	Region      string
	Code        string            // folder with NAME/bootstrap of each function
	SocketHost  string            // name of the socket fleet, which its certificate is for
	Certificate string            // ARN
	Proxies     string            // networks of the CDN, whose word for a viewer's address is taken
	Words       string            // folder with lists of blocked words, a file each, that no room may say; empty: none
	Chosen      map[string]string // the operator's own settings by environment name: -c REVIEW_HOOK_URL=https://…
}

func (o options) check() error {
	if o.Stage.OwnSocketHost && (o.SocketHost == "" || o.Certificate == "") {
		return fmt.Errorf("stage %s: want -c socketHost=NAME and -c certificate=ARN: viewers' sockets have a name of their own there", o.Stage.Name)
	}
	if !o.Stage.OwnSocketHost && (o.SocketHost != "" || o.Certificate != "") {
		return fmt.Errorf("stage %s: socketHost and certificate are of no use: its sockets pass the CDN", o.Stage.Name)
	}
	if o.Stage.Keep && o.Proxies == "" {
		return fmt.Errorf("stage %s: want -c trustedProxies=NETWORKS, the CDN's: without them all viewers share the limits of one address", o.Stage.Name)
	}
	return nil
}

// globalRegion is where the CDN's firewall must be.
const globalRegion = "us-east-1"

// build makes the stacks of a stage: the platform and, before it, the CDN's firewall.
func build(app awscdk.App, o options) (awscdk.Stack, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	name := "Barrage-" + o.Stage.Name
	newStack := func(id, region string) awscdk.Stack {
		env := &awscdk.Environment{Region: jsii.String(region)}
		if o.Account != "" {
			env.Account = jsii.String(o.Account)
		}
		s := awscdk.NewStack(app, jsii.String(id), &awscdk.StackProps{
			Env: env, CrossRegionReferences: jsii.Bool(o.Region != globalRegion), TerminationProtection: jsii.Bool(o.Stage.Keep),
		})
		awscdk.Tags_Of(s).Add(jsii.String("app"), jsii.String("barrage"), nil)
		awscdk.Tags_Of(s).Add(jsii.String("stage"), jsii.String(o.Stage.Name), nil)
		return s
	}
	firewall := edge.NewFirewall(newStack(name+"-firewall", globalRegion), o.Stage)
	stack := newStack(name, o.Region)
	return stack, assemble(stack, o, firewall)
}

// assemble puts the parts together, each with the names of those that it reaches.
func assemble(stack awscdk.Stack, o options, firewall *string) error {
	data := servers.New(stack, o.Stage)
	pods := fleet.New(stack, o.Stage, data.Network, jsii.String(o.Certificate))
	data.Admit(awsec2.Peer_SecurityGroupId(pods.Group, nil), "Socket fleet")
	api := function.NewAPI(stack, o.Stage)
	origins := edge.Origins{Buckets: data.Buckets, API: api.HTTP}
	if !o.Stage.OwnSocketHost {
		origins.Sockets = pods.Balancer.Balancer.LoadBalancerDnsName()
	}
	cdn := edge.NewCDN(stack, origins, firewall)
	set := settings(o, data, api, cdn)
	if err := choose(stack, set, o.Chosen); err != nil {
		return err
	}
	words, err := wordLists(stack, set, o.Words)
	if err != nil {
		return err
	}
	functions, err := function.All(stack, function.Platform{Stage: o.Stage, Servers: data, Settings: set, Code: o.Code, API: api, Words: words})
	if err != nil {
		return err
	}
	function.Grant(set.Only(fleet.Settings()), pods.Pods)
	pods.AllowKafka(data.Kafka)
	alarms := watch.New(stack, "barrage-"+o.Stage.Name, watch.Signals(watch.Watched{Stage: o.Stage, Servers: data, Functions: functions, API: api, Fleet: pods}))
	output(stack, "AlarmTopicArn", "Subscribe to hear of alarms", alarms.TopicArn())
	output(stack, "PageUrl", "The page", at("https://", cdn.DistributionDomainName(), ""))
	output(stack, "PageBucket", "Holds the page: aws s3 sync local/web s3://NAME", data.Buckets.Page.BucketName())
	output(stack, "SigningKeySecretArn", "Put the PEM keys there", data.SigningKey.SecretArn())
	for _, fn := range functions {
		if fn.Row.MakesTopics() {
			output(stack, "SetupFunctionName", `Invoke with {"job":"setup"} once a release`, fn.Lambda.FunctionName())
		}
	}
	output(stack, "ClusterName", "Of the socket fleet: aws eks update-kubeconfig --name NAME", pods.Cluster.Ref())
	output(stack, "TargetGroupArn", "For infra/k8s", pods.Balancer.Targets.TargetGroupArn())
	for _, name := range fleet.Settings() {
		if v, ok := set[name]; ok {
			output(stack, "Sockets"+camel(name), "Setting "+name+" of the socket fleet, for infra/k8s", v.Text())
		}
	}
	return nil
}

// settings are what the functions and the fleet read.
func settings(o options, data *servers.Servers, api function.API, cdn awscloudfront.Distribution) function.Settings {
	connect := func(who awsiam.IGrantable) { data.Database.Connect(who) }
	origin := at("https://", cdn.DistributionDomainName(), "")
	sockets := at("wss://", cdn.DistributionDomainName(), "/ws")
	if o.Stage.OwnSocketHost {
		sockets = jsii.String("wss://" + o.SocketHost + "/ws")
	}
	return function.Settings{
		"APP_ENV":                function.Text(jsii.String("production")),
		"ALLOWED_ORIGINS":        function.Text(origin),
		"ARCHIVE_BUCKET":         function.Bucket(data.Buckets.Archive),
		"COVER_BUCKET":           function.With(data.Buckets.Covers.BucketName(), func(who awsiam.IGrantable) { data.Buckets.Covers.GrantPut(who, nil) }),
		"COVER_URL":              function.Text(origin),
		"DATABASE_URL":           function.With(data.Database.URL, connect),
		"DATABASE_REPLICA_URLS":  function.With(data.Database.ReplicaURL, connect),
		"JWKS_URL":               function.Text(at("", api.HTTP.ApiEndpoint(), "/.well-known/jwks.json")),
		"KAFKA_AUTH":             function.Text(jsii.String("aws-iam")),
		"KAFKA_BROKERS":          function.Text(data.Kafka.Brokers),
		"PAYMENT_WEBHOOK_SECRET": function.Secret(data.Webhook),
		"PUBLIC_SOCKET_URL":      function.Text(sockets),
		"REDIS_ADDRS":            function.Text(data.Redis.Address),
		"REDIS_CLUSTER":          function.Text(jsii.String("true")),
		"REDIS_PASSWORD":         function.Secret(data.Redis.Password),
		"REDIS_TLS":              function.Text(jsii.String("true")),
		"ROOM_API_URL":           function.Text(api.HTTP.ApiEndpoint()),
		"TRUSTED_PROXIES":        function.Text(jsii.String(o.Proxies)),
		"TOKEN_SIGNING_KEY":      function.Secret(data.SigningKey),
	}
}

func at(before string, name *string, after string) *string {
	return jsii.String(before + *name + after)
}

func output(stack awscdk.Stack, id, what string, value *string) {
	awscdk.NewCfnOutput(stack, jsii.String(id), &awscdk.CfnOutputProps{Description: jsii.String(what), Value: value})
}
