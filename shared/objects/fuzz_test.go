package objects

import "testing"

const aList = `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
	`<Name>archive</Name><Prefix></Prefix><MaxKeys>1</MaxKeys><IsTruncated>true</IsTruncated><Contents><Key>room=1/a&amp;b</Key>` +
	`<LastModified>2026-11-24T12:00:00.000Z</LastModified><ETag>&quot;599bab3ed2c697f1d26842727561fd94&quot;</ETag><Size>7</Size>` +
	`<StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>`

const aRefusal = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code><Message>The key is not there.</Message>` +
	`<Key>a</Key><RequestId>4442587FB7D0A2F9</RequestId><HostId>x</HostId></Error>`

const aDeletion = `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Deleted><Key>a</Key></Deleted>` +
	`<Error><Key>b</Key><Code>AccessDenied</Code><Message>No.</Message></Error></DeleteResult>`

func TestParse(t *testing.T) {
	found, more, err := parseList([]byte(aList))
	if err != nil || !more || len(found) != 1 || found[0].Key != "room=1/a&b" || found[0].Size != 7 ||
		found[0].Version != `"599bab3ed2c697f1d26842727561fd94"` || found[0].Modified.Unix() != 1795521600 {
		t.Errorf("list: got %+v, %v, %v", found, more, err)
	}
	if got, want := parseRefusal(404, []byte(aRefusal)).Error(), "S3 answered 404 NoSuchKey: The key is not there. (request 4442587FB7D0A2F9)"; got != want {
		t.Errorf("refusal: got %s, want %s", got, want)
	}
	if got := parseRefusal(502, []byte("<html>Bad Gateway")); got.Error() != "S3 answered 502 Bad Gateway" {
		t.Errorf("a proxy's page: got %s", got)
	}
	if left, err := parseDeleted([]byte(aDeletion)); err != nil || len(left) != 1 || left[0] != (undeleted{"b", "AccessDenied", "No."}) {
		t.Errorf("deletion: got %+v, %v", left, err)
	}
	if _, err := parseDeleted([]byte(aRefusal)); statusOf(err) != 500 {
		t.Errorf("a late refusal: got %v, want one to be tried again", err)
	}
	for _, bad := range []string{"", "<ListBucketResult>", "<html></html>", aDeletion, `<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>`,
		`<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>`, `<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>`} {
		if found, _, err := parseList([]byte(bad)); err == nil {
			t.Errorf("%s: got %+v and no error", bad, found)
		}
	}
	for span, want := range map[string][2]int64{"bytes 2-4/10": {2, 10}, "bytes 0-2/3": {0, 3}} {
		if from, size, err := parseRange(span, 3); err != nil || from != want[0] || size != want[1] {
			t.Errorf("%s: got %d of %d, %v", span, from, size, err)
		}
	}
	for _, bad := range []string{"", "bytes */10", "bytes 2-4/*", "bytes 2-5/10", "bytes 8-10/10", "bytes -1-1/10"} {
		if _, _, err := parseRange(bad, 3); err == nil {
			t.Errorf("%q: got no error", bad)
		}
	}
}

func FuzzParseList(f *testing.F) {
	f.Add([]byte(aList))
	f.Add([]byte(aRefusal))
	f.Fuzz(func(t *testing.T, body []byte) {
		found, more, err := parseList(body)
		if err != nil && (found != nil || more) || err == nil && more && len(found) == 0 {
			t.Errorf("got %d objects, more: %v, error: %v", len(found), more, err)
		}
		for _, o := range found {
			if o.Key == "" || o.Size < 0 {
				t.Errorf("got %+v", o)
			}
		}
	})
}

func FuzzParseRefusal(f *testing.F) {
	f.Add(404, []byte(aRefusal))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if r := parseRefusal(status, body); r.HTTPStatusCode() != status || r.Error() == "" {
			t.Errorf("got %+v", r)
		}
	})
}

func FuzzParseDeleted(f *testing.F) {
	f.Add([]byte(aDeletion))
	f.Add([]byte(aRefusal))
	f.Fuzz(func(t *testing.T, body []byte) {
		if left, err := parseDeleted(body); err != nil && len(left) > 0 && statusOf(err) != 0 {
			t.Errorf("a refusal with %d objects", len(left))
		}
	})
}

func FuzzParseRange(f *testing.F) {
	f.Add("bytes 2-4/10", int64(3))
	f.Fuzz(func(t *testing.T, span string, n int64) {
		if n < 0 || n > MaxSize {
			return
		}
		if from, size, err := parseRange(span, n); err == nil && (from < 0 || from+n > size) {
			t.Errorf("%q: got %d bytes from %d of %d", span, n, from, size)
		}
	})
}
