"""The fingerprints of the desired secrets whose values are there to be read. Planning needs none of them."""

from __future__ import annotations

from reconciler.errors import SecretError
from reconciler.hashes import fingerprint
from reconciler.secrets import Resolver, Secret
from reconciler.state import Address, DesiredState


def known_fingerprints(desired: DesiredState, key: Secret | None, resolver: Resolver) -> dict[Address, dict[str, str]]:
    """By address and pointer. Empty without a key; a secret that has no value here is left out."""
    found: dict[Address, dict[str, str]] = {}
    if key is None:
        return found
    for item in desired.resources:
        for place, reference in item.secrets.items():
            try:
                value = resolver.resolve(reference)
            except SecretError:
                continue
            # also under its old keys: a fingerprint is of one address, and a rename alone rotates nothing
            for address in (item.address, *item.previous):
                found.setdefault(address, {})[place] = fingerprint(key, str(address), place, value)
    return found
