// Package edge makes what stands between browsers and the rest: the CDN and its firewall.
package edge

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfrontorigins"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/infra/cdk/servers"
)

// Origins are what the CDN fetches from.
type Origins struct {
	Buckets servers.Buckets
	API     awsapigatewayv2.HttpApi
	Sockets *string // name of the fleet's load balancer; nil: viewers reach it past the CDN
}

// NewCDN makes one name for the page, covers, recordings, and the HTTP API, so that a browser asks no other origin.
func NewCDN(scope constructs.Construct, o Origins, firewall *string) awscloudfront.Distribution {
	static := func(b awss3.IBucket) *awscloudfront.BehaviorOptions {
		return &awscloudfront.BehaviorOptions{
			Origin:                awscloudfrontorigins.S3BucketOrigin_WithOriginAccessControl(b, nil),
			ViewerProtocolPolicy:  awscloudfront.ViewerProtocolPolicy_REDIRECT_TO_HTTPS,
			CachePolicy:           awscloudfront.CachePolicy_CACHING_OPTIMIZED(),
			ResponseHeadersPolicy: awscloudfront.ResponseHeadersPolicy_SECURITY_HEADERS(),
			Compress:              jsii.Bool(true),
		}
	}
	api := passing(awscloudfrontorigins.NewHttpOrigin(apiHost(o.API), &awscloudfrontorigins.HttpOriginProps{
		ProtocolPolicy: awscloudfront.OriginProtocolPolicy_HTTPS_ONLY,
		ReadTimeout:    awscdk.Duration_Seconds(jsii.Number(40)), // the HTTP API ends after 30
	}))
	more := map[string]*awscloudfront.BehaviorOptions{
		"recordings/*": static(o.Buckets.Archive), "api/*": api, ".well-known/*": api,
	}
	for _, folder := range servers.CoverFolders() {
		more[folder+"/*"] = static(o.Buckets.Covers)
	}
	if o.Sockets != nil {
		more["ws"] = passing(awscloudfrontorigins.NewHttpOrigin(o.Sockets, &awscloudfrontorigins.HttpOriginProps{
			ProtocolPolicy: awscloudfront.OriginProtocolPolicy_HTTP_ONLY,
		}))
	}
	return awscloudfront.NewDistribution(scope, jsii.String("CDN"), &awscloudfront.DistributionProps{
		Comment:                jsii.String("Barrage"),
		DefaultBehavior:        static(o.Buckets.Page),
		DefaultRootObject:      jsii.String("index.html"),
		AdditionalBehaviors:    &more,
		HttpVersion:            awscloudfront.HttpVersion_HTTP2_AND_3,
		MinimumProtocolVersion: awscloudfront.SecurityPolicyProtocol_TLS_V1_2_2021,
		WebAclId:               firewall,
	})
}

// passing hands all on and keeps nothing. The Host header stays behind: the origins know themselves by their own names.
func passing(to awscloudfront.IOrigin) *awscloudfront.BehaviorOptions {
	return &awscloudfront.BehaviorOptions{
		Origin:               to,
		AllowedMethods:       awscloudfront.AllowedMethods_ALLOW_ALL(),
		ViewerProtocolPolicy: awscloudfront.ViewerProtocolPolicy_HTTPS_ONLY,
		CachePolicy:          awscloudfront.CachePolicy_CACHING_DISABLED(),
		OriginRequestPolicy:  awscloudfront.OriginRequestPolicy_ALL_VIEWER_EXCEPT_HOST_HEADER(),
	}
}

func apiHost(api awsapigatewayv2.HttpApi) *string {
	return awscdk.Fn_Select(jsii.Number(2), awscdk.Fn_Split(jsii.String("/"), api.ApiEndpoint(), jsii.Number(3)))
}
