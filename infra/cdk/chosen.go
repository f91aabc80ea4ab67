package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/functions/manifest"
	"github.com/barrage-live/barrage/infra/cdk/fleet"
	"github.com/barrage-live/barrage/infra/cdk/function"
)

// readers are all settings that a function or the socket fleet reads.
func readers() []string {
	names := fleet.Settings()
	for _, row := range manifest.Functions() {
		names = append(names, row.Env()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// chosen are those settings that the operator has given a value of their own.
func chosen(get func(name string) string) map[string]string {
	values := map[string]string{}
	for _, name := range readers() {
		if v := get(name); v != "" {
			values[name] = v
		}
	}
	return values
}

// choose adds the operator's settings to those that the stack knows by itself. A secret is given by its ARN, and who reads
// the setting may read the secret.
func choose(scope constructs.Construct, set function.Settings, values map[string]string) error {
	for name, value := range values {
		switch _, known := set[name]; {
		case known:
			return fmt.Errorf("setting %s: the stack itself knows it", name)
		case !slices.Contains(manifest.Secrets, name):
			set[name] = function.Text(jsii.String(value))
		case strings.HasPrefix(value, "arn:") && strings.Contains(value, ":secret:"):
			set[name] = function.Secret(awssecretsmanager.Secret_FromSecretCompleteArn(scope, jsii.String(camel(name)), jsii.String(value)))
		case !openURL(value):
			return fmt.Errorf("setting %s: want the ARN of a secret in Secrets Manager: a template is no place for the secret", name)
		default:
			set[name] = function.Text(jsii.String(value))
		}
	}
	return nil
}

// openURL says whether the value is a URL that holds no password.
func openURL(value string) bool {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" {
		return false
	}
	_, secret := u.User.Password()
	return !secret && !u.Query().Has("password")
}

// lists is where Lambda unpacks layers.
const lists = "/opt/"

// wordLists makes a layer of a folder with blocked words and tells functions where they find them; nil without a folder.
func wordLists(scope constructs.Construct, set function.Settings, folder string) (awslambda.ILayerVersion, error) {
	if folder == "" {
		return nil, nil
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("words: %w", err)
	}
	var paths []string
	for _, f := range files {
		if f.Type().IsRegular() {
			paths = append(paths, lists+filepath.Base(f.Name()))
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("words: no file is in %s", folder)
	}
	const name = "BLOCKED_WORDS_FILES"
	if _, ok := set[name]; ok {
		return nil, fmt.Errorf("setting %s: it follows from -c words=%s", name, folder)
	}
	set[name] = function.Text(jsii.String(strings.Join(paths, ",")))
	return awslambda.NewLayerVersion(scope, jsii.String("Words"), &awslambda.LayerVersionProps{
		Code: awslambda.Code_FromAsset(jsii.String(folder), nil), Description: jsii.String("Words that no room may say"),
		CompatibleArchitectures: &[]awslambda.Architecture{awslambda.Architecture_ARM_64()},
	}), nil
}
