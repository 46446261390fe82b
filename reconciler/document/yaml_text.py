"""YAML text to plain data, and to places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from yaml.nodes import Node, ScalarNode
from yaml.reader import ReaderError

from reconciler.document.places import Spot
from reconciler.document.values import MAX_VALUES, Document, Loaded, too_deep, too_many
from reconciler.document.yaml_build import Builder
from reconciler.document.yaml_nodes import RefusedError, Sizes, hide_breaks, is_small, loader
from reconciler.document.yaml_spots import Spots
from reconciler.document.yaml_syntax import (
    before_document,
    character_problem,
    first_forbidden,
    is_unfinished,
    problem_of,
)
from reconciler.errors import Problem


def load_yaml(text: str, shown: str) -> Loaded:
    """The documents of a YAML stream, up to the first syntax error.

    Rules: `syntax`, `duplicate-key`, `key-not-scalar`, `merge-not-map`, `unknown-tag`, `tag-mismatch`, `not-json`,
    `not-unicode`, `recursive-alias`, `too-deep`, `too-many-values`.
    """
    text = text.removeprefix("\ufeff")
    visible, back = hide_breaks(text)
    reading = _Reading(visible, shown, back)
    try:
        reading.run()
    except (ReaderError, UnicodeEncodeError):
        # libyaml reads ahead: the documents before the one with the forbidden character have to be asked for again.
        before = load_yaml(before_document(text, first_forbidden(text)), shown)
        kept = tuple(problem for problem in before.problems if problem.rule != "syntax")
        return Loaded(before.documents, (*kept, *character_problem(text, shown)))
    # What is wrong in a map is found again wherever an alias or a merge key names it.
    problems = tuple(dict.fromkeys(reading.builder.problems)) if reading.builder.problems else ()
    return Loaded(tuple(reading.documents), problems)


def scan_yaml(text: str) -> list[Spot]:
    """The spots of the documents that are not empty, as far as the text can be parsed."""
    text = hide_breaks(text.removeprefix("\ufeff"))[0]
    reading = _Reading(text, "", {})
    roots: list[Spot] = []
    try:
        roots.extend(Spots(text, reading.builder).of(node) for node in reading.nodes() if not reading.is_empty(node))
    except (ReaderError, UnicodeEncodeError):
        return scan_yaml(before_document(text, first_forbidden(text)))
    return roots


class _Reading:
    """One pass over one text."""

    __slots__ = ("_back", "_small", "_spare", "_text", "builder", "documents")

    def __init__(self, text: str, shown: str, back: dict[int, int]) -> None:
        self.documents: list[Document] = []
        self.builder = Builder(text, shown, back)
        self._text = text
        self._back = back
        self._small = is_small(text)
        self._spare = MAX_VALUES  # what aliases may add, in all documents of the file together

    def run(self) -> None:
        """Fills `documents` and `builder.problems`. Raises ReaderError and UnicodeEncodeError."""
        index = 0
        problems = self.builder.problems
        measured = not self._small or "*" in self._text
        for node in self.nodes():
            before = len(problems)
            value = self._measured(node) if measured else self.builder.document(node)
            if len(problems) > before:
                index += 1
            elif value is not None:
                if self._back:
                    value = _restored(value, self._back)
                self.documents.append(Document(value, index, node.start_mark.line + 1))
                index += 1

    def nodes(self) -> Iterator[Node]:
        """The roots of the stream; what stops the parser becomes a problem."""
        try:
            source = loader(self._text, self._small)
            while source.check_node():
                yield source.get_node()
        except ReaderError:
            raise
        except RefusedError as refused:
            self._refuse(refused)
        except yaml.YAMLError as error:
            if self.documents and is_unfinished(error):
                self.documents.pop()
            self.builder.problems.append(problem_of(error, self._text, self.builder.shown))

    def is_empty(self, node: Node) -> bool:
        """Whether a document holds nothing, or an explicit null."""
        if node.__class__ is not ScalarNode:
            return False
        before = len(self.builder.problems)
        return self.builder.document(node) is None and len(self.builder.problems) == before

    def _measured(self, node: Node) -> Any:
        """The value of a document, if it stays within the limits once its aliases are expanded."""
        sizes = Sizes()
        try:
            size, _ = sizes.of(node)
            if node.__class__ is not ScalarNode:
                self._spare -= size - sizes.written - 1
                if self._spare < 0:
                    raise RefusedError("too-many-values", node)
        except RefusedError as refused:
            return self._refuse(refused)
        return self.builder.document(node)

    def _refuse(self, refused: RefusedError) -> None:
        shown, mark = self.builder.shown, refused.node.start_mark
        line, column = mark.line + 1, mark.column + 1
        if refused.rule == "too-deep":
            self.builder.problems.append(too_deep(shown, line, column))
        elif refused.rule == "too-many-values":
            self.builder.problems.append(too_many(shown, line, column))
        else:
            message = "this anchor's value holds an alias to itself"
            self.builder.problems.append(Problem(shown, line, column, refused.rule, message, line, column))


def _restored(value: Any, back: dict[int, int]) -> Any:
    """`value` with the line breaks of YAML 1.1 in it again."""
    if isinstance(value, str):
        return value.translate(back)
    if isinstance(value, list):
        return [_restored(item, back) for item in value]
    if isinstance(value, dict):
        return {key.translate(back): _restored(item, back) for key, item in value.items()}
    return value
