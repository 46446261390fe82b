"""A file as it is and as it should be, as a unified diff. What looks like a secret's value is hidden."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

from reconciler.core import document
from reconciler.core.telling import MASK
from reconciler.render.masking import LONGEST, hidden, survey
from reconciler.render.terminal import Style

_COLOURS: Final = {"+": "green", "-": "red", "@": "cyan"}


def diff(before: str, after: str, file: str, style: Style) -> str:
    """The unified diff from one text to the other; "" where they differ in no line that may be shown."""
    old, new = list(_shown(before, file, style)), list(_shown(after, file, style))
    name = style.safe(file)
    lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", lineterm="")
    return "\n".join(_painted(line, style) for line in lines)


def _shown(text: str, file: str, style: Style) -> Iterator[str]:
    """The lines of a text as they may be shown."""
    lines = document.lines_of(text)
    secrets = survey((), {file: lines})
    ends = lines[:-1] if lines and not lines[-1] else lines
    for number, line in enumerate(ends, start=1):
        window = (0, min(len(line), LONGEST))
        cut = line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
        for start, end in reversed(hidden(file, number, line, secrets, window)):
            cut = cut[:start] + MASK + cut[end:]
        yield "\t".join(map(style.safe, cut.split("\t")))


def _painted(line: str, style: Style) -> str:
    if line.startswith(("---", "+++")):
        return style.paint(line, "bold")
    return style.paint(line, _COLOURS[line[0]]) if line[:1] in _COLOURS else line
