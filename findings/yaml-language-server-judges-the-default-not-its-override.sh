#!/bin/sh
# yaml-language-server 2.0.0 (npm): where a map overrides a key that a merge brings, the validator sees the wrong value.
#
# `<<: *base` brings the keys of `base`; a key that the map itself names wins over them, wherever it stands (the type
# "merge" of YAML 1.1, PyYAML 6.0.4, ruamel.yaml 0.19.1). The language server takes the one that stands first. Where
# the merge is the first line of the map, as nearly everybody writes it, the schema is held against the value that
# nobody uses: a wrong override passes, and a right override of a value that is wrong here is marked. The key is
# also counted twice: `maxProperties: 1` is broken by a map with one key.
#
# Consequence: in files with defaults and overrides a clean editor says nothing of the overrides. Check such files
# with a validator that loads them first, or write the merge as the last line of its map.
#
# Seen on 2026-11-29, Node 20 and Python 3.11; the schema wants integers:
#   integer overridden by a string, merge first: no error; PyYAML has {'k': 'text'}
#   string overridden by an integer, merge first: Incorrect type. Expected "integer".; PyYAML has {'k': 1}
#   string overridden by an integer, merge last: no error; PyYAML has {'k': 1}
#   integer overridden by an integer, one key allowed: Object has more properties than limit of 1.; PyYAML has {'k': 2}
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'PyYAML==6.0.4'
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund yaml-language-server@2.0.0 vscode-jsonrpc@8.2.0 >/dev/null
cat > schema.json <<'JSON'
{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "properties": {
    "used": {"additionalProperties": {"type": "integer"}},
    "small": {"maxProperties": 1}
  }
}
JSON
cat > cases.json <<'JSON'
{
  "integer overridden by a string, merge first": "base: &base {k: 1}\nused:\n  <<: *base\n  k: text\n",
  "string overridden by an integer, merge first": "base: &base {k: text}\nused:\n  <<: *base\n  k: 1\n",
  "string overridden by an integer, merge last": "base: &base {k: text}\nused:\n  k: 1\n  <<: *base\n",
  "integer overridden by an integer, one key allowed": "base: &base {k: 1}\nsmall:\n  <<: *base\n  k: 2\n"
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

import yaml

told = json.load(open("told.json"))
for name, text in json.load(open("cases.json")).items():
    loaded = yaml.safe_load(text)
    print(f"{name}: {' '.join(told[name]) or 'no error'}; PyYAML has {loaded.get('used', loaded.get('small'))}")
PY
venv/bin/python see.py | tee seen
cat > expected <<'TXT'
integer overridden by a string, merge first: no error; PyYAML has {'k': 'text'}
string overridden by an integer, merge first: Incorrect type. Expected "integer".; PyYAML has {'k': 1}
string overridden by an integer, merge last: no error; PyYAML has {'k': 1}
integer overridden by an integer, one key allowed: Object has more properties than limit of 1.; PyYAML has {'k': 2}
TXT
diff expected seen
