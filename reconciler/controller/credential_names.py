"""Names that surely are a credential's, as a CEL expression.

`core.secret_names` says it with look-arounds, which RE2 has not. Here are the names of which no look-around is needed:
none that `validate` takes for anything else.
"""

from __future__ import annotations

from typing import Final

from reconciler.controller.cel import quoted
from reconciler.core.secret_names import ABOUT, FINDING, PLAIN_TOKENS, STEMS

_STEM: Final = "|".join(stem.replace("-", "[-_. ]?") for stem in STEMS)
CREDENTIAL: Final = f"(?i:{_STEM}|token(?:$|[-_. ]))"
# `token_type` is a type, `next_token` a page
_LAST: Final = "|".join([*(f"[-_. ](?i:{word})" for word in ABOUT), *(f"[a-z]{word.capitalize()}" for word in ABOUT)])
OTHER: Final = f"(?:{_LAST})[Ss]?$|(?i:(?:{'|'.join((*FINDING, *PLAIN_TOKENS))})[-_.]token)"


def is_credential(name: str) -> str:
    """The expression that is true of names that surely are a credential's. `name` is the expression of a name."""
    return f"{name}.matches({quoted(CREDENTIAL)}) && !{name}.matches({quoted(OTHER)})"
