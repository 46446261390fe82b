"""The hidden first line of a comment, by which a bot finds the one that it wrote before.

It names the project's folder and the environment, so that each has its own comment: two projects may live in one repository.
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.core.spec import digest

# the commands whose answers are comments, and what these are called in the marker
COMMENTED: Final = {"plan": "plan", "drift": "drift", "apply": "report"}
_LONGEST: Final = 200  # characters of one word
_RISKY: Final = re.compile(r"[^A-Za-z0-9._/-]|-(?=-)|-$")  # what could end the HTML comment, or split it into words


def marker(command: str, project: str = "", environment: str | None = None) -> str:
    """`<!-- reconciler:plan -->`, or `<!-- reconciler:plan deploy/models env=prod -->`. Raises KeyError for another command."""
    words = [f"reconciler:{COMMENTED[command]}"]
    if project:
        words.append(_plain(project))
    if environment:
        words.append(f"env={_plain(environment)}")
    return f"<!-- {' '.join(words)} -->"


def _plain(text: str) -> str:
    """A text in few plain characters; two long ones that differ stay different."""
    plain = _RISKY.sub(
        lambda found: "".join(f"%{byte:02x}" for byte in found[0].encode("utf-8", "surrogatepass")), text
    )
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}%{digest(text)[:12]}"
