"""Say in the words of a cluster what the engine says for a command line: bounded, on one line, credentials masked. Pure.

Flags and reconciler.yaml are nothing that a reader of a status can use; the way out there is a field or an annotation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from reconciler.controller.registry_object import ALLOW_DELETES, NO_DOCUMENTS
from reconciler.core.telling import masked
from reconciler.render.escape import printable
from reconciler.render.terminal import count

LONGEST: Final = 1024  # characters of a message
NAMED: Final = 5  # objects that a message names
_AGAIN: Final = "delete this object and create it again where that may be, or set the field back"
_WORDS: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = (
    (re.compile(r"; --allow-replaces \d+ allows that"), f": {_AGAIN}"),
    (re.compile(r"and --allow-replaces \d+ lets it go"), "and delete this object and create it again"),
    (re.compile(r"--allow-deletes (\d+)"), rf"the annotation {ALLOW_DELETES}: \1"),
    (re.compile(r"--take-ownership (\S+) takes it over"), r"`reconciler apply --take-ownership \1` takes it over"),
    (re.compile(r"\$\{cmd:secret/([^{}]+)\}"), r"${secret:\1}"),
    (re.compile(r"\$\{var:configMap/([^{}]+)\}"), r"${configMap:\1}"),
    (re.compile(r"\b([a-z]+)\.[a-z.]*models\.reconciler\.dev/([a-z0-9.-]+/[a-z0-9.-]+)\.json(?::\d+){0,2}"), r"\1 \2"),
    (re.compile(r"its entry of reconciler\.yaml|the registry's entry of reconciler\.yaml"), "the Registry"),
    (re.compile(r"(?:in|to|of) reconciler\.yaml"), "of the Registry"),
    (re.compile(r"reconciler\.yaml"), "the Registry"),
)


def worded(text: str) -> str:
    """A message for a status or an event. What it quotes may be a stranger's, an answer of a registry for instance."""
    text = masked(text)
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    text = printable(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def listed(names: Sequence[str]) -> str:
    """The first of some names, and how many there are: `3 objects: a, b, c`."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{count(len(names), 'object')}: {', '.join(names[:NAMED])}{more}"


def guard_text(name: str, message: str) -> str:
    """What a guard says, with the way out that there is in a cluster."""
    if name == NO_DOCUMENTS:  # it keeps what vanished, and holds up nothing else
        return worded(message)
    way_out = ""
    if name in ("max-deletes", "max-delete-percent", "allow-deletes"):
        way_out = f"; if that is what you want, annotate the Registry with {ALLOW_DELETES}"
    return worded(f"nothing was written: {message}{way_out}")
