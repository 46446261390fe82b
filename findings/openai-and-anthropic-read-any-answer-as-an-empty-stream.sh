#!/bin/sh
# openai 3.57.0 and anthropic 2.14.0 (PyPI): an answer that is no stream is read as a stream of nothing.
#
# Both clients hand the body of a 200 to their reader of server-sent events without a look at its Content-Type. A line
# that is no field of such an event is skipped, as the format says; so a whole answer in JSON, from a server or a
# gateway that does not stream, and the HTML of a proxy's login page come out as an iterator that ends at once: no
# chunk, no error, no retry. Without `stream=True` openai reads the JSON, and the HTML fails at the first attribute.
# Only the helper `chat.completions.stream` of openai fails, with an AssertionError without words, once it is asked for
# the final answer.
#
# Consequence: a check that a model streams, and any loop that adds up chunks, must count them: an empty text is what
# "does not stream", "log in first" and "the answer is empty" look like. Or look at `response.headers["content-type"]`
# of `with_raw_response`.
#
# Seen on 2026-11-29, Python 3.11:
#   JSON, no stream: 'The answer.'
#   JSON, chat.completions: []
#   JSON, responses: []
#   JSON, messages: []
#   HTML, chat.completions: []
#   HTML, responses: []
#   HTML, messages: []
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'openai==3.57.0' 'anthropic==2.14.0'
cat > "$dir/see.py" <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import anthropic
import openai

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "The answer."}, "finish_reason": "stop"}
WHOLE = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [CHOICE]}
ANSWERS = {
    "JSON": ("application/json", json.dumps(WHOLE).encode()),
    "HTML": ("text/html", b"<!doctype html><title>Log in</title><form><input name=user></form>\n"),
}


class Server(BaseHTTPRequestHandler):
    answer = ANSWERS["JSON"]

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        kind, body = Server.answer
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
first = openai.OpenAI(base_url=f"{url}/v1", api_key="none")
second = anthropic.Anthropic(base_url=url, api_key="none")
chat = {"model": "m", "messages": [{"role": "user", "content": "Hello!"}]}
print("JSON, no stream:", repr(first.chat.completions.create(**chat).choices[0].message.content))
for name, answer in ANSWERS.items():
    Server.answer = answer
    print(f"{name}, chat.completions:", list(first.chat.completions.create(**chat, stream=True)))
    print(f"{name}, responses:", list(first.responses.create(model="m", input="Hello!", stream=True)))
    print(f"{name}, messages:", list(second.messages.create(**chat, max_tokens=5, stream=True)))
PY
"$dir/venv/bin/python" "$dir/see.py" | tee "$dir/seen"
cat > "$dir/expected" <<'TXT'
JSON, no stream: 'The answer.'
JSON, chat.completions: []
JSON, responses: []
JSON, messages: []
HTML, chat.completions: []
HTML, responses: []
HTML, messages: []
TXT
diff "$dir/expected" "$dir/seen"
