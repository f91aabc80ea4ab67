// Package identity says as whom, in which region and at which endpoints a process calls AWS.
package identity
