// Command auth is the bootstrap of the auth function on AWS Lambda.
package main

import (
	"github.com/barrage-live/barrage/functions/host"
	"github.com/barrage-live/barrage/functions/host/lambda"
)

func main() { lambda.Main(host.Auth()) }
