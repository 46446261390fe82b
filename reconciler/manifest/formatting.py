"""Manifest text to its canonical form: `fmt` for one file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from reconciler.core import document
from reconciler.core.document.canonical import CannotFormatError, OrderFor, canonical_json, canonical_yaml
from reconciler.core.document.spelling import may_say
from reconciler.core.errors import Problem, is_error
from reconciler.core.schema.findings import Finding, place
from reconciler.manifest.kubernetes_objects import GROUP, kind_in
from reconciler.manifest.recognise import FOREIGN, foreign, is_kubernetes, is_manifest, load_documents, recognise

CANNOT_FORMAT: Final = "cannot-format"
_MARK: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class FormattedFile:
    """One file as it is and as it should be: its bytes, and the text for whoever looks at it, with LF.

    `shown` is its name, `real` its path without links. With `problems` there is nothing to be written: `after` is
    `before`.
    """

    shown: str
    before: bytes
    after: bytes
    problems: tuple[Problem, ...] = ()
    text: str = ""
    real: str = ""

    @property
    def changes(self) -> bool:
        """True where the file is not in canonical form."""
        return self.before != self.after

    @property
    def result(self) -> str:
        """The text in canonical form, as `text` is that of today."""
        return document.lf_only(self.after.decode().removeprefix(_MARK))


def format_bytes(
    data: bytes, shown: str, order_for: OrderFor, beside_objects: Callable[[], bool] = lambda: False
) -> FormattedFile:
    """Format one file. Its byte order mark stays, and so do CRLF line ends, if its first line has one.

    `beside_objects` says whether it stands beside objects of Kubernetes that declare models: other objects belong there.
    """
    text = document.decode(data, shown)
    if isinstance(text, Problem):
        return FormattedFile(shown, data, data, (text,))
    if holds_objects(text, shown):
        return FormattedFile(shown, data, data, (), text)
    is_json = shown[-5:].lower() == ".json" or (shown.startswith("<") and _is_json(text))
    name = shown if not is_json or shown[-5:].lower() == ".json" else f"{shown}.json"
    problems = _problems(text, name)
    if problems and _is_foreign_object(text, name) and beside_objects():
        return FormattedFile(shown, data, data, (), text)
    if problems:
        renamed = tuple(problem._replace(file=shown) for problem in problems)
        return FormattedFile(shown, data, data, renamed, text)
    try:
        result = canonical_json(text, order_for) if is_json else canonical_yaml(text, order_for)
    except CannotFormatError as error:
        message = f"this file stays as it is: {error}; please report it with the shortest file that shows it"
        return FormattedFile(shown, data, data, (Problem(shown, 1, 1, CANNOT_FORMAT, message),), text)
    first = text.find("\n")
    if first > 0 and text[first - 1] == "\r":
        result = result.replace("\n", "\r\n")
    mark = _MARK if data.startswith(_MARK.encode()) else ""
    return FormattedFile(shown, data, f"{mark}{result}".encode(), (), text)


def holds_objects(text: str, shown: str) -> bool:
    """True for a file with objects of Kubernetes that declare models: it has no canonical form of ours, and stays as it is."""
    return may_say(text, GROUP) and any(kind_in(one.value) is not None for one in document.load(text, shown).documents)


def _is_foreign_object(text: str, shown: str) -> bool:
    """True for a file whose only strangers are other objects of Kubernetes, or a file of Kustomize."""
    loaded = load_documents(text, shown)
    strangers = [one.value for one in loaded.documents if not (isinstance(one.value, dict) and is_manifest(one.value))]
    return not any(map(is_error, loaded.problems)) and bool(strangers) and all(map(is_kubernetes, strangers))


def _is_json(text: str) -> bool:
    return text.lstrip()[:1] == "{" and not document.load(text, "<stdin>.json").problems


def _problems(text: str, shown: str) -> tuple[Problem, ...]:
    """The errors for which a file is not touched: of syntax, and for documents that are no manifests."""
    loaded = load_documents(text, shown)
    if loaded.problems:
        return tuple(filter(is_error, loaded.problems))
    found = [(item.index, wrong) for item in loaded.documents if (wrong := _stranger(item.value, shown)) is not None]
    if not found:
        return ()
    theirs = [one for one in found if one[1].rule == FOREIGN][:1]  # once for each file of another tool
    places = document.places(text, shown)
    return tuple(place(wrong, places, index, shown) for index, wrong in theirs or found)


def _stranger(data: Any, shown: str) -> Finding | None:
    """The error of a document that is no manifest; None for one that is, whatever else may be wrong with it."""
    if not isinstance(data, dict):
        return Finding("wrong-type", "a manifest must be a map")
    if is_manifest(data):
        return None
    known = recognise(data)
    if known is not None:
        return foreign(known, shown)
    if "kind" not in data:
        return Finding("missing-field", "'kind' is missing", suggestion="kind: Model")
    return Finding("unknown-kind", "this is the kind of no manifest", "/kind")
