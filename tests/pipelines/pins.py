"""Whether a workflow names the actions of others by their commits, which nobody can move."""

from __future__ import annotations

import re


def uses(text: str) -> list[str]:
    """What stands behind `uses:` in a workflow or an action, comments included."""
    return re.findall(r"^[ -]*uses: (.+)$", text, re.MULTILINE)


def pinned(line: str) -> bool:
    """A commit, with its version beside it for people."""
    return re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) is not None
