"""Whether the raw text of a YAML or JSON file may say something, found out without parsing it: a filter that is never wrong about a no."""

from __future__ import annotations

import re
from typing import Final

# What a double-quoted text may spell a character with, and what lets it go on in the next line with nothing in between. The other
# escapes stand for a control character, a blank, a quote or a slash.
_ESCAPE: Final = re.compile(r"\\[xuU\s]")


def may_say(text: str, part: str) -> bool:
    """Whether a value or a name in the documents of a text may hold `part`, which has no quote, slash, blank or control character in it."""
    return part in text or ("\\" in text and _ESCAPE.search(text) is not None)
