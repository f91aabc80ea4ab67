package servers

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/infra/cdk/stage"
)

// Buckets hold what is larger than a row. None is public: the CDN signs what it reads.
type Buckets struct {
	Page    awss3.Bucket
	Covers  awss3.Bucket // of rooms; browsers upload to addresses that the room function signs
	Archive awss3.Bucket // recordings of rooms
}

// CoverFolders are the folders of the bucket of covers and avatars, as shared/pictures names them.
func CoverFolders() []string { return []string{"avatars", "rooms"} }

func newBuckets(scope constructs.Construct, s stage.Stage) Buckets {
	days := func(n int) awscdk.Duration { return awscdk.Duration_Days(jsii.Number(n)) }
	return Buckets{
		Page: newBucket(scope, "Page", s, nil, nil),
		Covers: newBucket(scope, "Covers", s, nil, &[]*awss3.CorsRule{{
			AllowedMethods: &[]awss3.HttpMethods{awss3.HttpMethods_PUT},
			AllowedOrigins: jsii.Strings("*"), // the signature says who may; the page's name is not known yet
			AllowedHeaders: jsii.Strings("content-type", "content-length"),
			MaxAge:         jsii.Number(3600),
		}}),
		Archive: newBucket(scope, "Archive", s, &[]*awss3.Transition{
			{StorageClass: awss3.StorageClass_INFREQUENT_ACCESS(), TransitionAfter: days(30)},
			{StorageClass: awss3.StorageClass_GLACIER_INSTANT_RETRIEVAL(), TransitionAfter: days(120)},
		}, nil),
	}
}

func newBucket(scope constructs.Construct, id string, s stage.Stage, cooler *[]*awss3.Transition, cors *[]*awss3.CorsRule) awss3.Bucket {
	removal := awscdk.RemovalPolicy_DESTROY
	if s.Keep {
		removal = awscdk.RemovalPolicy_RETAIN
	}
	return awss3.NewBucket(scope, jsii.String(id), &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(1.2),
		Versioned:         jsii.Bool(s.Keep),
		RemovalPolicy:     removal,
		Cors:              cors,
		LifecycleRules: &[]*awss3.LifecycleRule{{
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(1)),
			NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(30)),
			Transitions:                         cooler,
		}},
	})
}
