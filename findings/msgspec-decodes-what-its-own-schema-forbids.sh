#!/bin/sh
# msgspec 0.23.0 (PyPI): `msgspec.json.decode` takes what `msgspec.json.schema` of the same type forbids, and refuses
# what it allows.
#
# - A tagged Struct: the schema requires the tag; decoded alone (not in a union), a map without it is one, too.
# - set[int]: the schema says `uniqueItems`; a list with a number twice is decoded, and is shorter afterwards.
# - enum.Flag: the schema lists the single members; 3 (both), 0 (none) and even -1 (which becomes both) are decoded.
# - Decimal: the schema says `string`; a number is decoded. What is encoded again is a string.
# - dict[int, int] with a limit on its keys: the schema says nothing of keys; a key that is no number, or is below the
#   limit, is refused.
# - int: JSON Schema calls 1.0 an integer; it is refused.
#
# Consequence: a schema from msgspec that an editor, a gateway or another service checks is neither wider nor narrower
# than the program behind it; and a map without its tag, read and written again, comes back with one.
#
# Seen on 2026-11-29, Python 3.11:
#   no tag: schema False, decoded {"type":"model","n":1}
#   twice in a set: schema False, decoded [1]
#   two flags: schema False, decoded 3
#   no such flag: schema False, decoded 3
#   Decimal from a number: schema False, decoded "0.5"
#   key below its limit: schema True, refused
#   key that is no number: schema True, refused
#   1.0: schema True, refused
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'msgspec==0.23.0' 'jsonschema==4.26.0'
cat > "$dir/see.py" <<'PY'
import enum
import json
from decimal import Decimal
from typing import Annotated

import jsonschema
import msgspec


class Model(msgspec.Struct, tag="model"):
    n: int


class Ability(enum.Flag):
    CHAT = 1
    EMBED = 2


CASES = {
    "no tag": (Model, '{"n":1}'),
    "twice in a set": (set[int], "[1,1]"),
    "two flags": (Ability, "3"),
    "no such flag": (Ability, "-1"),
    "Decimal from a number": (Decimal, "0.5"),
    "key below its limit": (dict[Annotated[int, msgspec.Meta(ge=0)], int], '{"-1":1}'),
    "key that is no number": (dict[int, int], '{"a":1}'),
    "1.0": (int, "1.0"),
}
for name, (kind, text) in CASES.items():
    valid = jsonschema.Draft202012Validator(msgspec.json.schema(kind)).is_valid(json.loads(text))
    try:
        seen = "decoded " + msgspec.json.encode(msgspec.json.decode(text, type=kind)).decode()
    except msgspec.ValidationError:
        seen = "refused"
    print(f"{name}: schema {valid}, {seen}")
PY
"$dir/venv/bin/python" "$dir/see.py" | tee "$dir/seen"
cat > "$dir/expected" <<'TXT'
no tag: schema False, decoded {"type":"model","n":1}
twice in a set: schema False, decoded [1]
two flags: schema False, decoded 3
no such flag: schema False, decoded 3
Decimal from a number: schema False, decoded "0.5"
key below its limit: schema True, refused
key that is no number: schema True, refused
1.0: schema True, refused
TXT
diff "$dir/expected" "$dir/seen"
