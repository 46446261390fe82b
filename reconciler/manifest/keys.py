"""Keys as registries take them: why one is refused, and one like it that would be taken. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

CheckKey = Callable[[str], str | None]


def key_refusal(check: CheckKey, key: str) -> str | None:
    """The reason for which a registry refuses a key, or None. `check` is its kind's `check_key`.

    A reference in a key is refused everywhere: keys are literal.
    """
    return "a key holds no reference" if "${" in key else check(key)


def near_key(check: CheckKey, key: str) -> str | None:
    """The key with `-` for whatever is neither letter nor digit, as `gpt-4-1` for `gpt-4.1`, or in lower case, if the registry takes that."""
    near = re.sub(r"[^A-Za-z0-9]+", "-", key).strip("-")
    wanted = (text for text in (near, near.lower()) if text and "${" not in key and key_refusal(check, text) is None)
    return next(wanted, None)
