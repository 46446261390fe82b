#!/bin/sh
# mlflow 3.17.2 (PyPI): an update of a gateway endpoint erases its fallback_config when it names model_configs.
#
# POST /api/3.0/mlflow/gateway/endpoints/update changes only what it names: an update of the name keeps the
# endpoint's fallback_config. But an update that names model_configs, and says nothing of fallback_config, leaves the
# endpoint with an empty one, though the models that are given may be the very same ones, the fallback among them. The
# answer is 200.
#
# Consequence: whoever changes the models of an endpoint (a weight, another definition) sends its fallback_config
# along each time, or the endpoint no longer falls back, and nothing says so.
#
# Seen on 2026-11-28, Python 3.11, SQLite:
#   created:                         {'strategy': 'SEQUENTIAL', 'max_attempts': 2}
#   after an update of the name:     {'strategy': 'SEQUENTIAL', 'max_attempts': 2}
#   after an update of its models:   {}
set -eu
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -- "-$server"; rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'mlflow==3.17.2'
cat > "$dir/see.py" <<'PY'
import json
import sys
import time
import urllib.request

BASE = f"http://127.0.0.1:{sys.argv[1]}"


def ask(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    url = f"{BASE}/api/3.0/mlflow/gateway/{path}"
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


for _ in range(240):
    try:
        urllib.request.urlopen(f"{BASE}/health").close()
        break
    except OSError:
        time.sleep(0.5)
secret = {"secret_name": "s", "secret_value": {"api_key": "none"}, "provider": "openai"}
secret_id = ask("POST", "secrets/create", secret)["secret"]["secret_id"]
ids = []
for name in ("first", "second"):
    definition = {"name": name, "secret_id": secret_id, "provider": "openai", "model_name": "m"}
    answer = ask("POST", "model-definitions/create", definition)
    ids.append(answer["model_definition"]["model_definition_id"])
models = [
    {"model_definition_id": ids[0], "linkage_type": "PRIMARY", "weight": 1.0},
    {"model_definition_id": ids[1], "linkage_type": "FALLBACK", "fallback_order": 1},
]
fallback = {"strategy": "SEQUENTIAL", "max_attempts": 2}
endpoint = {"name": "e", "model_configs": models, "fallback_config": fallback, "usage_tracking": False}
endpoint_id = ask("POST", "endpoints/create", endpoint)["endpoint"]["endpoint_id"]


def stored():
    return ask("GET", f"endpoints/get?endpoint_id={endpoint_id}")["endpoint"].get("fallback_config")


seen = [stored()]
for change in ({"name": "renamed"}, {"model_configs": models}):
    ask("POST", "endpoints/update", {"endpoint_id": endpoint_id, **change})
    seen.append(stored())
for words, found in zip(("created:", "after an update of the name:", "after an update of its models:"), seen):
    print(f"{words:32} {found}")
sys.exit(seen != [fallback, fallback, {}])
PY
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_CRYPTO_KEK_PASSPHRASE=only-for-this-run
cd "$dir"
setsid "$dir/venv/bin/mlflow" server --host 127.0.0.1 --port "$port" --workers 1 \
    --backend-store-uri "sqlite:///$dir/mlflow.db" --artifacts-destination "$dir/artifacts" >"$dir/log" 2>&1 &
server=$!
"$dir/venv/bin/python" "$dir/see.py" "$port"
