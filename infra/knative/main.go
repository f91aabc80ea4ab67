// Command knative writes functions/NAME.yaml of each function of functions/manifest: what serves it, what brings it
// records, and what calls its jobs. Run it in infra/knative after a change of the table; a test compares.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/barrage-live/barrage/functions/manifest"
)

func main() {
	if err := run("functions"); err != nil {
		fmt.Fprintln(os.Stderr, "knative:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	for _, row := range manifest.Functions() {
		text, err := render(row)
		if err != nil {
			return fmt.Errorf("function %s: %w", row.Name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, row.Name+".yaml"), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
