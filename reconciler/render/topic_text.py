"""Explanations as text: what each name means, and all the facts of a field."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from reconciler.core.problem_rules import DOCUMENTATION
from reconciler.core.topic import FieldFacts, Holder, Topic
from reconciler.render.jsontext import inline
from reconciler.render.terminal import Style
from reconciler.render.width import pad, text_width

_INDENT: Final = "  "
_LABEL: Final = 13  # columns of the names of facts
_WIDEST_NAME: Final = 30  # columns of the names of members
_CODE: Final = re.compile(r"`([^`]+)`")


def topics_text(topics: Sequence[Topic], style: Style) -> str:
    """Every topic of a name, an empty line between them."""
    return "\n\n".join("\n".join(_topic(topic, style)) for topic in topics)


def names_text(names: Mapping[str, Sequence[str]], style: Style) -> str:
    """What can be explained, by sort."""
    blocks = []
    for sort, members in names.items():
        listed = _wrapped(", ".join(map(style.safe, members)), style, _INDENT)
        blocks.append("\n".join([style.paint(f"{sort.replace('_', ' ').capitalize()}:", "bold"), *listed]))
    way = "One of them: `reconciler explain drifted`. A field, by its path: `reconciler explain Model.endpoint.tls.ca`."
    return "\n\n".join([*blocks, "\n".join(_wrapped(way, style, ""))])


def _topic(topic: Topic, style: Style) -> Iterator[str]:
    yield f"{style.paint(style.safe(topic.name), 'bold')}  {style.paint(topic.sort, 'dim')}"
    for text in (topic.meaning, *topic.notes):
        yield from _wrapped(text, style, _INDENT)
    if topic.remedy:
        yield from _wrapped(f"What to do: {topic.remedy}", style, _INDENT)
    if topic.field is not None:
        yield ""
        yield from _facts(topic, topic.field, style)
    if topic.members:
        yield ""
        yield _INDENT + style.paint("fields", "bold")
        yield from _members(topic, style)
    if topic.example:
        yield ""
        yield _INDENT + style.paint("example", "bold")
        yield from (f"{_INDENT * 2}{style.safe(line)}" for line in topic.example.splitlines())
    if topic.page:
        yield ""
        yield f"{_INDENT}{DOCUMENTATION}{topic.page}"


def _facts(topic: Topic, field: FieldFacts, style: Style) -> Iterator[str]:
    name = topic.name.rpartition(".")[2].rpartition(":")[2]
    said = [
        ("type", field.type),
        ("required", "yes" if field.required else "no"),
        ("default", "" if field.default is None else inline(field.default)),
        ("values", ", ".join(map(inline, field.values))),
        ("known", ", ".join(map(inline, field.known_values))),
        ("limits", "; ".join(field.limits)),
        ("secret", field.secret or "no"),
        ("references", field.references),
        ("example", f"{name}: {inline(field.examples[0])}" if field.examples and name != "*" else ""),
    ]
    for label, text in said:
        if text:
            yield from _labelled(label, text, style)
    for rule in field.rules:
        yield from _labelled(rule.name, rule.sentence, style)
    yield from _holders(field.holders, style)


def _holders(holders: Sequence[Holder], style: Style) -> Iterator[str]:
    if not holders:
        return
    held = [holder.driver for holder in holders if not holder.lost]
    yield from _labelled("held by", ", ".join(held) or "no registry", style)
    for holder in holders:
        if holder.lost:
            yield from _labelled("partly by" if holder.partly else "not by", f"{holder.driver}: {holder.lost}", style)


def _labelled(label: str, text: str, style: Style) -> Iterator[str]:
    first, *others = _wrapped(text, style, _INDENT + " " * (_LABEL + 1))
    gap = " " * max(1, _LABEL + 1 - len(label))
    yield f"{_INDENT}{style.paint(label, 'cyan')}{gap}{first.lstrip()}"
    yield from others


def _members(topic: Topic, style: Style) -> Iterator[str]:
    """The members in columns; a name or type that is wide pushes what follows it, and nothing is cut."""
    rows = [
        (style.safe(member.name), _type(member.type, required=member.required), member.meaning)
        for member in topic.members
    ]
    first = min(max(text_width(name) for name, _, _ in rows), _WIDEST_NAME)
    second = min(max(text_width(kind) for _, kind, _ in rows), _WIDEST_NAME)
    left = _INDENT * 2 + " " * (first + second + 4)
    for name, kind, said in rows:
        lines = _wrapped(said, style, left) or [left]
        head = f"{_INDENT * 2}{pad(name, first)}  {pad(style.safe(kind), second)}  "
        yield f"{head}{lines[0].lstrip()}".rstrip()
        yield from lines[1:]


def _type(words: str, *, required: bool) -> str:
    return f"{words}, required" if required else words


def _wrapped(text: str, style: Style, indent: str) -> list[str]:
    """Prose in lines as wide as the output, code in it coloured where there is colour."""
    width = max(style.width, len(indent) + 20)
    lines = textwrap.wrap(
        style.safe(text),
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [_CODE.sub(lambda found: style.paint(found[1], "cyan"), line) if style.color else line for line in lines]
