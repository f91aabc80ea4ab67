// Command history is the bootstrap of the archive function on AWS Lambda.
package main

import (
	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/functions/host/lambda"
)

func main() { lambda.Main("archive", functions.Archive) }
