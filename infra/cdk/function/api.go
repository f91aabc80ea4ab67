package function

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2integrations"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/infra/cdk/stage"
)

// API is the HTTP API in front of the functions. It checks no tokens: its authorizer knows RSA only and keeps answers
// for an hour, while the functions learn of a ban in seconds.
type API struct{ HTTP awsapigatewayv2.HttpApi }

// NewAPI makes it, without routes.
func NewAPI(scope constructs.Construct, s stage.Stage) API {
	api := awsapigatewayv2.NewHttpApi(scope, jsii.String("Api"), &awsapigatewayv2.HttpApiProps{
		ApiName: jsii.String("barrage-" + s.Name), CreateDefaultStage: jsii.Bool(false),
	})
	api.AddStage(jsii.String("Stage"), &awsapigatewayv2.HttpStageOptions{
		AutoDeploy: jsii.Bool(true),
		Throttle:   &awsapigatewayv2.ThrottleSettings{RateLimit: jsii.Number(s.APIRate), BurstLimit: jsii.Number(s.APIRate / 2)},
	})
	return API{HTTP: api}
}

func (a API) route(fn Function) {
	if len(fn.Row.Routes) == 0 {
		return
	}
	to := awsapigatewayv2integrations.NewHttpLambdaIntegration(jsii.String(fn.Row.Name), fn.Lambda, nil)
	for _, path := range fn.Row.Routes {
		a.HTTP.AddRoutes(&awsapigatewayv2.AddRoutesOptions{
			Path: jsii.String(path), Methods: &[]awsapigatewayv2.HttpMethod{awsapigatewayv2.HttpMethod_ANY}, Integration: to,
		})
	}
}
