package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/functions/manifest"
)

func TestNoBucketIsPublic(t *testing.T) {
	for _, s := range []string{"dev", "prod"} {
		tpl := synthesized(t, s)
		if len(tpl.of("AWS::S3::Bucket")) != 3 {
			t.Errorf("%s: got %d buckets, want those of page, covers and archive", s, len(tpl.of("AWS::S3::Bucket")))
		}
		for id, r := range tpl.of("AWS::S3::Bucket") {
			var b struct {
				BucketEncryption               map[string]any
				LifecycleConfiguration         struct{ Rules []map[string]any }
				PublicAccessBlockConfiguration map[string]bool
			}
			r.into(t, &b)
			for _, door := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
				if !b.PublicAccessBlockConfiguration[door] {
					t.Errorf("%s %s: %s is not set", s, id, door)
				}
			}
			if b.BucketEncryption == nil || len(b.LifecycleConfiguration.Rules) == 0 {
				t.Errorf("%s %s: not encrypted, or without life cycle", s, id)
			}
			if kept := r.DeletionPolicy == "Retain"; kept != (s == "prod") {
				t.Errorf("%s %s: deletion policy %s", s, id, r.DeletionPolicy)
			}
		}
	}
}

func TestServersAreEncryptedAndSignedInByIdentity(t *testing.T) {
	for _, s := range []string{"dev", "prod"} {
		tpl := synthesized(t, s)
		wants(t, s, tpl, "AWS::MSK::Cluster", map[string]string{
			"ClientAuthentication.Sasl.Iam.Enabled": "true", "ClientAuthentication.Unauthenticated.Enabled": "false",
			"EncryptionInfo.EncryptionInTransit.ClientBroker": "TLS",
		})
		wants(t, s, tpl, "AWS::ElastiCache::ReplicationGroup", map[string]string{
			"TransitEncryptionEnabled": "true", "AtRestEncryptionEnabled": "true", "AutomaticFailoverEnabled": "true",
		})
		wants(t, s, tpl, "AWS::RDS::DBCluster", map[string]string{"StorageEncrypted": "true", "EnableIAMDatabaseAuthentication": "true"})
		wants(t, s, tpl, "AWS::RDS::DBProxy", map[string]string{"RequireTLS": "true", "Auth.0.IAMAuth": "REQUIRED"})
		wants(t, s, tpl, "AWS::RDS::DBProxyEndpoint", map[string]string{"TargetRole": "READ_ONLY"})
		if got := len(tpl.of("AWS::RDS::DBInstance")); got != 2 {
			t.Errorf("%s: got %d instances of the database, want a writer and a reader", s, got)
		}
	}
}

func TestProdStandsTheLossOfAZone(t *testing.T) {
	tpl := synthesized(t, "prod")
	wants(t, "prod", tpl, "AWS::MSK::Cluster", map[string]string{"NumberOfBrokerNodes": "3"})
	wants(t, "prod", tpl, "AWS::ElastiCache::ReplicationGroup", map[string]string{"MultiAZEnabled": "true", "ReplicasPerNodeGroup": "1", "NumNodeGroups": "3"})
	wants(t, "prod", tpl, "AWS::RDS::DBCluster", map[string]string{"DeletionProtection": "true"})
	wants(t, "prod", tpl, "AWS::ElasticLoadBalancingV2::Listener", map[string]string{"Protocol": "TLS", "Port": "443"})
	if got := len(tpl.of("AWS::EC2::NatGateway")); got != 3 {
		t.Errorf("got %d ways out, want one a zone", got)
	}
	dev := synthesized(t, "dev")
	wants(t, "dev", dev, "AWS::MSK::Cluster", map[string]string{"NumberOfBrokerNodes": "2", "BrokerNodeGroupInfo.InstanceType": "kafka.t3.small"})
	if got := len(dev.of("AWS::EC2::NatGateway")); got != 1 {
		t.Errorf("dev: got %d ways out, want one", got)
	}
}

// Functions may use what their row names: no secret, topic or group of another.
func TestFunctionsHaveNoRightsBeyondTheirRow(t *testing.T) {
	tpl := synthesized(t, "prod")
	topic := regexp.MustCompile(`:(topic|group)/barrage-prod/\*/([a-z.*-]+)`)
	for _, row := range manifest.Functions() {
		a := row.Access()
		allowed := map[string]bool{}
		for kind, lists := range map[string][][]string{"topic": {a.Read, a.Write, a.Describe}, "group": {a.Join, a.Watch}} {
			for _, list := range lists {
				for _, name := range list {
					allowed[kind+" "+name] = true
				}
			}
		}
		if row.MakesTopics() {
			allowed["topic *"] = true
		}
		policies, used := 0, map[string]bool{}
		for id, r := range tpl.of("AWS::IAM::Policy") {
			if !strings.HasPrefix(id, "Functions"+row.Name+"Function") {
				continue
			}
			policies++
			text := fmt.Sprint(r.Properties)
			for _, m := range topic.FindAllStringSubmatch(text, -1) {
				if !allowed[m[1]+" "+m[2]] {
					t.Errorf("%s: may use %s %s", row.Name, m[1], m[2])
				}
				used[m[1]+" "+m[2]] = true
			}
			if has := strings.Contains(text, "Ref:ServersSigningKey"); has != row.Needs(manifest.Signer) {
				t.Errorf("%s: may read the signing keys: %v", row.Name, has)
			}
			if has := strings.Contains(text, "rds-db:connect"); has != row.Needs(manifest.Database) {
				t.Errorf("%s: may sign in to the database: %v", row.Name, has)
			}
		}
		if policies != 1 || len(used) != len(allowed) {
			t.Errorf("%s: %d policies with rights for %v, want %v", row.Name, policies, used, allowed)
		}
	}
}

func TestEveryAlarmHasAPlaybook(t *testing.T) {
	page := regexp.MustCompile(`docs/playbooks/[a-z-]+\.md$`)
	tpl := synthesized(t, "prod")
	for id, r := range tpl.of("AWS::CloudWatch::Alarm") {
		var a struct {
			AlarmDescription string
			AlarmActions     []any
		}
		r.into(t, &a)
		if file := page.FindString(a.AlarmDescription); file == "" || !exists(filepath.Join("../..", file)) {
			t.Errorf("%s: %q names no playbook that is there", id, a.AlarmDescription)
		}
		if len(a.AlarmActions) == 0 {
			t.Errorf("%s: nobody hears of it", id)
		}
	}
	for _, row := range manifest.Functions() {
		for _, b := range row.Batches {
			if !hasAlarm(tpl, b.Group) {
				t.Errorf("group %s: nobody notices that it falls behind", b.Group)
			}
		}
	}
}

// hasAlarm looks for one on how far the group is behind.
func hasAlarm(tpl template, group string) bool {
	for _, r := range tpl.of("AWS::CloudWatch::Alarm") {
		if property(r.Properties, "MetricName") == "SumOffsetLag" && strings.Contains(fmt.Sprint(r.Properties["Dimensions"]), "Value:"+group+"]") {
			return true
		}
	}
	return false
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	unbuilt := built(t, "dev")
	unbuilt.Code = t.TempDir()
	nameless := built(t, "prod")
	nameless.SocketHost = ""
	trusting := built(t, "prod")
	trusting.Proxies = ""
	for want, o := range map[string]options{"scripts/lambda-build": unbuilt, "socketHost": nameless, "trustedProxies": trusting} {
		if _, err := build(awscdk.NewApp(nil), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want word of %s", err, want)
		}
	}
	app := awscdk.NewApp(&awscdk.AppProps{Context: &map[string]any{"stage": "production"}})
	if _, err := read(app); err == nil || !strings.Contains(err.Error(), "dev, prod") {
		t.Errorf("got %v, want the stages that there are", err)
	}
}

func TestFirewallLimitsAddresses(t *testing.T) {
	app := awscdk.NewApp(nil)
	if _, err := build(app, built(t, "prod")); err != nil {
		t.Fatal(err)
	}
	firewall := templateOf(t, awscdk.Stack_Of(app.Node().FindChild(jsii.String("Barrage-prod-firewall"))))
	wants(t, "prod", firewall, "AWS::WAFv2::WebACL", map[string]string{
		"Scope": "CLOUDFRONT", "Rules.0.Statement.RateBasedStatement.Limit": "3000", "Rules.0.Statement.RateBasedStatement.AggregateKeyType": "IP",
	})
	wants(t, "prod", synthesized(t, "prod"), "AWS::CloudFront::Distribution", map[string]string{"DistributionConfig.Enabled": "true"})
	for id, r := range synthesized(t, "prod").of("AWS::CloudFront::Distribution") {
		if property(r.Properties, "DistributionConfig.WebACLId") == "" {
			t.Errorf("%s: no firewall stands before it", id)
		}
	}
}
