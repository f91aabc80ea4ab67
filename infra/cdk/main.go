// Command cdk describes the platform on AWS: npx aws-cdk@2 deploy --all -c stage=dev. The sizes of the stages are in
// package stage; what is deployed of functions is functions/manifest's to say.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/infra/cdk/stage"
)

func main() {
	defer jsii.Close()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "cdk:", err)
		jsii.Close()
		os.Exit(1)
	}
}

func run() error {
	app := awscdk.NewApp(nil)
	o, err := read(app)
	if err != nil {
		return err
	}
	if _, err := build(app, o); err != nil {
		return err
	}
	app.Synth(nil)
	return nil
}

// read takes the options from the command line and cdk.json.
func read(app awscdk.App) (options, error) {
	get := func(name, otherwise string) string {
		if v, ok := app.Node().TryGetContext(jsii.String(name)).(string); ok && v != "" {
			return v
		}
		return otherwise
	}
	s, err := stage.Lookup(get("stage", ""))
	if err != nil {
		return options{}, fmt.Errorf("-c %w", err)
	}
	return options{
		Stage: s, Account: os.Getenv("CDK_DEFAULT_ACCOUNT"), Region: get("region", globalRegion), Code: get("code", "../../build/functions"),
		SocketHost: get("socketHost", ""), Certificate: get("certificate", ""), Proxies: get("trustedProxies", ""), Words: get("words", ""),
		Chosen: chosen(func(name string) string { return get(name, "") }),
	}, nil
}

// camel is an environment name as an output's: KAFKA_BROKERS is KafkaBrokers.
func camel(name string) string {
	var out strings.Builder
	for _, word := range strings.Split(name, "_") {
		out.WriteString(word[:1] + strings.ToLower(word[1:]))
	}
	return out.String()
}
