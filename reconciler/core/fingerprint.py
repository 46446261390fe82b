"""Fingerprints of secrets: they tell that a value is new, and nothing else. Planning needs none of them.

A fingerprint is `<key id>:<digits>`: 8 hex digits of the key's own hash, and 16 of HMAC-SHA256 over address, pointer and
value. The key id tells a value that is new from a fingerprint that another key made.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from reconciler.core.errors import SecretError
from reconciler.core.resource import Address, DesiredState
from reconciler.core.secret import Resolver, Secret

MIN_KEY_LENGTH: Final = 16  # characters: a shorter key can be guessed from the fingerprints that it made


def fingerprint(key: Secret, address: str, pointer: str, value: Secret) -> str:
    """Compute the fingerprint of one secret's value. One line end at the end of the value or the key does not count."""
    secret = _bytes(key)
    message = "\0".join((address, pointer, without_line_end(value.reveal()))).encode(errors="surrogatepass")
    digits = hmac.new(secret, message, hashlib.sha256).hexdigest()[:16]
    return f"{hashlib.sha256(secret).hexdigest()[:8]}:{digits}"


def without_line_end(text: str) -> str:
    """A text without one line end at its end: files and `echo` add one, environment variables do not."""
    for end in ("\r\n", "\n", "\r"):
        if text.endswith(end):
            return text.removesuffix(end)
    return text


def _bytes(key: Secret) -> bytes:
    # a variable that is no UTF-8 holds lone surrogates
    return without_line_end(key.reveal()).encode(errors="surrogatepass")


def seal(key: Secret, text: str) -> str:
    """64 hex digits of HMAC-SHA256 over a text: only who has the key can make them."""
    # the label keeps a seal from ever being what a fingerprint is: one key serves both
    message = f"reconciler plan\0{text}".encode(errors="surrogatepass")
    return hmac.new(_bytes(key), message, hashlib.sha256).hexdigest()


def sealed_by(key: Secret, text: str, stated: str) -> bool:
    """Whether `stated` is the seal of the text under this key. Takes the same time for every wrong one."""
    return hmac.compare_digest(seal(key, text).encode(), stated.encode(errors="surrogatepass"))


def known_fingerprints(desired: DesiredState, key: Secret | None, resolver: Resolver) -> dict[Address, dict[str, str]]:
    """Those of the desired secrets whose values are there to be read, by address and pointer. Empty without a key; a secret that has no value here is left out."""
    found: dict[Address, dict[str, str]] = {}
    if key is None:
        return found
    resolver.run_ahead(reference for item in desired.resources for reference in item.secrets.values())
    for item in desired.resources:
        for pointer, reference in item.secrets.items():
            try:
                value = resolver.resolve(reference)
            except SecretError:
                continue
            # also under its old keys: a fingerprint is of one address, and a rename alone rotates nothing
            for address in (item.address, *item.previous):
                found.setdefault(address, {})[pointer] = fingerprint(key, str(address), pointer, value)
    return found
