#!/bin/sh
# litellm 1.106.2 (PyPI, litellm[proxy]): PATCH /credentials/NAME merges `credential_info` in the proxy's memory and replaces
# it in the database.
#
# A PATCH with `{"credential_info": {"b": 2}}` of a credential whose info is `{"a": 1}` answers 200, and GET /credentials
# right after shows `{"a": 1, "b": 2}`: it answers from memory. The row in the database holds `{"b": 2}` alone. The proxy
# reads its database again every few seconds, or when it is restarted; from then on `a` is gone. `credential_values` is
# merged in both places.
#
# Consequence: reading back after a PATCH proves nothing here. Send the whole of credential_info each time. This script
# calls the two functions with which the handler of the PATCH makes the row and the entry in memory.
#
# Seen on 2026-11-29, Python 3.11:
#   database: {'b': 2} ['x', 'y']
#   memory: {'a': 1, 'b': 2} ['x', 'y']
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'litellm[proxy]==1.106.2'
cat > "$dir/see.py" <<'PY'
import os

os.environ["LITELLM_SALT_KEY"] = "sk-of-this-script"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from litellm.proxy.common_utils.encrypt_decrypt_utils import decrypt_value_helper
from litellm.proxy.credential_endpoints import endpoints
from litellm.types.utils import CredentialItem


def held():
    return CredentialItem(credential_name="c", credential_info={"a": 1}, credential_values={"x": "1"})


patch = CredentialItem(credential_name="c", credential_info={"b": 2}, credential_values={"y": "2"})
row = endpoints.update_db_credential(held(), patch)
litellm.credential_list = [held()]
endpoints._sync_in_memory_credential(patch, "c")
(entry,) = litellm.credential_list
print("database:", row.credential_info, sorted(row.credential_values))
print("memory:", entry.credential_info, sorted(entry.credential_values))
assert row.credential_info == {"b": 2}, row
assert entry.credential_info == {"a": 1, "b": 2}, entry
assert sorted(row.credential_values) == sorted(entry.credential_values) == ["x", "y"]
PY
cd "$dir"
"$dir/venv/bin/python" see.py
echo "as seen"
