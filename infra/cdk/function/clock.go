package function

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/functions/manifest"
	"github.com/barrage-live/barrage/infra/cdk/stage"
)

// clock calls the jobs.
type clock struct {
	stage stage.Stage
	role  awsiam.Role
}

func newClock(scope constructs.Construct, s stage.Stage) clock {
	return clock{stage: s, role: awsiam.NewRole(scope, jsii.String("Clock"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("scheduler.amazonaws.com"), nil), Description: jsii.String("Calls the jobs of functions"),
	})}
}

func (c clock) call(fn Function, j manifest.Job) {
	every := j.Schedule()
	if every == 0 {
		return
	}
	fn.Lambda.GrantInvoke(c.role)
	awsscheduler.NewCfnSchedule(fn.Scope, jsii.String("Job-"+j.Name), &awsscheduler.CfnScheduleProps{
		Description:        jsii.String(fn.Row.Name + " " + j.Name),
		ScheduleExpression: jsii.String(rate(every)),
		FlexibleTimeWindow: &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{Mode: jsii.String("OFF")},
		Target: &awsscheduler.CfnSchedule_TargetProperty{
			Arn: fn.Lambda.FunctionArn(), RoleArn: c.role.RoleArn(), Input: jsii.String(fmt.Sprintf(`{"job":%q}`, j.Name)),
			RetryPolicy: &awsscheduler.CfnSchedule_RetryPolicyProperty{MaximumRetryAttempts: jsii.Number(0)}, // the next one comes anyhow
		},
	})
}

func rate(every time.Duration) string {
	n, unit := int(every/time.Minute), "minute"
	if every%time.Hour == 0 {
		n, unit = int(every/time.Hour), "hour"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("rate(%d %s)", n, unit)
}
