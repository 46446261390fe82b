#!/usr/bin/env bash
# Installs what the tests need beside Python packages into .cache/tools. Idempotent: what is there is left alone.
#
#   node_modules/@microsoft/jest-sarif   the official SARIF 2.1.0 schema
#   node_modules/yaml-language-server    the editors' language server
#   junit-10.xsd                         the JUnit schema, from pytest's source distribution
#   lf/bin/lf                            LatticeFlow's own client, in a venv of its own
#   nemo/bin/nemo                        the NeMo Platform server and NVIDIA's own client for it, in a venv of their own
#   ibm/bin/python                       a Python with IBM's own client for watsonx Orchestrate, in a venv of its own
#   litellm/bin/litellm                  the LiteLLM Proxy, in a venv of its own, and litellm/prisma, the engine of its database client
#   mlflow/bin/mlflow                    the MLflow server (registry and gateway) and its own client, in a venv of their own
#   sops/bin/sops                        SOPS, in a venv of its own
#   insidellms/bin/insidellms            insideLLMs, from its public repository, in a venv of its own. The one tool that may be
#                                        missing: where the repository cannot be reached, insidellms.unreachable says so
#   node_modules/axe-core                what finds a page hard to use for people, run in Chromium
#   chromium, node, npm, postgres, strace, xmllint, age, zsh, fish   from Debian's packages, where they are missing (as root, or with sudo)
#
# Every version is exact, and stands in constraints/, with those of all that it needs (`make update` renews them). With NEWEST=1
# the npm tools are the newest; the clients stay what they are, since the drivers are measured against these very versions.
#
# Prints the folder. Exits with 1, and says which, if something cannot be had.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$root/.cache/tools"
tools=$(cd "$root/.cache/tools" && pwd -P) # where several work trees share it by a link, its own place: venvs cannot be moved
python=${PYTHON:-$root/.venv/bin/python}
sarif="$tools/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
axe="$tools/node_modules/axe-core/axe.min.js"
server="$tools/node_modules/yaml-language-server/bin/yaml-language-server"
junit="$tools/junit-10.xsd"
constraints="$root/constraints"
# insideLLMs has no release. INSIDELLMS_SOURCE names another copy of the repository, for machines that cannot reach GitHub.
insidellms_commit=822c8e4eb1b0ff234fddfd42ef6b53ec52f6bce5
insidellms_source=${INSIDELLMS_SOURCE:-https://github.com/dr-gareth-roberts/insideLLMs}

fail() {
    echo "tests/tools.sh: $1" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# as_root COMMAND…: the command as root, if that can be had.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else have sudo && sudo -n "$@"; fi
}

# again COMMAND…: the command, up to three times, since a download may break off.
again() {
    "$@" || { sleep 5 && "$@"; } || { sleep 15 && "$@"; }
}

# debian COMMAND PACKAGE: the command, from its Debian package where it is missing.
debian() {
    have "$1" && return
    have apt-get || fail "$1 is missing, and there is no apt-get: install it (Debian's package is $2)"
    as_root true || fail "$1 is missing: as root, apt-get install $2"
    as_root apt-get update -qq >&2 || true # stale lists may do
    again as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends "$2" >&2 ||
        fail "$1 is missing, and apt-get install $2 failed"
}

have "$python" || python=python3
have "$python" || fail "no Python: set PYTHON"
have git || fail "git is missing: the packaging tests make repositories"
debian xmllint libxml2-utils
debian age age
debian node nodejs
debian chromium chromium
debian zsh zsh
debian fish fish
debian strace strace
if ! compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; then
    # Debian's package makes a database of its own and runs it, unless this says otherwise.
    have postgres || have pg_ctlcluster || as_root sh -c \
        'mkdir -p /etc/postgresql-common && echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf' || true
    debian postgres postgresql
fi
exec 9>"$tools/.lock" # one at a time
! have flock || flock 9

# The tools of npm, as locked; without the lock, the newest.
locked=$([ -n "${NEWEST:-}" ] && echo newest || cksum <"$constraints/npm/package-lock.json")
if [ "$(cat "$tools/node_modules/.installed" 2>/dev/null)" != "$locked" ]; then
    debian npm npm
    if [ "$locked" = newest ]; then
        rm -rf "$tools/node_modules" "$tools/package.json" "$tools/package-lock.json"
        again npm install --prefix "$tools" --no-audit --no-fund --no-update-notifier --loglevel=error \
            @microsoft/jest-sarif@latest axe-core@latest yaml-language-server@latest >&2 || fail "npm install failed"
    else
        cp "$constraints/npm/package.json" "$constraints/npm/package-lock.json" "$tools"
        again npm ci --prefix "$tools" --no-audit --no-fund --no-update-notifier --loglevel=error >&2 || fail "npm ci failed"
    fi
    [ -f "$sarif" ] || fail "@microsoft/jest-sarif no longer ships lib/schemas/sarif-2.1.0-rtm.5.json"
    [ -f "$axe" ] || fail "axe-core no longer ships axe.min.js"
    [ -f "$server" ] || fail "yaml-language-server no longer ships bin/yaml-language-server"
    echo "$locked" >"$tools/node_modules/.installed"
fi

if [ ! -f "$junit" ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    # by environment: an older pip constrains what builds with the first, a newer one with the second
    PIP_CONSTRAINT="$constraints/junit.txt" PIP_BUILD_CONSTRAINT="$constraints/junit.txt" \
        again "$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary pytest --dest "$scratch" pytest >&2 ||
        fail "pytest's source distribution cannot be downloaded, so junit-10.xsd cannot be had"
    tar -xzf "$scratch"/pytest-*.tar.gz -C "$scratch"
    found=$(find "$scratch" -name junit-10.xsd | head -n 1)
    [ -n "$found" ] || fail "pytest's source distribution no longer holds junit-10.xsd"
    cp "$found" "$junit.new"
    mv "$junit.new" "$junit"
fi

# fetch_uv: a uv, into $uv. Where there is none, one of our own: with it the server is installed in half a minute, without in two.
fetch_uv() {
    for uv in "$(dirname "$("$python" -c 'import sys; print(sys.executable)')")/uv" uv "$tools/uv/bin/uv"; do
        have "$uv" && return
    done
    PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --quiet --disable-pip-version-check --constraint "$constraints/dev.txt" \
        --target "$tools/uv" uv >&2 && have "$uv"
}

# stamp NAME WHAT: what $tools/NAME is made from. It names the folder, since a venv cannot be moved.
stamp() {
    echo "$2 $(cat "$constraints/$1.in" "$constraints/$1.txt" | cksum) $tools/$1"
}

installed() {
    [ "$(cat "$tools/$1/.installed" 2>/dev/null)" = "$(stamp "$1" "$2")" ] && "$tools/$1/bin/python" -c '' 2>/dev/null
}

# environment NAME PROGRAM WHAT, with SOURCE: a venv $tools/NAME with bin/PROGRAM and exactly what constraints/NAME.txt names, each file
# by its hash and nothing built; and the package of the folder SOURCE, if set, built with what is there. The stamp is written last, so that
# what was interrupted is made anew. Bytecode: without it every call takes twice as long.
environment() {
    name=$1 folder="$tools/$1" program="$1/bin/$2" what=$3
    installed "$name" "$what" && return
    echo "tests/tools.sh: installing $program" >&2
    rm -rf "$folder"
    set -- --require-hashes --only-binary :all: --requirement "$constraints/$name.txt"
    if ! { fetch_uv && "$uv" venv --quiet --python "$python" "$folder" >&2 &&
        "$uv" pip install --quiet --compile-bytecode --python "$folder/bin/python" "$@" >&2; }; then
        rm -rf "$folder"
        "$python" -m venv "$folder" >&2 || fail "no venv for $program can be made (on Debian: apt-get install python3-venv)"
        again env -u PYTHONDONTWRITEBYTECODE \
            "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --compile "$@" >&2 ||
            fail "$program cannot be installed: pip install $*"
    fi
    [ -z "${SOURCE:-}" ] || "$python" -m pip --python "$folder/bin/python" install --quiet --disable-pip-version-check \
        --no-deps --no-build-isolation "$SOURCE" >&2 || fail "$program cannot be built from $SOURCE"
    [ -x "$tools/$program" ] || fail "$program was not in what pip installed: $*"
    stamp "$name" "$what" >"$folder/.installed"
}

environment lf lf ""
environment nemo nemo ""
environment ibm python ""
environment litellm litellm ""
environment mlflow mlflow ""
environment sops sops ""

# engine: litellm/prisma, which prisma-client-py starts in place of a program that is no package, and the client that `prisma generate`
# writes into the venv. npm's packages as locked; none of their scripts is run.
engine() {
    source="$root/tests/registry/litellm/prisma" folder="$tools/litellm/prisma"
    made=$(cat "$source"/* "$tools/litellm/.installed" | cksum)
    [ "$(cat "$folder/.installed" 2>/dev/null)" = "$made" ] && return
    debian npm npm
    rm -rf "$folder"
    mkdir -p "$folder"
    cp "$source"/* "$folder"
    again npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2 || fail "npm ci failed"
    # found without an import, which would ask the network for a list of prices
    packages=$("$tools/litellm/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    PRISMA_BINARY_CACHE_DIR="$folder" PATH="$tools/litellm/bin:$PATH" \
        PRISMA_QUERY_ENGINE_BINARY="$folder/query-engine" PRISMA_SCHEMA_ENGINE_BINARY="$folder/schema-engine" \
        prisma generate --schema "$packages/litellm/proxy/schema.prisma" >/dev/null || fail "prisma generate failed"
    # 10 MB of types, which only a type checker looks at, and which take half of the time that the proxy needs to start
    printf '%s\n' 'from typing import Any' 'from ._types import *' '' '' 'def __getattr__(name: str) -> Any:' \
        '    if name.startswith("__"):' '        raise AttributeError(name)' '    return Any' >"$packages/prisma/types.py"
    "$tools/litellm/bin/python" -m compileall -q "$packages/prisma" >&2
    echo "$made" >"$folder/.installed"
}
engine

# insidellms: insideLLMs, and the SDK with which it speaks to OpenAI-compatible endpoints; or why it cannot be had.
insidellms() {
    installed insidellms "$insidellms_commit" && return
    source=$(mktemp -d)
    if git -C "$source" init --quiet &&
        GIT_TERMINAL_PROMPT=0 git -C "$source" -c http.lowSpeedLimit=1000 -c http.lowSpeedTime=30 \
            fetch --quiet --depth 1 "$insidellms_source" "$insidellms_commit" >&2 &&
        git -C "$source" checkout --quiet FETCH_HEAD >&2; then
        SOURCE=$source environment insidellms insidellms "$insidellms_commit"
        rm -f "$tools/insidellms.unreachable"
    else
        echo "tests/tools.sh: NOT INSTALLED: insideLLMs: $insidellms_source cannot be reached; what needs it is not seen" >&2
        echo "$insidellms_source could not be reached by tests/tools.sh" >"$tools/insidellms.unreachable"
    fi
    rm -rf "$source"
}
insidellms

echo "$tools"
