package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// field is one leaf of a settings struct.
type field struct {
	name       string // in Go
	variable   string // in the environment
	insecure   string // values refused in production, comma-separated
	hasDefault bool
	value      reflect.Value
}

// fieldsOf walks the struct as the env package does: into structs, with their envPrefix.
func fieldsOf(v reflect.Value, prefix string) []field {
	var fields []field
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		if !sf.IsExported() {
			continue
		}
		variable, _, _ := strings.Cut(sf.Tag.Get("env"), ",")
		if variable == "" {
			if sf.Type.Kind() == reflect.Struct {
				fields = append(fields, fieldsOf(v.Field(i), prefix+sf.Tag.Get("envPrefix"))...)
			}
			continue
		}
		_, hasDefault := sf.Tag.Lookup("envDefault")
		fields = append(fields, field{
			name: sf.Name, variable: prefix + variable, insecure: sf.Tag.Get("insecure"),
			hasDefault: hasDefault, value: v.Field(i),
		})
	}
	return fields
}

// isInsecure compares the value, or each element of a list, with the tag's.
func (f field) isInsecure() bool {
	refused := strings.Split(f.insecure, ",")
	if f.value.Kind() == reflect.Slice {
		for i := range f.value.Len() {
			if slices.Contains(refused, fmt.Sprint(f.value.Index(i).Interface())) {
				return true
			}
		}
		return false
	}
	return slices.Contains(refused, fmt.Sprint(f.value.Interface()))
}
