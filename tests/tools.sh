#!/usr/bin/env bash
# Installs what the tests need beside Python packages into .cache/tools. Idempotent: what is there is left alone.
#
#   node_modules/@microsoft/jest-sarif   the official SARIF 2.1.0 schema
#   node_modules/yaml-language-server    the editors' language server
#   junit-10.xsd                         the JUnit schema, from pytest's source distribution
#   lf/bin/lf                            LatticeFlow's own client, in a venv of its own
#   node, npm, xmllint                   from Debian's packages, where they are missing (as root, or with sudo)
#
# Prints the folder. Exits with 1, and says which, if something cannot be had.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
tools="$root/.cache/tools"
python=${PYTHON:-$root/.venv/bin/python}
sarif="$tools/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
server="$tools/node_modules/yaml-language-server/bin/yaml-language-server"
junit="$tools/junit-10.xsd"
lf="$tools/lf"
lf_version=3.17.0

fail() {
    echo "tests/tools.sh: $1" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# debian COMMAND PACKAGE: the command, from its Debian package where it is missing.
debian() {
    have "$1" && return
    have apt-get || fail "$1 is missing, and there is no apt-get: install it (Debian's package is $2)"
    sudo=()
    [ "$(id -u)" = 0 ] || { have sudo && sudo=(sudo -n); } || fail "$1 is missing: as root, apt-get install $2"
    "${sudo[@]}" apt-get update -qq >&2 || true # stale lists may do
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >&2 ||
        fail "$1 is missing, and apt-get install $2 failed"
}

have "$python" || python=python3
have "$python" || fail "no Python: set PYTHON"
have git || fail "git is missing: the packaging tests make repositories"
debian xmllint libxml2-utils
debian node nodejs
mkdir -p "$tools"

if [ ! -f "$sarif" ] || [ ! -f "$server" ]; then
    debian npm npm
    npm install --prefix "$tools" --no-audit --no-fund --no-update-notifier --loglevel=error \
        @microsoft/jest-sarif@1.0.0-beta.0 yaml-language-server@^1.25 >&2 || fail "npm install failed"
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

# The stamp is written last, so that what was interrupted is made anew; it names the folder, since a venv cannot be moved.
# Bytecode: without it every call takes twice as long.
if [ "$(cat "$lf/.installed" 2>/dev/null)" != "$lf_version $lf" ] || ! "$lf/bin/python" -c '' 2>/dev/null; then
    rm -rf "$lf"
    uv=$("$python" -c 'import pathlib, sys; print(pathlib.Path(sys.executable).parent / "uv")')
    have "$uv" || uv=uv
    if ! { have "$uv" && "$uv" venv --quiet --python "$python" "$lf" >&2 &&
        "$uv" pip install --quiet --compile-bytecode --python "$lf/bin/python" "latticeflow-go-sdk==$lf_version" >&2; }; then
        rm -rf "$lf"
        "$python" -m venv "$lf" >&2 || fail "no venv for lf can be made (on Debian: apt-get install python3-venv)"
        env -u PYTHONDONTWRITEBYTECODE "$lf/bin/python" -m pip install --quiet --disable-pip-version-check --compile \
            "latticeflow-go-sdk==$lf_version" >&2 || fail "latticeflow-go-sdk $lf_version cannot be installed"
    fi
    [ -x "$lf/bin/lf" ] || fail "latticeflow-go-sdk no longer ships the command lf"
    echo "$lf_version $lf" >"$lf/.installed"
fi

echo "$tools"
