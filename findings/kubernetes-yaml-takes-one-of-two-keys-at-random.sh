#!/bin/sh
# sigs.k8s.io/yaml v1.6.0 (Go; k8s.io/apimachinery, and so kubectl, reads YAML with it): a file that reads differently
# from run to run.
#
# In YAML `1` and "1" are two keys, a number and a text, and a map may hold both. The package turns maps into JSON,
# where both are "1", and walks a Go map to do so: which value stays is a matter of chance, in one process, too. So it
# is with `on` and "true", `1` and `1.0`, 0x1 and "1". The strict functions, which are there to refuse a key
# that stands twice, say nothing: they look at the YAML, where no key does.
#
# Consequence: a ConfigMap whose data has `1: first` and `"1": second`, or a map that two templates filled, is read
# with one or the other, and the next diff shows a change that nobody made. Quote every key of such maps: then the
# strict functions refuse the second one.
#
# Seen on 2026-11-29, Go 1.26 (1,000 reads each; the counts differ from run to run):
#   "1: a\n\"1\": b\n": map[{"1":"a"}:113 {"1":"b"}:887], strict: map[{"1":"a"}:118 {"1":"b"}:882]
#   "on: a\n\"true\": b\n": map[{"true":"a"}:115 {"true":"b"}:885], strict: map[{"true":"a"}:134 {"true":"b"}:866]
#   "1: a\n1.0: b\n": map[{"1":"a"}:114 {"1":"b"}:886], strict: map[{"1":"a"}:138 {"1":"b"}:862]
#   "\"1\": a\n\"1\": b\n": map[{"1":"b"}:1000], strict: map[refused:1000]
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
export GOPATH="$dir/go" GOFLAGS=-mod=mod
cat > go.mod <<'TXT'
module see

go 1.24

require sigs.k8s.io/yaml v1.6.0
TXT
cat > main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"sigs.k8s.io/yaml"
)

const reads = 1000

func strict(text string) string {
	var found map[string]string
	if err := yaml.UnmarshalStrict([]byte(text), &found); err != nil {
		return "refused"
	}
	told, _ := json.Marshal(found)
	return string(told)
}

func plain(text string) string {
	told, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return "refused"
	}
	return string(told)
}

func outcomes(read func(string) string, text string) map[string]int {
	seen := map[string]int{}
	for range reads {
		seen[read(text)]++
	}
	return seen
}

func main() {
	random := []string{"1: a\n\"1\": b\n", "on: a\n\"true\": b\n", "1: a\n1.0: b\n"}
	twice := "\"1\": a\n\"1\": b\n"
	changed := false
	for _, text := range append(random, twice) {
		first, second := outcomes(plain, text), outcomes(strict, text)
		fmt.Printf("%q: %v, strict: %v\n", text, first, second)
		if text == twice {
			changed = changed || len(first) != 1 || second["refused"] != reads
		} else {
			changed = changed || len(first) != 2 || len(second) != 2 || second["refused"] != 0
		}
	}
	if changed {
		os.Exit(1)
	}
}
GO
go run .
