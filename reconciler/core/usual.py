"""The usual bounds of the numbers that every registry has, whatever it calls them. Beyond them a value is probably another unit, or a slip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.core.rules import Usual

_PENALTY: Final = Usual(-2, 2)
_TOKENS: Final = 10_000_000  # more than any model's context
USUAL: Final[Mapping[str, Usual]] = {
    "temperature": Usual(0, 2),
    "top_p": Usual(0, 1, "it is a share, not a percentage"),
    "top_k": Usual(-1, 1_000),
    "n": Usual(1, 128),
    "max_completion_tokens": Usual(1, 1_000_000),
    "presence_penalty": _PENALTY,
    "frequency_penalty": _PENALTY,
    "requests_per_minute": Usual(1, 1_000_000),
    "max_concurrency": Usual(1, 10_000),
    "context_length": Usual(256, _TOKENS, "it is in tokens, not in thousands of them"),
    "timeout": Usual(0.1, 3_600, "it is in seconds"),
    "milliseconds": Usual(100, 3_600_000, "it is in milliseconds"),
    "price_per_token": Usual(0, 0.01, "it is for one token, not for a million"),
}
