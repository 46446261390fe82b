#!/bin/sh
# lightkube 1.0.1 (PyPI, with httpx2 2.16.2): one object with the character U+0085 in any of its texts ends every watch.
#
# A watch is one JSON object a line. JSON may hold U+0085 (NEXT LINE) as it is, and Go's encoder, so the real
# kube-apiserver (seen with 1.37.2), sends it as it is. lightkube takes httpx2's aiter_lines(), which splits where
# Python's str.splitlines() does: at U+0085, too. The first half of the line is then no JSON: `watch` raises
# msgspec.DecodeError, which is none of the exceptions that it documents and gives to `on_error`. Listing and getting the
# object work. Watched again from the last version, the same event comes again, and ends the watch again.
#
# Consequence: one ConfigMap with a text pasted from a mainframe or an old document stops a controller that watches
# ConfigMaps. Split a watch at b"\n" alone.
#
# Seen on 2026-11-29, Python 3.11:
#   get: a\x85b
#   watch: DecodeError: Input data was truncated
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'lightkube==1.0.1' 'httpx2==2.16.2'
cat > "$dir/see.py" <<'PY'
import asyncio
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from lightkube import AsyncClient
from lightkube.config.kubeconfig import KubeConfig
from lightkube.resources.core_v1 import ConfigMap

ITEM = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "one", "namespace": "default", "resourceVersion": "7"},
    "data": {"text": "a\x85b"},
}


class ApiServer(BaseHTTPRequestHandler):
    def do_GET(self):
        told = {"type": "ADDED", "object": ITEM} if "watch=true" in self.path else ITEM
        body = json.dumps(told, ensure_ascii=False).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


async def main(port):
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "me", "user": {"token": "none"}}],
    }
    client = AsyncClient(config=KubeConfig.from_dict(config))
    item = await client.get(ConfigMap, "one", namespace="default")
    print("get:", item.data["text"].encode("unicode_escape").decode())
    try:
        async for kind, _ in client.watch(ConfigMap, namespace="default", resource_version="6"):
            print("watch:", kind)
            sys.exit("changed: the event was read")
    except Exception as error:
        print(f"watch: {type(error).__name__}: {error}")
        if type(error).__name__ != "DecodeError":
            sys.exit("changed: another error")


server = HTTPServer(("127.0.0.1", 0), ApiServer)
threading.Thread(target=server.serve_forever, daemon=True).start()
asyncio.run(main(server.server_port))
PY
"$dir/venv/bin/python" "$dir/see.py"
