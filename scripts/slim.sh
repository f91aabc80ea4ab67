# Sourced by scripts/lambda-build: copies of three modules that a function of a cloud can't use the whole of, and a go.mod
# that uses the copies. docs/adr/0050-small-bootstraps.md says why; each copy is made once a version, also when several builds
# run at once. What is changed must be there, else the build ends here.
# shellcheck shell=bash

: "${work:?the folder of the copies, from the root}"

# copied MODULE CHANGE: the copy of the module in the version that go.mod names. CHANGE is a function that is called in it.
copied() {
  local module=$1 version copy from new
  version=$(go list -m -f '{{.Version}}' "$module")
  copy=$work/${module//\//-}-$version
  if [ ! -d "$copy" ]; then
    go mod download "$module"
    from=$(go list -m -f '{{.Dir}}' "$module")
    mkdir -p "$work"
    new=$(mktemp -d "$work/new.XXXXXX")
    cp -R "$from/." "$new"
    chmod -R u+w "$new"
    (cd "$new" && "$2") || { echo "lambda-build: $module $version is not as expected" >&2; return 1; }
    mv -T "$new" "$copy" 2>/dev/null || rm -rf "$new" # another build was first
  fi
  echo "replace $module => ./$copy"
}

# constant_hooks: GORM looks for a model's hooks by names that the linker can't know (MethodByName of a variable), for which
# the linker has to keep every exported method of every type. Here the names are constants, the same nine.
constant_hooks() {
  sed -i 's/modelValue\.MethodByName(string(cbName))/hook(modelValue, cbName)/' schema/schema.go
  grep -q 'hook(modelValue, cbName)' schema/schema.go || return 1
  {
    printf '\nfunc hook(v reflect.Value, name callbackType) reflect.Value {\n\tswitch name {\n'
    sed -nE 's/^\t(callbackType[A-Z][A-Za-z]*) .*/\tcase \1:\n\t\treturn v.MethodByName(string(\1))/p' schema/schema.go
    printf '\t}\n\treturn reflect.Value{}\n}\n'
  } >../hook.$$
  cat ../hook.$$ >>schema/schema.go
  rm ../hook.$$
}

# messages_alone: OTLP's messages without the stubs of gRPC and its gateway, which export by HTTP has no use for.
messages_alone() { rm collector/*/v1/*_grpc.pb.go collector/*/v1/*.pb.gw.go; }

# names_alone: what the HTTP exporters name of gRPC in options that only the gRPC exporters apply. Calling any of it fails.
names_alone() {
  rm -rf ./*
  mkdir -p backoff credentials/insecure encoding/gzip
  printf 'module google.golang.org/grpc\n\ngo 1.25\n' >go.mod
  cat >grpc.go <<'GO'
// Package grpc holds the names of gRPC that a program without gRPC mentions.
package grpc

import (
	"time"

	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
)

type (
	ClientConn    struct{}
	DialOption    interface{ none() }
	CallOption    interface{ none() }
	ConnectParams struct {
		Backoff           backoff.Config
		MinConnectTimeout time.Duration
	}
)

const none = "this program is built without gRPC"

func WithUserAgent(string) DialOption                                     { panic(none) }
func WithDefaultServiceConfig(string) DialOption                          { panic(none) }
func WithTransportCredentials(credentials.TransportCredentials) DialOption { panic(none) }
func WithDefaultCallOptions(...CallOption) DialOption                     { panic(none) }
func WithConnectParams(ConnectParams) DialOption                          { panic(none) }
func UseCompressor(string) CallOption                                     { panic(none) }
GO
  printf 'package backoff\n\ntype Config struct{}\n\nvar DefaultConfig Config\n' >backoff/backoff.go
  printf 'package credentials\n\nimport "crypto/tls"\n\ntype TransportCredentials interface{}\n\nfunc NewTLS(c *tls.Config) TransportCredentials { return c }\n' >credentials/credentials.go
  printf 'package insecure\n\nimport "google.golang.org/grpc/credentials"\n\nfunc NewCredentials() credentials.TransportCredentials { return nil }\n' >credentials/insecure/insecure.go
  printf 'package gzip\n\nconst Name = "gzip"\n' >encoding/gzip/gzip.go
}

# slim_modules GO.MOD: writes it, with a go.sum beside.
slim_modules() {
  {
    cat go.mod &&
      copied gorm.io/gorm constant_hooks &&
      copied go.opentelemetry.io/proto/otlp messages_alone &&
      copied google.golang.org/grpc names_alone
  } >"$1" || return 1
  cp go.sum "${1%.mod}.sum"
}
