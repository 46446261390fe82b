"""YAML with its comments: read into trees, and written again. The only module that imports ruamel.yaml.

`load` and `places` serve everybody who reads manifests; this serves who rewrites other people's files. So scalars mean
here what they mean to YAML 1.1 as PyYAML reads it (`no` is false, `0777` is 511), since most tools read their files
with that; what is written means the same to YAML 1.2. Aliases and merge keys are copied out.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.emitter import RoundTripEmitter as Emitter
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.events import AliasEvent, ScalarEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.tokens import CommentToken

from reconciler.core.document.comment_lines import Comments, Owner, comment_texts, comments_of, is_flow
from reconciler.core.document.dump import dump_yaml
from reconciler.core.document.json_text import load_json, scan_json
from reconciler.core.document.places import Places
from reconciler.core.document.trees import Item, List, Map, Member, Node, Scalar, tree_of
from reconciler.core.document.values import Span
from reconciler.core.document.yaml_nodes import hide_breaks
from reconciler.core.document.yaml_older import is_alike, meaning
from reconciler.core.document.yaml_scalars import (
    MAP,
    SEQ,
    STR,
    TAGS,
    plain,
    tagged,
)
from reconciler.core.document.yaml_text import load_yaml
from reconciler.core.errors import Problem

_INDENT: Final = 2
_WIDEST: Final = 2**30  # lines are not broken
_TAG: Final = re.compile(r"(?:&\S+\s+)?!(?P<none>(?=\s))?")  # `!` alone makes text of what follows


def load_commented(
    text: str, shown: str, tags: frozenset[str] = frozenset()
) -> tuple[Node | None, tuple[Problem, ...]]:
    """Read the one document of a file with its comments: the node, or None, and the problems.

    Scalars may have `tags`, such as `!include`. Each node has `shown` for its file; one that ends in `.json` is JSON.
    Rules: those of `load`, and `one-document`.
    """
    if shown[-5:].lower() == ".json":
        json = load_json(text, shown)
        if json.problems or not json.documents:
            return None, json.problems
        return tree_of(json.documents[0].value, Places(scan_json(text)), shown), ()
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    visible, back = hide_breaks(text)
    loaded = load_yaml(text, shown)
    lines = visible.split("\n")
    wrong = tuple(problem for problem in loaded.problems if not _bears(tags, lines, problem))
    if wrong or not (loaded.documents or loaded.problems):
        return None, wrong
    try:
        roots, aliases = compose(visible)
    except (YAMLError, NotImplementedError) as error:
        mark: Any = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        return None, (Problem(shown, line, column, "syntax", "this YAML cannot be read together with its comments"),)
    if not roots:  # a tag or an anchor and nothing behind it
        return None, ()
    if len(roots) > 1:
        line = roots[1].start_mark.line + 1
        several = Problem(shown, line, 1, "one-document", "another document begins here, and one is all there may be")
        return None, (several,)
    return _Reading(visible, shown, back, comments_of(visible, roots[0], aliases)).node(roots[0]), ()


def compose(text: str) -> tuple[list[Any], list[Any]]:
    """The documents of a text as nodes, without those that hold nothing.

    And the marks of all aliases, in their order.
    """
    handler = _handler()
    return [root for root in handler.compose_all(text) if not _is_nothing(root)], handler.composer.aliases


def second_reading(text: str) -> Counter[str] | None:
    """What ruamel.yaml sees in a text beside its data: comments, anchors and aliases, each as often as it is there.

    None where ruamel.yaml cannot read it.
    """
    visible = hide_breaks(text)[0]
    try:
        events = list(_handler().parse(visible))
    except (YAMLError, NotImplementedError):
        return None
    scalars = [event for event in events if isinstance(event, ScalarEvent)]
    spans = [(one.start_mark.index, one.end_mark.index, one.style in ("|", ">")) for one in scalars]
    names = (f"{type(event).__name__} {event.anchor}" for event in events if getattr(event, "anchor", None))
    return Counter([*comment_texts(visible, spans), *names])


def dump_commented(root: Map) -> str:
    """One YAML document, with its comments; `load` gives the data of `root` back.

    Raises ValueError for infinities and NaN.
    """
    handler, stream = _handler(), io.StringIO()
    writing = _Writing(handler.resolver)
    handler.serialize(writing.node(root, 0), stream)
    rest = (f"{' ' * column if comment else ''}{comment}\n" for comment, column in writing.pending)
    return stream.getvalue() + "".join(rest)


class _Composer(Composer):
    """Records the marks of the aliases in a text: their nodes are those of their anchors."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.aliases: list[Any] = []

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.parser.check_event(AliasEvent):
            self.aliases.append(self.parser.peek_event().start_mark)
        return super().compose_node(parent, index)


class _Emitter(Emitter):
    """Writes every key on one line: behind a `?`, ruamel 0.19 puts the value on the line of the key, and so into it."""

    def check_simple_key(self) -> bool:
        return isinstance(self.event, ScalarEvent) or bool(super().check_simple_key())


def _handler() -> Any:
    handler = YAML(typ="rt", pure=True)
    handler.Composer = _Composer
    handler.Emitter = _Emitter
    handler.width = _WIDEST
    handler.indent(mapping=_INDENT, sequence=2 * _INDENT, offset=_INDENT)
    return handler


def _bears(tags: frozenset[str], lines: Sequence[str], problem: Problem) -> bool:
    """True for a problem that is nothing but one of these tags, on a scalar: of maps and lists, problems name no end."""
    if problem.rule != "unknown-tag" or (problem.end_line, problem.end_column) == (problem.line, problem.column):
        return False  # others may stand behind the last line: what breaks off does
    return lines[problem.line - 1][problem.column - 1 :].split(" ", 1)[0] in tags


def _is_nothing(root: Any) -> bool:
    return root is None or (isinstance(root, ScalarNode) and not root.style and plain(root.value) is None)


class _Reading:
    """From composed nodes to trees."""

    def __init__(self, text: str, shown: str, back: dict[int, int], comments: Comments) -> None:
        self._text = text
        self._shown = shown
        self._back = back
        self._comments = comments

    def node(self, node: Any) -> Node:
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        start, below = node.start_mark, tuple(map(self._restored, self._comments.below.get(id(node), ())))
        place = Span(start.line + 1, start.column + 1, start.line + 1, start.column + 1)
        if isinstance(node, MappingNode):
            return Map(tuple(self._members(node)), self._shown, place, is_flow(node), below)
        items = (Item(self.node(item), *self._attached((id(node), number))) for number, item in enumerate(node.value))
        return List(tuple(items), self._shown, place, is_flow(node), below)

    def _members(self, node: Any) -> Iterator[Member]:
        own = {key.value for key, _ in node.value}
        for number, (key, value) in enumerate(node.value):
            if key.value == "<<" and not key.style:
                for merged in self._merged(value):
                    if merged.key not in own:
                        own.add(merged.key)
                        yield merged._replace(above=(), beside="")  # these stay where the map is written
            else:
                above, beside = self._attached((id(node), number))
                yield Member(self._restored(key.value), self.node(value), self._shown, _place(key), above, beside)

    def _merged(self, node: Any) -> Iterator[Member]:
        for item in node.value if isinstance(node, SequenceNode) else [node]:
            yield from self._members(item)

    def _attached(self, owner: Owner) -> tuple[tuple[str, ...], str]:
        above = map(self._restored, self._comments.above.get(owner, ()))
        return tuple(above), self._restored(self._comments.beside.get(owner, ""))

    def _scalar(self, node: Any) -> Scalar:
        style = node.style or ""
        value = node.value.replace("\a", "") if style == ">" else node.value  # ruamel's marks of folded lines
        written = self._restored(value)
        scalar = Scalar(written, self._shown, _place(node), style)
        marked = _TAG.match(self._text, node.start_mark.index)
        if marked is not None:
            tag = str(node.tag)
            if marked["none"] is not None:
                return scalar
            return scalar._replace(value=tagged(written, tag)) if tag in TAGS else scalar._replace(tag=tag)
        if style:
            return scalar
        value = meaning(written)
        return scalar._replace(value=value, text=written if is_alike(written, value) else "")

    def _restored(self, text: str) -> str:
        return text.translate(self._back) if self._back else text


def _place(node: Any) -> Span:
    start, end = node.start_mark, node.end_mark
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


class _Writing:
    """From trees to nodes, with comments as ruamel.yaml writes them."""

    def __init__(self, resolver: Any) -> None:
        self.pending: list[tuple[str, int]] = []  # comments, and their columns, that go above what is written next
        self._resolver = resolver

    def node(self, node: Node, column: int, *, flow: bool = False) -> Any:
        if isinstance(node, Scalar):
            return self._scalar(node, flow=flow)
        flow = flow or _is_flow(node)
        if isinstance(node, Map):
            pairs = [self._pair(member, column, flow=flow) for member in node.members]
            made: Any = MappingNode(MAP, pairs, flow_style=flow)
        else:
            made = SequenceNode(SEQ, [self._item(item, column, flow=flow) for item in node.items], flow_style=flow)
        self.pending += [(comment, column) for comment in node.below if not flow]
        return made

    def _pair(self, member: Member, column: int, *, flow: bool) -> tuple[Any, Any]:
        key = self._scalar(Scalar(member.key, "", member.place), flow=True)
        if flow:
            return key, self.node(member.value, column, flow=True)
        _remark(key, None, self._above(member, column))
        value = self.node(member.value, column + _INDENT)
        _remark(value, self._beside(member), None)
        return key, value

    def _item(self, item: Item, column: int, *, flow: bool) -> Any:
        if flow:
            return self.node(item.value, column, flow=True)
        above = self._above(item, column)
        made = self.node(item.value, column + _INDENT)
        _remark(made, self._beside(item), above)
        return made

    def _above(self, entry: Member | Item, column: int) -> list[CommentToken] | None:
        lines = [*self.pending, *((comment, column) for comment in entry.above)]
        if entry.beside and self._beside(entry) is None:
            lines.append((entry.beside, column))
        self.pending = []
        return [_comment(text, place) for text, place in lines] or None

    def _beside(self, entry: Member | Item) -> CommentToken | None:
        """The comment on the line of a key or a dash.

        Nothing where more than one line follows, maps behind a key excepted.

        (Behind a comment beside a list, ruamel 0.19 forgets to end some lines.)
        """
        value = entry.value
        if isinstance(value, Scalar):
            fits = self._scalar(value, flow=False).style != "|"
        else:
            fits = _is_flow(value) or (isinstance(value, Map) and isinstance(entry, Member))
        return _comment(entry.beside, 0) if entry.beside and fits else None

    def _scalar(self, scalar: Scalar, *, flow: bool) -> Any:
        """In the style in which it was written, if that is safe, else as `dump_yaml` writes it."""
        value = scalar.value
        if not isinstance(value, str):
            return self._plain(scalar.text or dump_yaml(value).rstrip("\n"))
        style = dump_yaml(value)[0]
        if style == "|":
            return ScalarNode(STR, value, style='"' if flow or scalar.style in ("'", '"') else "|")
        if scalar.style == '"' or (scalar.style == "'" and value.isprintable()):
            style = scalar.style
        return ScalarNode(STR, value, style=style) if style in ("'", '"') else self._plain(value)

    def _plain(self, text: str) -> Any:
        """A plain scalar, with the very tag that its text has anyway, so that none is written."""
        return ScalarNode(self._resolver.resolve(ScalarNode, text, (True, False)), text)


def _is_flow(node: Map | List) -> bool:
    return node.flow or not (node.members if isinstance(node, Map) else node.items)


def _remark(node: Any, beside: CommentToken | None, above: list[CommentToken] | None) -> None:
    if beside is not None or above is not None:
        node.comment = [beside, above]


def _comment(text: str, column: int) -> CommentToken:
    return CommentToken(text + "\n", CommentMark(column), None)
