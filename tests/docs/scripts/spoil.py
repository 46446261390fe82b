"""Change a field of an object in an embedded registry's file, as somebody would who edits it behind our back.

python spoil.py FILE KEY FIELD VALUE
"""

from __future__ import annotations

import json
import sqlite3
import sys

file, key, field, value = sys.argv[1:]
connection = sqlite3.connect(file)
with connection:
    where = "object_id = (SELECT id FROM object WHERE key = ? AND deleted_at IS NULL) ORDER BY revision DESC LIMIT 1"
    ((number, text),) = connection.execute(f"SELECT rowid, spec FROM revision WHERE {where}", (key,)).fetchall()
    spec = json.dumps({**json.loads(text), field: value})
    connection.execute("UPDATE revision SET spec = ? WHERE rowid = ?", (spec, number))
connection.close()
