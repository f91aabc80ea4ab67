package objects

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// MaxPage is how many keys one List or Delete takes at most.
const MaxPage = 1000

// Info is what a list tells of an object.
type Info struct {
	Key      string
	Size     int64
	Version  Version
	Modified time.Time
}

// List returns up to limit objects whose keys begin with prefix and come behind the key after, in the order of their
// keys, and whether there are more.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) (found []Info, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, MaxKeys: aws.Int32(int32(min(max(limit, 1), MaxPage)))}
	if after != "" {
		in.StartAfter = &after
	}
	out, err := b.client.ListObjectsV2(ctx, in)
	if err != nil {
		return nil, false, b.wrap("list", prefix, err)
	}
	for _, o := range out.Contents {
		found = append(found, Info{
			Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), Version: Version(aws.ToString(o.ETag)), Modified: aws.ToTime(o.LastModified),
		})
	}
	return found, aws.ToBool(out.IsTruncated), nil
}

// Delete removes up to MaxPage objects; one that is not there is no error.
func (b *Bucket) Delete(ctx context.Context, keys ...string) error {
	if len(keys) == 0 {
		return nil
	}
	if len(keys) > MaxPage {
		return fmt.Errorf("delete %d objects: at most %d at once", len(keys), MaxPage)
	}
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	ids := make([]types.ObjectIdentifier, len(keys))
	for i := range keys {
		ids[i].Key = &keys[i]
	}
	out, err := b.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &b.name, Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)}})
	if err != nil {
		return b.wrap("delete", keys[0], err)
	}
	var errs []error
	for _, e := range out.Errors {
		errs = append(errs, fmt.Errorf("delete %s/%s: %s %s", b.name, aws.ToString(e.Key), aws.ToString(e.Code), aws.ToString(e.Message)))
	}
	return errors.Join(errs...)
}
