// Command room is the bootstrap of the room function on AWS Lambda.
package main

import (
	"github.com/barrage-live/barrage/functions/host"
	"github.com/barrage-live/barrage/functions/host/lambda"
)

func main() { lambda.Main(host.Room()) }
