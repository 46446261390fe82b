"""The two hashes: of plain data, to tell whether it moved, and of a secret, to tell whether it is new."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from reconciler.secrets import Secret
from reconciler.specs import canonical_json


def digest(value: Any) -> str:
    """sha256 of the canonical text, as 64 hex digits."""
    # a file's name that is no UTF-8 holds halves of surrogate pairs
    return hashlib.sha256(canonical_json(value).encode(errors="surrogatepass")).hexdigest()


def fingerprint(key: Secret, address: str, pointer: str, value: Secret) -> str:
    """16 hex digits of HMAC-SHA256 over address, pointer and value: tells a change, and tells nothing else."""
    # a variable that is no UTF-8 holds halves of surrogate pairs
    message = "\0".join((address, pointer, value.reveal())).encode(errors="surrogatepass")
    return hmac.new(key.reveal().encode(errors="surrogatepass"), message, hashlib.sha256).hexdigest()[:16]
