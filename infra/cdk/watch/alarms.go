package watch

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// New makes the alarms of the signals, the topic that hears of them, and the dashboard that shows them with their limits.
func New(scope constructs.Construct, name string, signals []Signal) awssns.Topic {
	scope = constructs.NewConstruct(scope, jsii.String("Watch"))
	topic := awssns.NewTopic(scope, jsii.String("Alarms"), &awssns.TopicProps{DisplayName: jsii.String("Barrage alarms"), EnforceSSL: jsii.Bool(true)})
	tell := awscloudwatchactions.NewSnsAction(topic)
	var rows [][]awscloudwatch.IWidget
	for i, s := range signals {
		alarm := newAlarm(scope, s)
		alarm.AddAlarmAction(tell)
		alarm.AddOkAction(tell)
		if i%perRow == 0 {
			rows = append(rows, nil)
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], graph(s, alarm))
	}
	board := awscloudwatch.NewDashboard(scope, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{DashboardName: jsii.String(name)})
	for _, row := range rows {
		board.AddWidgets(row...)
	}
	return topic
}

func newAlarm(scope constructs.Construct, s Signal) awscloudwatch.Alarm {
	compare := awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD
	missing := awscloudwatch.TreatMissingData_NOT_BREACHING
	if s.Below {
		compare, missing = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD, awscloudwatch.TreatMissingData_BREACHING
	}
	return awscloudwatch.NewAlarm(scope, jsii.String(s.ID), &awscloudwatch.AlarmProps{
		AlarmDescription:   jsii.String(fmt.Sprintf("%s: docs/playbooks/%s.md", s.What, s.Playbook)),
		Metric:             s.Metric,
		Threshold:          jsii.Number(s.Limit),
		ComparisonOperator: compare,
		TreatMissingData:   missing,
		DatapointsToAlarm:  jsii.Number(s.Minutes),
		EvaluationPeriods:  jsii.Number(s.Minutes + 2),
	})
}

const perRow = 4

func graph(s Signal, alarm awscloudwatch.Alarm) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Title: jsii.String(s.What), Left: &[]awscloudwatch.IMetric{s.Metric},
		LeftAnnotations: &[]*awscloudwatch.HorizontalAnnotation{alarm.ToAnnotation()},
		Width:           jsii.Number(24 / perRow), Height: jsii.Number(5),
	})
}
