#!/usr/bin/env bash
# Build Flux's kustomize-controller, and copy its definitions and those of sources, once, into .cache/flux: for `make test-flux`,
# which CI leaves out. Some 470 seconds of CPU time, 3 GB of memory.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
into="$root/.cache/flux"
export GOTOOLCHAIN=${GOTOOLCHAIN:-local} CGO_ENABLED=0
mkdir -p "$into"

build() { # name, version: in a copy of its module, where the `replace` lines of its go.mod count
  local module="github.com/fluxcd/$1" folder
  [ "$(cat "$into/$1.version" 2>/dev/null)" = "$2" ] && return
  folder=$(mktemp -d)
  cp -r "$(module "$module@$2")/." "$folder"
  chmod -R u+w "$folder"
  rm -rf "$folder/api" # a module of its own, which the module's archive leaves out
  cp -r "$(module "$module/api@$(awk -v api="$module/api" '$1 == api { print $2 }' "$folder/go.mod")")" "$folder/api"
  (cd "$folder" && nice -n 15 go build -p 2 -mod=readonly -buildvcs=false -ldflags "-s -w" -o "$into/$1" .)
  definitions "$folder"
  chmod -R u+w "$folder"
  rm -rf "$folder"
  echo "$2" >"$into/$1.version"
}

definitions() { # folder of a module
  mkdir -p "$into/definitions"
  cp "$1"/config/crd/bases/*.yaml "$into/definitions"
  chmod u+w "$into"/definitions/*.yaml
}

module() { # module@version: the folder that it was downloaded to
  go mod download -json "$1" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'
}

definitions "$(module github.com/fluxcd/source-controller@v1.9.0)"
build kustomize-controller v1.9.6
