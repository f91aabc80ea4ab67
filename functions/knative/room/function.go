// Package function is the room function as Knative's func builds it: scripts/knative-stage makes it the root of a module.
package function

import (
	"github.com/barrage-live/barrage/functions/host"
	"github.com/barrage-live/barrage/functions/host/knative"
)

// New makes the instance.
func New() *knative.Function { return knative.New(host.Room()) }
