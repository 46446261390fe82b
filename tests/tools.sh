#!/bin/sh
# Installs what the tests need beside Python packages into .cache/tools. Idempotent: what is there is left alone.
#
#   node_modules/@microsoft/jest-sarif   the official SARIF 2.1.0 schema
#   node_modules/yaml-language-server    the editors' language server
#   junit-10.xsd                         the JUnit schema, from pytest's source distribution
#   xmllint                              from the system's packages, when it is missing
#
# Exits with 1, and says which, if something cannot be had.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
tools="$root/.cache/tools"
python=${PYTHON:-$root/.venv/bin/python}
sarif="$tools/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
server="$tools/node_modules/yaml-language-server/bin/yaml-language-server"
junit="$tools/junit-10.xsd"

fail() {
    echo "tests/tools.sh: $1" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

have "$python" || python=python3
have "$python" || fail "no Python: set PYTHON"
mkdir -p "$tools"

if [ ! -f "$sarif" ] || [ ! -f "$server" ]; then
    have npm || fail "npm is missing, so @microsoft/jest-sarif and yaml-language-server cannot be installed"
    npm install --prefix "$tools" --no-audit --no-fund --loglevel=error \
        @microsoft/jest-sarif yaml-language-server@^1.25 >&2 || fail "npm install failed"
    [ -f "$sarif" ] || fail "@microsoft/jest-sarif no longer ships lib/schemas/sarif-2.1.0-rtm.5.json"
    [ -f "$server" ] || fail "yaml-language-server no longer ships bin/yaml-language-server"
fi

if [ ! -f "$junit" ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary pytest --dest "$scratch" pytest >&2 ||
        fail "pytest's source distribution cannot be downloaded, so junit-10.xsd cannot be had"
    tar -xzf "$scratch"/pytest-*.tar.gz -C "$scratch"
    found=$(find "$scratch" -name junit-10.xsd | head -n 1)
    [ -n "$found" ] || fail "pytest's source distribution no longer holds junit-10.xsd"
    cp "$found" "$junit.new"
    mv "$junit.new" "$junit"
fi

if ! have xmllint; then
    have apt-get || fail "xmllint is missing: install libxml2's utilities"
    if [ "$(id -u)" = 0 ]; then sudo=""; else sudo=sudo; fi
    $sudo apt-get update -qq >&2 || true
    $sudo apt-get install -y -qq libxml2-utils >&2 || fail "libxml2-utils (xmllint) cannot be installed"
fi

echo "$tools"
