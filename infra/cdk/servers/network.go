// Package servers makes what the platform keeps its data in: Kafka, Redis, the database, buckets and secrets, in one
// network.
package servers

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/infra/cdk/stage"
)

// newNetwork: load balancers in public subnets; functions, pods and servers in private ones, whose way out is a NAT.
func newNetwork(scope constructs.Construct, s stage.Stage) awsec2.Vpc {
	var zones []*string
	for i := range s.Zones {
		// By number: accounts have different zones, and a stack must not ask for them when it is synthesized.
		zones = append(zones, awscdk.Fn_Select(jsii.Number(i), awscdk.Fn_GetAzs(jsii.String(""))))
	}
	vpc := awsec2.NewVpc(scope, jsii.String("Network"), &awsec2.VpcProps{
		AvailabilityZones:            &zones,
		NatGateways:                  jsii.Number(s.NATs),
		RestrictDefaultSecurityGroup: jsii.Bool(false), // a function of its own would have to do that
		SubnetConfiguration: &[]*awsec2.SubnetConfiguration{
			{Name: jsii.String("public"), SubnetType: awsec2.SubnetType_PUBLIC, CidrMask: jsii.Number(24), MapPublicIpOnLaunch: jsii.Bool(false)},
			{Name: jsii.String("private"), SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS, CidrMask: jsii.Number(20)},
		},
	})
	// What goes to buckets passes no NAT, which costs by the byte.
	vpc.AddGatewayEndpoint(jsii.String("S3"), &awsec2.GatewayVpcEndpointOptions{Service: awsec2.GatewayVpcEndpointAwsService_S3()})
	return vpc
}

// newGroup makes a security group that lets nobody in yet.
func newGroup(scope constructs.Construct, id, what string, vpc awsec2.IVpc) awsec2.SecurityGroup {
	return awsec2.NewSecurityGroup(scope, jsii.String(id), &awsec2.SecurityGroupProps{Vpc: vpc, Description: jsii.String(what)})
}

func private(vpc awsec2.IVpc) *[]*string {
	return vpc.SelectSubnets(&awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS}).SubnetIds
}
