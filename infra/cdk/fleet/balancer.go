package fleet

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	elb "github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/infra/cdk/stage"
)

// Where a pod of the fleet listens: to viewers, and to who asks for its health. Viewers can't reach the second.
const (
	SocketPort = 8081
	HealthPort = 9090
)

// Balancer is the network load balancer before the fleet. It ends TLS and leaves the viewer's address on the connection,
// by which pods limit handshakes.
type Balancer struct {
	Balancer elb.NetworkLoadBalancer
	Targets  elb.NetworkTargetGroup
	Port     int
}

func newBalancer(scope constructs.Construct, s stage.Stage, vpc awsec2.IVpc, certificate *string, f *Fleet) Balancer {
	b := Balancer{Port: 80}
	listener := &elb.BaseNetworkListenerProps{}
	if s.OwnSocketHost {
		b.Port = 443
		listener.Protocol, listener.SslPolicy = elb.Protocol_TLS, elb.SslPolicy_RECOMMENDED_TLS
		listener.Certificates = &[]elb.IListenerCertificate{elb.ListenerCertificate_FromArn(certificate)}
	}
	listener.Port = jsii.Number(b.Port)
	group := awsec2.NewSecurityGroup(scope, jsii.String("BalancerGroup"), &awsec2.SecurityGroupProps{Vpc: vpc, Description: jsii.String("Viewers")})
	group.AddIngressRule(awsec2.Peer_AnyIpv4(), awsec2.Port_Tcp(jsii.Number(b.Port)), jsii.String("Viewers"), nil)
	pods := awsec2.SecurityGroup_FromSecurityGroupId(scope, jsii.String("PodsGroup"), f.Group, nil)
	pods.AddIngressRule(group, awsec2.Port_Tcp(jsii.Number(SocketPort)), jsii.String("Load balancer"), nil)
	pods.AddIngressRule(group, awsec2.Port_Tcp(jsii.Number(HealthPort)), jsii.String("Health checks"), nil)
	b.Balancer = elb.NewNetworkLoadBalancer(scope, jsii.String("Balancer"), &elb.NetworkLoadBalancerProps{
		Vpc: vpc, InternetFacing: jsii.Bool(true), CrossZoneEnabled: jsii.Bool(true), SecurityGroups: &[]awsec2.ISecurityGroup{group},
		DeletionProtection: jsii.Bool(s.Keep),
	})
	b.Targets = elb.NewNetworkTargetGroup(scope, jsii.String("Targets"), &elb.NetworkTargetGroupProps{
		Vpc: vpc, Port: jsii.Number(SocketPort), Protocol: elb.Protocol_TCP, TargetType: elb.TargetType_IP, PreserveClientIp: jsii.Bool(true),
		// A draining pod sends its viewers away itself; what is cut here would be cut unasked.
		DeregistrationDelay:   awscdk.Duration_Seconds(jsii.Number(120)),
		ConnectionTermination: jsii.Bool(false),
		HealthCheck: &elb.HealthCheck{
			Protocol: elb.Protocol_HTTP, Path: jsii.String("/health/ready"), Port: jsii.String(strconv.Itoa(HealthPort)), Interval: awscdk.Duration_Seconds(jsii.Number(5)),
			HealthyThresholdCount: jsii.Number(2), UnhealthyThresholdCount: jsii.Number(2), HealthyHttpCodes: jsii.String("200"),
		},
	})
	// Auto Mode registers pods only where this tag lets it.
	awscdk.Tags_Of(b.Targets).Add(jsii.String("eks:eks-cluster-name"), jsii.String(f.Name), nil)
	b.Balancer.AddListener(jsii.String("Viewers"), listener).AddTargetGroups(jsii.String("Pods"), b.Targets)
	return b
}
