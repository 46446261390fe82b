#!/usr/bin/env bash
# Build two of Flux's controllers and copy their definitions, once, into .cache/flux: for `make test-flux`, which CI leaves out.
# usage: tests/kubernetes/flux/build.sh    (about 2,000 packages each: a quarter of an hour on two free cores, 3 GB of memory)
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
  mkdir -p "$into/definitions"
  cp "$folder"/config/crd/bases/*.yaml "$into/definitions"
  chmod -R u+w "$folder"
  rm -rf "$folder"
  echo "$2" >"$into/$1.version"
}

module() { # module@version: the folder that it was downloaded to
  go mod download -json "$1" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'
}

build kustomize-controller v1.9.6
build source-controller v1.9.0
