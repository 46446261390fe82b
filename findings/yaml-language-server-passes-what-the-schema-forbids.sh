#!/bin/sh
# yaml-language-server 2.0.0 (npm): three things that a JSON Schema forbids pass without a word.
#
# - A key that `properties` names is not held against a `patternProperties` that matches it, too (both apply). In an
#   `allOf` beside it the same pattern does apply.
# - `uniqueItems` compares scalars only: a list with the same map or the same list twice is unique.
# - An empty document fits `type: object`.
# ajv 8.20.0 (npm) and check-jsonschema 0.39.0 (PyPI) refuse all three.
#
# Consequence: "the editor shows no error" does not mean "CI will take it". Where a schema is written for the editor,
# repeat the pattern's schema at the named key, or put it into an `allOf`.
#
# Seen on 2026-11-29, Node 20 and Python 3.11:
#   pattern of a named key: editor: no error; check-jsonschema: refused
#   the pattern in an allOf: editor: Incorrect type. Expected "string".; check-jsonschema: refused
#   a map twice: editor: no error; check-jsonschema: refused
#   a list twice: editor: no error; check-jsonschema: refused
#   a text twice: editor: Array has duplicate items.; check-jsonschema: refused
#   an empty document: editor: no error; check-jsonschema: refused
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'check-jsonschema==0.39.0'
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund yaml-language-server@2.0.0 vscode-jsonrpc@8.2.0 >/dev/null
cat > schema.json <<'JSON'
{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "x-owner": {"description": "Who answers for it."},
    "together": {
      "properties": {"x-owner": {"description": "Who answers for it."}},
      "allOf": [{"patternProperties": {"^x-": {"type": "string"}}}]
    },
    "list": {"uniqueItems": true}
  },
  "patternProperties": {"^x-": {"type": "string"}}
}
JSON
cat > cases.json <<'JSON'
{
  "pattern of a named key": "x-owner: 5\n",
  "the pattern in an allOf": "together: {x-owner: 5}\n",
  "a map twice": "list:\n- {name: a, port: 1}\n- {name: a, port: 1}\n",
  "a list twice": "list: [[a], [a]]\n",
  "a text twice": "list: [a, a]\n",
  "an empty document": ""
}
JSON
cat > ask.js <<'JS'
const { spawn } = require("child_process");
const { pathToFileURL } = require("url");
const fs = require("fs");
const rpc = require("vscode-jsonrpc/node");

const cases = JSON.parse(fs.readFileSync("cases.json"));
const settings = { validate: true, schemaStore: { enable: false } };
const server = spawn("node", ["node_modules/yaml-language-server/bin/yaml-language-server", "--stdio"]);
const peer = rpc.createMessageConnection(
  new rpc.StreamMessageReader(server.stdout),
  new rpc.StreamMessageWriter(server.stdin),
);
const told = {};
const uriOf = (index) => pathToFileURL(`case${index}.yaml`).href;
peer.onNotification("textDocument/publishDiagnostics", ({ uri, diagnostics }) => {
  told[uri] = diagnostics.filter((one) => one.severity === 1).map((one) => one.message);
});
peer.onRequest("workspace/configuration", ({ items }) =>
  items.map(({ section }) => (section === "yaml" ? settings : {})),
);
peer.onRequest(() => null);
peer.listen();

(async () => {
  const capabilities = { workspace: { configuration: true } };
  await peer.sendRequest("initialize", { processId: process.pid, rootUri: pathToFileURL(".").href, capabilities });
  peer.sendNotification("initialized", {});
  peer.sendNotification("workspace/didChangeConfiguration", { settings: { yaml: settings } });
  await new Promise((done) => setTimeout(done, 1500));
  const texts = Object.values(cases);
  texts.forEach((body, index) => {
    const text = `# yaml-language-server: $schema=schema.json\n${body}`;
    const textDocument = { uri: uriOf(index), languageId: "yaml", version: 1, text };
    peer.sendNotification("textDocument/didOpen", { textDocument });
  });
  for (let tries = 0; tries < 60 && Object.keys(told).length < texts.length; tries++)
    await new Promise((done) => setTimeout(done, 500));
  await new Promise((done) => setTimeout(done, 3000));
  const named = Object.keys(cases).map((name, index) => [name, told[uriOf(index)]]);
  fs.writeFileSync("told.json", JSON.stringify(Object.fromEntries(named)));
  server.kill();
  process.exit(0);
})();
JS
node ask.js
cat > see.py <<'PY'
import json
import subprocess

told = json.load(open("told.json"))
for name, text in json.load(open("cases.json")).items():
    with open("case.yaml", "w") as file:
        file.write(text)
    command = ["venv/bin/check-jsonschema", "--schemafile", "schema.json", "case.yaml"]
    code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
    verdict = {0: "accepted", 1: "refused"}[code]
    print(f"{name}: editor: {' '.join(told[name]) or 'no error'}; check-jsonschema: {verdict}")
PY
venv/bin/python see.py | tee seen
cat > expected <<'TXT'
pattern of a named key: editor: no error; check-jsonschema: refused
the pattern in an allOf: editor: Incorrect type. Expected "string".; check-jsonschema: refused
a map twice: editor: no error; check-jsonschema: refused
a list twice: editor: no error; check-jsonschema: refused
a text twice: editor: Array has duplicate items.; check-jsonschema: refused
an empty document: editor: no error; check-jsonschema: refused
TXT
diff expected seen
