// Package watch makes alarms and the dashboard, both of one list of signals.
package watch

import (
	"fmt"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/infra/cdk/fleet"
	"github.com/barrage-live/barrage/infra/cdk/function"
	"github.com/barrage-live/barrage/infra/cdk/servers"
	"github.com/barrage-live/barrage/infra/cdk/stage"
)

// Signal is a figure, where it is bad, and the page for who is woken by it.
type Signal struct {
	ID, What string
	Playbook string // of docs/playbooks, without .md
	Metric   awscloudwatch.IMetric
	Limit    float64
	Below    bool // bad below the limit instead of above it
	Minutes  int  // of the last Minutes+2 it must have been bad
}

// Watched is what signals are taken from.
type Watched struct {
	Stage     stage.Stage
	Servers   *servers.Servers
	Functions []function.Function
	API       function.API
	Fleet     *fleet.Fleet
}

// Signals lists them. A new row of the manifest brings its own.
func Signals(w Watched) []Signal {
	var all []Signal
	for _, fn := range w.Functions {
		all = append(all, functionSignals(w, fn)...)
	}
	all = append(all,
		Signal{ID: "ApiErrors", What: "The HTTP API answers 5xx", Playbook: "functions-fail", Limit: 20, Minutes: 3,
			Metric: w.API.HTTP.MetricServerError(&awscloudwatch.MetricOptions{Statistic: jsii.String("Sum"), Period: minute()})},
		Signal{ID: "DatabaseCpu", What: "The database is busy (%)", Playbook: "database-down", Limit: 80, Minutes: 10,
			Metric: w.Servers.Database.Cluster.MetricCPUUtilization(&awscloudwatch.MetricOptions{Period: minute()})},
		Signal{ID: "Pods", What: "Pods of the socket fleet that take viewers", Playbook: "reconnects", Limit: 2, Below: true, Minutes: 3,
			Metric: w.Fleet.Balancer.Targets.Metrics().HealthyHostCount(&awscloudwatch.MetricOptions{Statistic: jsii.String("Minimum"), Period: minute()})},
	)
	return append(append(all, kafkaSignals(w)...), redisSignals(w)...)
}

func functionSignals(w Watched, fn function.Function) []Signal {
	name := fn.Row.Name
	signals := []Signal{{ID: "Errors-" + name, What: "Function " + name + " fails", Playbook: "functions-fail", Limit: 1, Minutes: 3,
		Metric: fn.Lambda.MetricErrors(&awscloudwatch.MetricOptions{Period: minute()})}, throttles(fn)}
	for _, b := range fn.Row.Batches {
		signals = append(signals, Signal{ID: "Lag-" + b.Group, What: "Records that group " + b.Group + " is behind", Playbook: "lag-and-dead-letters",
			Limit: 100_000, Minutes: 5, Metric: metric("AWS/Kafka", "SumOffsetLag", "Maximum",
				map[string]string{"Cluster Name": w.Servers.Kafka.Name, "Consumer Group": b.Group, "Topic": b.Topic})})
	}
	return signals
}

func throttles(fn function.Function) Signal {
	return Signal{ID: "Throttles-" + fn.Row.Name, What: "Calls of " + fn.Row.Name + " that the account's limit refused", Playbook: "functions-fail", Limit: 10, Minutes: 3,
		Metric: fn.Lambda.MetricThrottles(&awscloudwatch.MetricOptions{Period: minute()})}
}

func kafkaSignals(w Watched) []Signal {
	var signals []Signal
	for i := range w.Stage.Kafka.Brokers {
		id := strconv.Itoa(i + 1)
		signals = append(signals, Signal{ID: "KafkaDisk-" + id, What: "Disk of broker " + id + " (%)", Playbook: "kafka-down", Limit: 75, Minutes: 10,
			Metric: metric("AWS/Kafka", "KafkaDataLogsDiskUsed", "Maximum", map[string]string{"Cluster Name": w.Servers.Kafka.Name, "Broker ID": id})})
	}
	return append(signals, Signal{ID: "KafkaOffline", What: "Partitions without a leader", Playbook: "kafka-down", Limit: 1, Minutes: 1,
		Metric: metric("AWS/Kafka", "OfflinePartitionsCount", "Maximum", map[string]string{"Cluster Name": w.Servers.Kafka.Name})})
}

// redisSignals: each shard is as busy as the busiest of its nodes.
func redisSignals(w Watched) []Signal {
	var signals []Signal
	for shard := range w.Stage.Redis.Shards {
		for _, f := range []struct {
			id, name, what string
			limit          float64
		}{
			{"RedisCpu", "EngineCPUUtilization", "CPU of Redis shard %d (%%)", 80},
			{"RedisMemory", "DatabaseMemoryUsagePercentage", "Memory of Redis shard %d (%%)", 75},
		} {
			nodes, list := map[string]awscloudwatch.IMetric{}, ""
			for node := range w.Stage.Redis.Replicas + 1 {
				id := fmt.Sprintf("%s-%04d-%03d", w.Servers.Redis.Name, shard+1, node+1)
				nodes[fmt.Sprintf("n%d", node)] = metric("AWS/ElastiCache", f.name, "Average", map[string]string{"CacheClusterId": id, "CacheNodeId": "0001"})
				list += fmt.Sprintf(",n%d", node)
			}
			signals = append(signals, Signal{ID: fmt.Sprintf("%s-%d", f.id, shard+1), What: fmt.Sprintf(f.what, shard+1), Playbook: "redis-down", Limit: f.limit, Minutes: 5,
				Metric: awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
					Expression: jsii.String("MAX([" + list[1:] + "])"), UsingMetrics: &nodes, Period: minute(), Label: jsii.String(fmt.Sprintf(f.what, shard+1)),
				})})
		}
	}
	return signals
}

func metric(space, name, statistic string, dimensions map[string]string) awscloudwatch.Metric {
	d := map[string]*string{}
	for k, v := range dimensions {
		d[k] = jsii.String(v)
	}
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(space), MetricName: jsii.String(name), DimensionsMap: &d, Statistic: jsii.String(statistic), Period: minute(),
	})
}

func minute() awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(1)) }
