// Package fleet makes where the socket fleet runs: a Kubernetes cluster, its load balancer, and the identity of its pods.
// What runs in it is infra/k8s, which is applied with this stack's outputs.
package fleet

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseks"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/infra/cdk/stage"
)

const kubernetesVersion = "1.33"

// Fleet is the cluster.
type Fleet struct {
	Name     string
	Cluster  awseks.CfnCluster
	Pods     awsiam.Role // who the pods are
	Group    *string     // security group of the nodes and pods
	Balancer Balancer
}

// New makes it, with EKS in charge of nodes (Auto Mode), and of which pods the load balancer's target group holds.
func New(scope constructs.Construct, s stage.Stage, vpc awsec2.IVpc, certificate *string) *Fleet {
	scope = constructs.NewConstruct(scope, jsii.String("Fleet"))
	f := &Fleet{Name: "barrage-" + s.Name}
	nodes := role(scope, "Nodes", "ec2.amazonaws.com", "AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly")
	control := role(scope, "Control", "eks.amazonaws.com", "AmazonEKSClusterPolicy", "AmazonEKSComputePolicy",
		"AmazonEKSBlockStoragePolicy", "AmazonEKSLoadBalancingPolicy", "AmazonEKSNetworkingPolicy")
	f.Cluster = awseks.NewCfnCluster(scope, jsii.String("Cluster"), &awseks.CfnClusterProps{
		Name:                       jsii.String(f.Name),
		Version:                    jsii.String(kubernetesVersion),
		RoleArn:                    control.RoleArn(),
		AccessConfig:               &awseks.CfnCluster_AccessConfigProperty{AuthenticationMode: jsii.String("API"), BootstrapClusterCreatorAdminPermissions: jsii.Bool(true)},
		BootstrapSelfManagedAddons: jsii.Bool(false),
		ComputeConfig: &awseks.CfnCluster_ComputeConfigProperty{
			Enabled: jsii.Bool(true), NodePools: jsii.Strings("general-purpose", "system"), NodeRoleArn: nodes.RoleArn(),
		},
		StorageConfig: &awseks.CfnCluster_StorageConfigProperty{BlockStorage: &awseks.CfnCluster_BlockStorageProperty{Enabled: jsii.Bool(true)}},
		KubernetesNetworkConfig: &awseks.CfnCluster_KubernetesNetworkConfigProperty{
			ElasticLoadBalancing: &awseks.CfnCluster_ElasticLoadBalancingProperty{Enabled: jsii.Bool(true)},
		},
		ResourcesVpcConfig: &awseks.CfnCluster_ResourcesVpcConfigProperty{
			SubnetIds:             vpc.SelectSubnets(&awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS}).SubnetIds,
			EndpointPrivateAccess: jsii.Bool(true), EndpointPublicAccess: jsii.Bool(true), // signed in by IAM
		},
		Logging: &awseks.CfnCluster_LoggingProperty{ClusterLogging: &awseks.CfnCluster_ClusterLoggingProperty{
			EnabledTypes: []*awseks.CfnCluster_LoggingTypeConfigProperty{{Type: jsii.String("audit")}, {Type: jsii.String("authenticator")}},
		}},
	})
	f.Cluster.Node().AddDependency(control, nodes)
	f.Group = f.Cluster.AttrClusterSecurityGroupId()
	f.Pods = identity(scope, f.Cluster)
	f.Balancer = newBalancer(scope, s, vpc, certificate, f)
	return f
}

// Namespace and ServiceAccount are the fleet's in infra/k8s.
const (
	Namespace      = "barrage"
	ServiceAccount = "sockets"
)

// identity is the role that pods of the fleet have, and no others.
func identity(scope constructs.Construct, cluster awseks.CfnCluster) awsiam.Role {
	pods := awsiam.NewRole(scope, jsii.String("Pods"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewSessionTagsPrincipal(awsiam.NewServicePrincipal(jsii.String("pods.eks.amazonaws.com"), nil)),
	})
	awseks.NewCfnPodIdentityAssociation(scope, jsii.String("Identity"), &awseks.CfnPodIdentityAssociationProps{
		ClusterName: cluster.Ref(), Namespace: jsii.String(Namespace), ServiceAccount: jsii.String(ServiceAccount), RoleArn: pods.RoleArn(),
	})
	return pods
}

func role(scope constructs.Construct, id, service string, policies ...string) awsiam.Role {
	var managed []awsiam.IManagedPolicy
	for _, p := range policies {
		managed = append(managed, awsiam.ManagedPolicy_FromAwsManagedPolicyName(jsii.String(p)))
	}
	r := awsiam.NewRole(scope, jsii.String(id), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String(service), nil), ManagedPolicies: &managed,
	})
	if service == "eks.amazonaws.com" { // Auto Mode tags the sessions of the cluster's role
		r.AssumeRolePolicy().AddStatements(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String(service), nil)}, Actions: jsii.Strings("sts:TagSession"),
		}))
	}
	return r
}
