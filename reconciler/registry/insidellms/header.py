"""Our line in a file: one comment of JSON, found wherever somebody put it, and written at the top.

Comments, `---`, `%YAML` and formatters move a line, set it in, change the spaces around it or put it beside a value. Where there is a trace of
it and it cannot be read, the file is a conflict: it must never look as if it were nobody's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from reconciler.core import document
from reconciler.core.document.comments import dump_commented, load_commented
from reconciler.core.document.edit import comments_in, edited, with_comments
from reconciler.core.document.trees import Map, Node
from reconciler.registry.driver import MisreadError, PermanentError

MARK: Final = "# reconciler: "
_LINE: Final = re.compile(r"#+[ \t]*reconciler[ \t]*:[ \t]*(?P<said>[^\r\n]*)", re.IGNORECASE)
_TRACE: Final = re.compile(r"#+[ \t]*written[ \t]+by[ \t]+reconciler\b", re.IGNORECASE)
# what may stand before the first member: blank lines, comments, directives, and the mark of a document's start
_LEAD: Final = re.compile(
    r"\ufeff?(?:[ \t]*(?:#[^\r\n]*|%[^\r\n]*|---(?:[ \t][^\r\n]*)?)?(?:\r\n|\r|\n|\Z))*?(?=[ \t]*[^\s#%-]|[ \t]*-(?!--)|\Z)"
)
_START: Final = re.compile(r"(?:[ \t]*%[^\r\n]*[\r\n]+|[ \t]*#[^\r\n]*[\r\n]+|[ \t]*[\r\n]+)*---(?=\s|\Z)")
_DIRECTIVE: Final = re.compile(r"^%[^\r\n]*", re.MULTILINE)
_DAMAGED: Final = "the line that begins with '# reconciler:' was damaged"


def header_in(text: str) -> Mapping[str, Any] | None:
    """What our line says, or None where there is none. Raises MisreadError where it was damaged, or something stands in its place."""
    found = list(_LINE.finditer(text))
    if not found:
        if _TRACE.search(text):
            raise MisreadError(
                "it says that reconciler wrote it, and the line that begins with '# reconciler:' is gone"
            )
        return None
    lead = _LEAD.match(text)
    in_lead = lead is not None and found[-1].end() <= lead.end()
    texts = [one["said"] for one in found] if in_lead else _commented(text)
    if len(texts) != 1:
        raise MisreadError(f"{_DAMAGED}, or is there twice" if texts else f"{_DAMAGED}: it is no comment any more")
    try:
        said = json.loads(texts[0])
    except (ValueError, RecursionError) as error:
        raise MisreadError(_DAMAGED) from error
    if not isinstance(said, dict):
        raise MisreadError(_DAMAGED)
    return said


def _commented(text: str) -> list[str]:
    """What our line says in the comments of a text: the same words may stand in a value. Raises MisreadError where it cannot be told."""
    root, problems = load_commented(text, "file.yaml")
    if root is None or problems:
        raise MisreadError(_DAMAGED)
    return [one["said"] for comment in comments_in(root) if (one := _LINE.search(comment)) is not None]


def line_of(header: Mapping[str, Any]) -> str:
    """Our line. ASCII, since some characters end a comment."""
    return MARK + json.dumps(header, ensure_ascii=True, separators=(",", ":"))


def rewritten(text: str, top: str, before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> str:
    """The text of a file that says `before`, so that it says `after`, with our lines `top` in the place of those that it had.

    Its comments, its line ends and its start (`---`, `%YAML`) stay. Raises PermanentError where it cannot be edited.
    """
    root, problems = load_commented(text, name)
    if not isinstance(root, Map) or problems:
        raise PermanentError(
            f"{name} cannot be edited so that its comments stay", hint="edit it by hand, or move it away"
        )
    start = "---\n" if _START.match(text.removeprefix("\ufeff")) else ""
    if start:
        start = "".join(f"{line}\n" for line in _DIRECTIVE.findall(text[: text.index("---")])) + start
    body = dump_commented(_without_ours(edited(root, before, after)))
    new = f"{start}{top}\n{body.lstrip(chr(10))}"
    loaded = document.load(new, name)
    if loaded.problems or [one.value for one in loaded.documents] != [after]:
        raise PermanentError(
            f"{name} cannot be edited so that its comments stay", hint="edit it by hand, or move it away"
        )
    return new.replace("\n", "\r\n") if "\r\n" in text else new


def _without_ours(root: Node) -> Any:
    return with_comments(root, lambda comment: not _LINE.search(comment) and not _TRACE.search(comment))
