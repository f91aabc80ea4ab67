// Command history is the bootstrap of the history function on AWS Lambda.
package main

import (
	"github.com/barrage-live/barrage/functions/host"
	"github.com/barrage-live/barrage/functions/host/lambda"
)

func main() { lambda.Main(host.LookBack()) }
