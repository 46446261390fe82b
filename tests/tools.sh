#!/usr/bin/env bash
# Installs what the tests need beside Python packages into .cache/tools. Idempotent: what is there is left alone.
#
#   node_modules/@microsoft/jest-sarif   the official SARIF 2.1.0 schema
#   node_modules/yaml-language-server    the editors' language server
#   junit-10.xsd                         the JUnit schema, from pytest's source distribution
#   lf/bin/lf                            LatticeFlow's own client, in a venv of its own
#   nemo/bin/nemo                        the NeMo Platform server and NVIDIA's own client for it, in a venv of their own
#   ibm/bin/python                       a Python with IBM's own client for watsonx Orchestrate, in a venv of its own
#   insidellms/bin/insidellms            insideLLMs, from its public repository, in a venv of its own. The one tool that may be
#                                        missing: where the repository cannot be reached, insidellms.unreachable says so
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
lf_version=3.17.0
# The wheel pins none of its 194 packages. aiosqlite and pyleak are missing from these extras, and the server does not start without.
nemo_version=0.3.0
nemo_extras=entities-service,models-service,secrets-service,files-service,inference-gateway-service,auth-service
ibm_version=2.19.1
# insideLLMs has no release. INSIDELLMS_SOURCE names another copy of the repository, for machines that cannot reach GitHub.
insidellms_commit=822c8e4eb1b0ff234fddfd42ef6b53ec52f6bce5
insidellms_source=${INSIDELLMS_SOURCE:-https://github.com/dr-gareth-roberts/insideLLMs}
openai_version=3.52.0
nemo_constraints="$root/tests/registry/nemo/constraints.txt"

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

# fetch_uv: a uv, into $uv. Where there is none, one of our own: with it the server is installed in half a minute, without in two.
fetch_uv() {
    for uv in "$(dirname "$("$python" -c 'import sys; print(sys.executable)')")/uv" uv "$tools/uv/bin/uv"; do
        have "$uv" && return
    done
    PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --quiet --disable-pip-version-check --target "$tools/uv" uv >&2 && have "$uv"
}

# environment NAME PROGRAM STAMP REQUIREMENT…: a venv $tools/NAME with bin/PROGRAM, unless there is one of the same STAMP.
# The stamp is written last, so that what was interrupted is made anew; it names the folder, since a venv cannot be moved.
# Bytecode: without it every call takes twice as long.
environment() {
    folder="$tools/$1" program="$1/bin/$2" stamp="$3 $tools/$1"
    shift 3
    [ "$(cat "$folder/.installed" 2>/dev/null)" = "$stamp" ] && "$folder/bin/python" -c '' 2>/dev/null && return
    echo "tests/tools.sh: installing $program" >&2
    rm -rf "$folder"
    if ! { fetch_uv && "$uv" venv --quiet --python "$python" "$folder" >&2 &&
        "$uv" pip install --quiet --compile-bytecode --python "$folder/bin/python" "$@" >&2; }; then
        rm -rf "$folder"
        "$python" -m venv "$folder" >&2 || fail "no venv for $program can be made (on Debian: apt-get install python3-venv)"
        env -u PYTHONDONTWRITEBYTECODE "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --compile "$@" >&2 ||
            fail "$program cannot be installed: pip install $*"
    fi
    [ -x "$tools/$program" ] || fail "$program was not in what pip installed: $*"
    echo "$stamp" >"$folder/.installed"
}

environment lf lf "$lf_version" "latticeflow-go-sdk==$lf_version"
environment nemo nemo "$nemo_version $nemo_extras $(cksum <"$nemo_constraints")" \
    --constraint "$nemo_constraints" "nemo-platform[$nemo_extras]==$nemo_version" aiosqlite pyleak
environment ibm python "$ibm_version" "ibm-watsonx-orchestrate-clients==$ibm_version"

# insidellms: insideLLMs, and the SDK with which it speaks to OpenAI-compatible endpoints; or why it cannot be had.
insidellms() {
    stamp="$insidellms_commit openai $openai_version"
    if [ "$(cat "$tools/insidellms/.installed" 2>/dev/null)" != "$stamp $tools/insidellms" ]; then
        source=$(mktemp -d)
        if ! { git -C "$source" init --quiet &&
            GIT_TERMINAL_PROMPT=0 git -C "$source" -c http.lowSpeedLimit=1000 -c http.lowSpeedTime=30 \
                fetch --quiet --depth 1 "$insidellms_source" "$insidellms_commit" >&2 &&
            git -C "$source" checkout --quiet FETCH_HEAD >&2; }; then
            rm -rf "$source"
            echo "tests/tools.sh: NOT INSTALLED: insideLLMs: $insidellms_source cannot be reached; what needs it is not seen" >&2
            echo "$insidellms_source could not be reached by tests/tools.sh" >"$tools/insidellms.unreachable"
            return
        fi
    fi
    environment insidellms insidellms "$stamp" "${source:-git+$insidellms_source@$insidellms_commit}" "openai==$openai_version"
    rm -rf "${source:-}" "$tools/insidellms.unreachable"
}
insidellms

echo "$tools"
