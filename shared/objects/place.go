package objects

import (
	"cmp"
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/auth"
	"github.com/aws/smithy-go/encoding/httpbinding"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// place is where a bucket is and the region that requests to it are signed for.
type place struct {
	bucket *url.URL
	region string
}

// sigv4 is what the SDK's rules call the signatures that client makes. Express buckets and access points of several regions
// want others.
const sigv4 = "sigv4"

// find asks the SDK's rules, which know AWS's partitions, FIPS and dual-stack endpoints. A store of one's own has its
// buckets below its address.
func find(ctx context.Context, bucket, endpoint string, cfg aws.Config) (place, error) {
	where := s3.EndpointParameters{Bucket: &bucket, Region: &cfg.Region}
	if endpoint = cmp.Or(endpoint, configured(ctx, cfg)); endpoint != "" {
		if u, err := url.Parse(endpoint); err != nil || u.Host == "" {
			return place{}, fmt.Errorf("objects: endpoint %q: want http(s)://host", endpoint)
		}
		where.Endpoint, where.ForcePathStyle = &endpoint, aws.Bool(true)
	} else {
		where.UseFIPS, where.UseDualStack = variants(ctx, cfg)
	}
	found, err := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, where)
	if err != nil {
		return place{}, fmt.Errorf("objects: bucket %s: %w", bucket, err)
	}
	p := place{bucket: &found.URI, region: cfg.Region}
	schemes, _ := auth.GetAuthOptions(&found.Properties)
	for _, s := range schemes {
		if s.SchemeID != sigv4 {
			return place{}, fmt.Errorf("objects: bucket %s: wants signatures of %s, and only %s is spoken", bucket, s.SchemeID, sigv4)
		}
		if region, ok := smithyhttp.GetSigV4SigningRegion(&s.SignerProperties); ok {
			p.region = region
		}
	}
	return p, nil
}

// configured is the endpoint that the SDK's own settings name for S3, if any.
func configured(ctx context.Context, cfg aws.Config) string {
	for _, source := range cfg.ConfigSources {
		s, ok := source.(interface {
			GetIgnoreConfiguredEndpoints(context.Context) (value, found bool, err error)
		})
		if !ok {
			continue
		}
		if ignore, found, err := s.GetIgnoreConfiguredEndpoints(ctx); err == nil && found {
			if ignore {
				return ""
			}
			break
		}
	}
	for _, source := range cfg.ConfigSources {
		s, ok := source.(interface {
			GetServiceBaseEndpoint(ctx context.Context, sdkID string) (string, bool, error)
		})
		if !ok {
			continue
		}
		if endpoint, found, err := s.GetServiceBaseEndpoint(ctx, s3.ServiceID); err == nil && found {
			return endpoint
		}
	}
	return aws.ToString(cfg.BaseEndpoint)
}

// variants says which of AWS's endpoints the SDK's own settings ask for.
func variants(ctx context.Context, cfg aws.Config) (fips, dualStack *bool) {
	for _, source := range cfg.ConfigSources {
		if s, ok := source.(interface {
			GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error)
		}); ok && fips == nil {
			if state, found, err := s.GetUseFIPSEndpoint(ctx); err == nil && found {
				fips = aws.Bool(state == aws.FIPSEndpointStateEnabled)
			}
		}
		if s, ok := source.(interface {
			GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error)
		}); ok && dualStack == nil {
			if state, found, err := s.GetUseDualStackEndpoint(ctx); err == nil && found {
				dualStack = aws.Bool(state == aws.DualStackEndpointStateEnabled)
			}
		}
	}
	return fips, dualStack
}

// url is an object's address, or the bucket's own when key is empty. S3 signs what is left when it has decoded the path and
// encoded it in its own way, which leaves less as it is than Go does.
func (p place) url(key string) *url.URL {
	u := *p.bucket
	escaped := u.EscapedPath()
	if key != "" {
		u.Path += "/" + key
		escaped += "/" + httpbinding.EscapePath(key, false)
	}
	if u.Path == "" {
		u.Path, escaped = "/", "/"
	}
	u.RawPath = escaped
	return &u
}
