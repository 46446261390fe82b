#!/bin/sh
# litellm 1.106.2 (PyPI): a stream that its upstream cuts off is handed on as a finished answer.
#
# An OpenAI-compatible upstream sends one chunk with text and then closes: no finish_reason, no [DONE]. Such a stream
# is incomplete: the official client's own type says that finish_reason is null until the model is done. litellm's
# stream nevertheless ends with a chunk of its own whose finish_reason is "stop", and its proxy adds `data: [DONE]`.
# Whoever reads through it cannot tell half an answer from a whole one; where HTTP itself says that something is
# missing (a chunked body without its last chunk), litellm raises an error instead.
#
# Consequence: a test of streaming through litellm says nothing of streams that its upstream breaks off; test the
# upstream itself, too.
#
# Seen on 2026-11-28, Python 3.11:
#   chunks: [('Half a rep', None), (None, 'stop')]
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'litellm==1.106.2'
cat > "$dir/see.py" <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import litellm

CHUNK = {
    "id": "c",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Half a rep"}, "finish_reason": None}],
}


class Upstream(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = f"data: {json.dumps(CHUNK)}\n\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Upstream)
threading.Thread(target=server.serve_forever, daemon=True).start()
stream = litellm.completion(
    model="openai/m",
    api_base=f"http://127.0.0.1:{server.server_port}/v1",
    api_key="none",
    messages=[{"role": "user", "content": "Hello!"}],
    stream=True,
)
seen = [(chunk.choices[0].delta.content, chunk.choices[0].finish_reason) for chunk in stream]
print("chunks:", seen)
assert seen == [("Half a rep", None), (None, "stop")], "litellm behaves differently now"
PY
LITELLM_LOCAL_MODEL_COST_MAP=True "$dir/venv/bin/python" "$dir/see.py"
