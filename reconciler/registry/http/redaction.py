"""Redaction of texts that others wrote: no control characters, and no secret that we know."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

from reconciler.core.secret import Secret

MASK: Final = "***"


class Redactor:
    """Replaces known secrets in a text by `***`."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        # the longest first: a secret may hold another one
        forms = sorted(
            {form for secret in secrets for form in _forms(secret.reveal())}, key=lambda form: (-len(form), form)
        )
        self._pattern = re.compile("|".join(map(re.escape, forms))) if forms else None

    def __call__(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text

    def excerpt(self, text: str, most: int) -> str:
        """Cut a redacted text to one line of at most `most` characters."""
        # twice: a secret of several lines is found before they are joined, one that was broken up by control characters after
        line = self(" ".join("".join(char if char.isprintable() else " " for char in self(text)).split()))
        return line if len(line) <= most else f"{line[: most - 1]}…"


def _forms(value: str) -> Iterator[str]:
    """Forms in which a server may repeat a secret: as it is, without its scheme, decoded, in JSON, in a URL."""
    plain = {value, value.strip()}
    scheme, _, credential = value.strip().partition(" ")
    if credential and scheme.isalpha():
        plain.add(credential)
        if scheme.lower() == "basic":
            plain.update(_pair(credential))
    for form in plain - {""}:
        yield form
        yield json.dumps(form)[1:-1]
        yield json.dumps(form, ensure_ascii=False)[1:-1]
        yield quote(form, safe="", errors="replace")


def _pair(credential: str) -> set[str]:
    try:
        pair = base64.b64decode(credential, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return set()
    return {pair, pair.partition(":")[2]}
