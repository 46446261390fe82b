"""Fingerprints of secrets: they tell that a value is new, and nothing else. Planning needs none of them."""

from __future__ import annotations

import hashlib
import hmac

from reconciler.core.errors import SecretError
from reconciler.core.resource import Address, DesiredState
from reconciler.core.secret import Resolver, Secret


def fingerprint(key: Secret, address: str, pointer: str, value: Secret) -> str:
    """16 hex digits of HMAC-SHA256 over address, pointer and value."""
    # a variable that is no UTF-8 holds halves of surrogate pairs
    message = "\0".join((address, pointer, value.reveal())).encode(errors="surrogatepass")
    return hmac.new(key.reveal().encode(errors="surrogatepass"), message, hashlib.sha256).hexdigest()[:16]


def seal(key: Secret, text: str) -> str:
    """64 hex digits of HMAC-SHA256 over a text: only who has the key can make them."""
    # the label keeps a seal from ever being what a fingerprint is: one key serves both
    message = f"reconciler plan\0{text}".encode(errors="surrogatepass")
    return hmac.new(key.reveal().encode(errors="surrogatepass"), message, hashlib.sha256).hexdigest()


def sealed_by(key: Secret, text: str, stated: str) -> bool:
    """Whether `stated` is the seal of the text under this key. Takes the same time for every wrong one."""
    return hmac.compare_digest(seal(key, text).encode(), stated.encode(errors="surrogatepass"))


def known_fingerprints(desired: DesiredState, key: Secret | None, resolver: Resolver) -> dict[Address, dict[str, str]]:
    """Those of the desired secrets whose values are there to be read, by address and pointer. Empty without a key; a secret that has no value here is left out."""
    found: dict[Address, dict[str, str]] = {}
    if key is None:
        return found
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
