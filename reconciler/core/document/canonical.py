"""The canonical form of a file of documents: their order, quotes and indentation; comments, anchors and data stay.

What is written is read back, by the loader and by a second parser, before anybody gets it: `CannotFormatError`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from typing import Final, NamedTuple

import yaml

from reconciler.core.document.dump import escaped
from reconciler.core.document.json_text import load_json
from reconciler.core.document.layout import Branch, Leaf, layout_of
from reconciler.core.document.layout_text import ends_keeping, text_of
from reconciler.core.document.reorder import KeyOrder, name_of, reordered, reordered_data
from reconciler.core.document.values import LoadedDocuments, lf_only
from reconciler.core.document.yaml_nodes import hide_breaks
from reconciler.core.document.yaml_text import load_yaml

OrderFor = Callable[[str], KeyOrder]  # the order of the keys in a document of that `kind`

_SECOND_PARSER: Final = "reconciler.core.document.comments"
_MARKER: Final = re.compile(r"^(?:---|\.\.\.)(?=[ \t\n]|\Z)", re.MULTILINE)
_MODELINE: Final = re.compile(r"#\s*(?:yaml-language-server:|vim?:|-\*-|yamllint\b|prettier-ignore|code:\s)")


class CannotFormatError(Exception):
    """The canonical form of a file would not say the same: a limit of ours, or a fault."""


class _Part(NamedTuple):
    """A part of a YAML stream: `marker` is its line `---` or `...`, if it has one, and `body` what follows."""

    text: str
    marker: str
    body: str


def canonical_yaml(text: str, order_for: OrderFor) -> str:
    """The canonical form of a YAML text whose documents have no problem. Lines end in LF.

    Raises CannotFormatError.
    """
    before = lf_only(text)
    loaded = load_yaml(before, "")
    if not loaded.documents:
        return before
    visible, back = hide_breaks(before)
    *parts, last = _parts(visible)
    try:
        written = [_written(part, back, order_for) for part in parts]
        written.append(_written(last, back, order_for, is_last=True))
    except yaml.YAMLError as error:  # a tag whose %TAG stands further up
        raise CannotFormatError("a document cannot be read without those before it") from error
    result = "".join(written).lstrip("\n").translate(back)
    if result != before:
        _check(before, loaded, result)
    return result


def canonical_json(text: str, order_for: OrderFor) -> str:
    """The canonical form of a JSON text without problems: two spaces for each level. Raises CannotFormatError."""
    before = lf_only(text)
    loaded = load_json(before, "")
    if not loaded.documents:
        return before
    value = loaded.documents[0].value
    kind = value.get("kind") if isinstance(value, dict) else None
    ordered = reordered_data(value, order_for(kind if isinstance(kind, str) else ""))
    lines = json.dumps(ordered, indent=2, ensure_ascii=False).split("\n")
    result = "".join(f"{escaped(line)}\n" for line in lines)
    if not _says_the_same(loaded, load_json(result, "")):
        raise CannotFormatError("the result would not hold the same data")
    return result


def _parts(text: str) -> list[_Part]:
    """The documents of a stream, and what stands between them. At the beginning of a line, `---` is always a marker."""
    starts = [found.start() for found in _MARKER.finditer(text)]
    pieces = [text[start:end] for start, end in pairwise([0, *starts, len(text)])]
    return [_part(piece) if number else _Part(piece, "", piece) for number, piece in enumerate(pieces)]


def _part(piece: str) -> _Part:
    line, _, body = piece.partition("\n")
    behind = line[3:].strip()
    if behind and not behind.startswith("#"):  # the document begins here, in brackets or with its anchor
        rest = line[3:].lstrip()
        return _Part(piece, line[:3], " " * (len(line) - len(rest)) + rest + piece[len(line) :])
    return _Part(piece, line.rstrip(), body)


def _written(part: _Part, back: dict[int, int], order_for: OrderFor, *, is_last: bool = False) -> str:
    """A part in canonical form; blank lines at its end stay, unless it is the last.

    One that holds no map and no list keeps its text.
    """
    marker = f"{part.marker}\n" if part.marker else ""
    content = part.body.rstrip(" \n")
    if all(map(_says_nothing, content.split("\n"))):
        return f"{marker}{content}\n" if is_last and content else marker if is_last else marker + part.body
    layout = layout_of(part.body, back)
    if layout is None:
        return part.text
    header, root = _with_header(layout)
    # what comes to the top may be read as a header, too
    more, ordered = _with_header(reordered(root, order_for(_kind(root))))
    text = text_of(ordered, (*header, *more))
    if is_last or ends_keeping(ordered):
        return marker + text
    return marker + text + "\n" * (part.body.count("\n", len(content)) - 1)


def _says_nothing(line: str) -> bool:
    """True for a blank line, a comment and a directive."""
    return not line.strip() or line.lstrip().startswith("#") or line.startswith("%")


def _with_header(root: Branch) -> tuple[tuple[str, ...], Branch]:
    """The comments on top of a document that are about it, and the document without them.

    They end with the last blank line, or the last line that is meant for a tool; what follows is about the first entry.
    """
    first, *others = root.entries
    ends = [number for number, line in enumerate(first.above, start=1) if not line or _MODELINE.match(line)]
    end = ends[-1] if ends else 0
    header = first.above[:end]
    blank = next((number for number, line in enumerate(header) if line), len(header))  # blank lines on top
    return header[blank:], replace(root, entries=(replace(first, above=first.above[end:]), *others))


def _kind(root: Branch) -> str:
    values = (entry.value for entry in root.entries if name_of(entry) == "kind")
    return next((value.name for value in values if isinstance(value, Leaf)), "")


def _check(before: str, loaded: LoadedDocuments, result: str) -> None:
    """Raise CannotFormatError unless the result has the same documents, comments, anchors and aliases."""
    if not _says_the_same(loaded, load_yaml(result, "")):
        raise CannotFormatError("the result would not hold the same data")
    second_reading = import_module(
        _SECOND_PARSER
    ).second_reading  # by name: what is in form already does not pay for it
    first = second_reading(before)
    if first is not None and first != second_reading(result):
        raise CannotFormatError("the result would not hold the same comments and anchors")


def _says_the_same(one: LoadedDocuments, other: LoadedDocuments) -> bool:
    return not other.problems and _data(one) == _data(other)


def _data(loaded: LoadedDocuments) -> list[str]:
    """The documents as texts: true is not 1, and 1.0 is not 1."""
    return [json.dumps([document.index, document.value], sort_keys=True) for document in loaded.documents]
