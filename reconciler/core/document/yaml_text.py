"""YAML text to plain data, and to places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import yaml
from yaml.nodes import Node, ScalarNode
from yaml.reader import ReaderError

from reconciler.core.document import odd_characters as odd
from reconciler.core.document.places import Spot
from reconciler.core.document.values import MAX_VALUES, Document, LoadedDocuments, Span, lf_only, too_deep, too_many
from reconciler.core.document.yaml_build import Builder
from reconciler.core.document.yaml_nodes import LimitError, Sizes, hide_breaks, is_small, loader
from reconciler.core.document.yaml_odd import odd_scalars
from reconciler.core.document.yaml_spots import Spots
from reconciler.core.document.yaml_syntax import (
    before_document,
    blank,
    character_problem,
    document_span,
    first_forbidden,
    is_too_deep,
    is_unfinished,
    problem_of,
    resumption,
)
from reconciler.core.errors import Problem

PARSER: Final = f"PyYAML {yaml.__version__}"
MAX_BROKEN: Final = 20  # syntax errors after which the rest of a file is not read


def load_yaml(text: str, shown: str) -> LoadedDocuments:
    """The documents of a YAML stream. What follows a syntax error is read from the next `---` on, MAX_BROKEN - 1 times.

    Rules: `syntax`, `duplicate-key`, `key-not-scalar`, `merge-not-map`, `unknown-tag`, `tag-mismatch`, `not-json`,
    `not-unicode`, `recursive-alias`, `too-deep`, `too-many-values`, `invisible-character`, `lookalike-character`.
    """
    text = lf_only(text.removeprefix("\ufeff"))
    visible, back = hide_breaks(text)
    reading = _Reading(visible, shown, back)
    try:
        reading.run()
    except (ReaderError, UnicodeEncodeError):
        # libyaml reads ahead: the documents before the one with the forbidden character have to be asked for again.
        good = before_document(text, first_forbidden(text))
        before = load_yaml(good, shown)
        kept = before.problems
        if kept and kept[-1].rule == "syntax" and good.rstrip().rpartition("\n")[2].startswith("%"):
            kept = kept[:-1]  # a directive that waits in vain for the document that was cut off
        return LoadedDocuments(before.documents, (*kept, *character_problem(text, shown)), before.warnings)
    # What is wrong in a map is found again wherever an alias or a merge key names it.
    problems = tuple(dict.fromkeys(reading.builder.problems)) if reading.builder.problems else ()
    return LoadedDocuments(tuple(reading.documents), problems, tuple(reading.warnings))


def scan_yaml(text: str) -> list[Spot]:
    """The spots of the documents that are not empty, as far as the text can be parsed."""
    text = hide_breaks(lf_only(text.removeprefix("\ufeff")))[0]
    reading = _Reading(text, "", {})
    roots: list[Spot] = []
    try:
        for index, node in reading.numbered():
            if node is not None:
                roots.append(Spots(text, reading.builder).of(node))
            elif index == len(roots):
                roots.append(Spot(Span(1, 1, 1, 1)))  # nothing is known of an unreadable document, but its number
    except (ReaderError, UnicodeEncodeError):
        return scan_yaml(before_document(text, first_forbidden(text)))
    return roots


class _Reading:
    """One pass over one text."""

    __slots__ = ("_back", "_odd", "_small", "_spare", "_text", "builder", "documents", "warnings")

    def __init__(self, text: str, shown: str, back: dict[int, int]) -> None:
        self.documents: list[Document] = []
        self.builder = Builder(text, shown, back)
        self._text = text
        self._back = back
        self._odd = odd.holds_odd(text)
        self._small = is_small(text)
        self.warnings: list[Problem] = []
        self._spare = MAX_VALUES  # what aliases may add, in all documents of the file together

    def run(self) -> None:
        """Fills `documents` and `builder.problems`. Raises ReaderError and UnicodeEncodeError."""
        problems = self.builder.problems
        measured = not self._small or "*" in self._text
        for index, node in self.numbered():
            before = len(problems)
            if node is None:
                if self.documents and self.documents[-1].index == index:
                    self.documents.pop()
                continue
            value = self._measured(node) if measured else self.builder.document(node)
            if self._odd:
                wrong, doubtful = odd_scalars(node, self._text, self.builder)
                problems.extend(wrong)
                self.warnings.extend(doubtful)
            if len(problems) == before:
                if self._back:
                    value = _restored(value, self._back)
                self.documents.append(Document(value, index, node.start_mark.line + 1))

    def numbered(self) -> Iterator[tuple[int, Node | None]]:
        """The index and root of each document that is not empty; the root of a broken one is None.

        A document of which only the end is broken comes twice, the second time with None.
        """
        index, given = -1, False
        for node in self._nodes():
            if isinstance(node, yaml.YAMLError):
                index += not (given and is_unfinished(node))
                given = False
                yield index, None
            elif given := not self.is_empty(node):
                index += 1
                yield index, node

    def _nodes(self) -> Iterator[Node | yaml.YAMLError]:
        """The roots of the stream; what stops the parser becomes a problem, and comes in place of its document."""
        text, begun = self._text, 0
        for _ in range(MAX_BROKEN):
            try:
                source = loader(text, self._small)
                while source.check_node():
                    yield source.get_node()
                return
            except ReaderError:
                raise
            except LimitError as refused:
                return self._refuse(refused)
            except yaml.YAMLError as error:
                broken = error
            if is_too_deep(broken):
                cause = self._depth_cause(broken, text)
                if isinstance(cause, LimitError):
                    return self._refuse(cause)
                broken = cause
            self.builder.problems.extend(self._explained(broken))
            yield broken
            following = resumption(broken, self._text, begun)
            if following is None:
                return
            text, begun = blank(self._text, following), following

    def _depth_cause(self, error: yaml.YAMLError, text: str) -> LimitError | yaml.YAMLError:
        """The first error of a text in which libyaml's own limit was met (from 0.2.6 on): its scanner, which reads ahead, stops early.

        Without the bracket that it stopped at, the limit that is ours is met, at the place where every libyaml meets it.
        """
        mark: Any = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        try:
            source = loader(text[: mark.index] if mark is not None else "", self._small)
            while source.check_node():
                source.get_node()
        except ReaderError:
            raise
        except (LimitError, yaml.YAMLError) as cause:
            return cause
        return error

    def _explained(self, error: yaml.YAMLError) -> list[Problem]:
        """The problem that stopped the parser.

        Or the characters without which it would have read on, at their places.
        """
        text, shown = self._text, self.builder.shown
        mark: Any = error.problem_mark or error.context_mark if isinstance(error, yaml.MarkedYAMLError) else None
        if self._odd and mark is not None:
            start, end = document_span(text, mark.index)
            found = odd.suspects(text, start, end)
            line = mark.line - text.count("\n", 0, start)
            if found and any(self._reads_further(other, line) for other in odd.mended(text, found, start, end)):
                return odd.problems(text, shown, found)
        return [problem_of(error, text, shown)]

    def _reads_further(self, text: str, line: int) -> bool:
        """True where a text is read at least beyond a line, from 0."""
        try:
            source = loader(text, self._small)
            while source.check_node():
                source.get_node()
        except LimitError:
            return True
        except yaml.MarkedYAMLError as error:
            mark: Any = error.problem_mark or error.context_mark
            return bool(mark is not None and mark.line > line)
        except yaml.YAMLError:
            return False
        return True

    def is_empty(self, node: Node) -> bool:
        """True for a document that holds nothing, or an explicit null."""
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
                    raise LimitError("too-many-values", node)
        except LimitError as refused:
            return self._refuse(refused, node)
        return self.builder.document(node)

    def _refuse(self, refused: LimitError, root: Node | None = None) -> None:
        pointer = self.builder.pointers(root, [refused.node])[0] if root is not None else ""
        shown, mark = self.builder.shown, refused.node.start_mark
        line, column = mark.line + 1, mark.column + 1
        if refused.rule == "too-deep":
            problem = too_deep(shown, line, column)
        elif refused.rule == "too-many-values":
            problem = too_many(shown, line, column)
        else:
            message = "this anchor's value holds an alias to itself"
            problem = Problem(shown, line, column, refused.rule, message, line, column)
        self.builder.problems.append(problem._replace(pointer=pointer))


def _restored(value: Any, back: dict[int, int]) -> Any:
    """`value` with the line breaks of YAML 1.1 in it again."""
    if isinstance(value, str):
        return value.translate(back)
    if isinstance(value, list):
        return [_restored(item, back) for item in value]
    if isinstance(value, dict):
        return {key.translate(back): _restored(item, back) for key, item in value.items()}
    return value
