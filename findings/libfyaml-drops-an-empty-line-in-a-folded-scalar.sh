#!/bin/sh
# libfyaml 1.0.0b2 (PyPI, the bindings of the C library): an empty line in a folded scalar is lost.
#
# In a folded scalar (`>`) a single line break becomes a space, but the breaks around a line that is indented further
# are kept, and so is an empty line before it: `x`, an empty line, ` c` are "x\n\n c\n" (YAML 1.2.2, 8.1.3: the lines
# are of different kinds, so the break between them is a line feed, and the empty line is another). libfyaml gives
# "x\n c\n", in its modes for YAML 1.2 and 1.1. Between two lines that are both indented further it keeps the empty line.
#
# Consequence: the library accepts and refuses what the 402 cases of the YAML test suite ask, with the same texts, since
# none of them is of this kind; and yet it reads other data than the rest: a list or an example that is indented in a
# folded text loses the empty line above it. PyYAML and ruamel.yaml keep it.
#
# Seen on 2026-11-29, Python 3.11:
#   PyYAML: ['x\n\n c\n', '  a\n\n  b\n']
#   ruamel.yaml: ['x\n\n c\n', '  a\n\n  b\n']
#   libfyaml, yaml1.2: ['x\n c\n', '  a\n\n  b\n']
#   libfyaml, yaml1.1: ['x\n c\n', '  a\n\n  b\n']
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'libfyaml==1.0.0b2' 'PyYAML==6.0.4' 'ruamel.yaml==0.19.1'
cat > "$dir/see.py" <<'PY'
import libfyaml
import yaml
from ruamel.yaml import YAML

TEXTS = [">\n  x\n\n   c\n", ">2\n    a\n\n    b\n"]

print("PyYAML:", [yaml.safe_load(text) for text in TEXTS])
print("ruamel.yaml:", [YAML(typ="safe", pure=True).load(text) for text in TEXTS])
for mode in ("yaml1.2", "yaml1.1"):
    print(f"libfyaml, {mode}:", [libfyaml.loads(text, mode=mode).to_python() for text in TEXTS])
PY
"$dir/venv/bin/python" "$dir/see.py" | tee "$dir/seen"
cat > "$dir/expected" <<'TXT'
PyYAML: ['x\n\n c\n', '  a\n\n  b\n']
ruamel.yaml: ['x\n\n c\n', '  a\n\n  b\n']
libfyaml, yaml1.2: ['x\n c\n', '  a\n\n  b\n']
libfyaml, yaml1.1: ['x\n c\n', '  a\n\n  b\n']
TXT
diff "$dir/expected" "$dir/seen"
