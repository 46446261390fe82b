"""The names of what stands beside a portable Model in AI GO!: its secrets, `reconciler-<key>-<field>`."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from reconciler.core.spec import digest

PREFIX: Final = "reconciler-"
API_KEY: Final = "api-key"
HEADER: Final = "header-"
LONGEST: Final = 250  # the limit of keys; that of a secret's name is not documented

_FIELD: Final = re.compile(rf"-(?={API_KEY}\Z|{HEADER})")
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")


def secret_name(key: str, field: str) -> str:
    """The name of the secret that holds a field of the model `key`. A long one is shortened, and told apart by a hash."""
    name = f"{PREFIX}{_legal(key)}-{field}"
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 17]}-{digest(name)[:16]}"


def _legal(key: str) -> str:
    """A model's key as it stands in a secret's name, which holds no '$': told apart by a hash from one that has '-' there."""
    return f"{key.replace('$', '-')}-{digest(key)[:8]}" if "$" in key else key


def header_field(header: str, others: Collection[str]) -> str:
    """The field of a header's secret: its name in lower case, and a hash where another header of the model reads the same."""
    plain = _plain(header)
    twins = [other for other in others if other != header and _plain(other) == plain]
    return f"{HEADER}{plain}-{digest(header)[:8]}" if twins else f"{HEADER}{plain}"


def _plain(header: str) -> str:
    return _NOT_IN_NAMES.sub("-", header.lower()).strip("-")


def model_of(name: str, models: Collection[str]) -> str | None:
    """The key of the model that a secret of that name stands beside, or None for a secret of somebody else's.

    A name that could be of several is that of a model which is there, else that of the longest key.
    """
    if not name.startswith(PREFIX):
        return None
    rest = name.removeprefix(PREFIX)
    legal = {_legal(key): key for key in models}
    keys = [rest[: match.start()] for match in _FIELD.finditer(rest) if match.start() > 0]
    there = [legal[key] for key in keys if key in legal]
    if there or keys:
        return max(there or keys, key=len)
    if len(name) < LONGEST:
        return None
    shortened = [key for plain, key in legal.items() if plain.startswith(rest[:-17]) or rest.startswith(plain + "-")]
    return max(shortened, key=len, default=None)
