"""Explanations as Markdown, for a comment or a page of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from reconciler.core.problem_rules import DOCUMENTATION
from reconciler.core.topic import FieldFacts, Topic
from reconciler.render.escape import fence, markdown, markdown_code, printable
from reconciler.render.jsontext import inline

_CODE: Final = re.compile(r"`([^`]+)`")


def topics_markdown(topics: Sequence[Topic]) -> str:
    """Every topic of a name under a heading of its own."""
    return "\n\n".join("\n\n".join(_topic(topic)) for topic in topics)


def names_markdown(names: Mapping[str, Sequence[str]]) -> str:
    """What can be explained, by sort."""
    return "\n".join(
        f"- **{sort.replace('_', ' ')}**: {', '.join(map(markdown_code, members))}" for sort, members in names.items()
    )


def _topic(topic: Topic) -> Iterator[str]:
    yield f"## {markdown_code(topic.name)}"
    yield f"*{topic.sort}*"
    yield from (_prose(text) for text in (topic.meaning, *topic.notes) if text)
    if topic.remedy:
        yield f"**What to do:** {_prose(topic.remedy)}"
    if topic.field is not None:
        yield _table(["", ""], _facts(topic.field))
    if topic.members:
        rows = ([_code(one.name), _type(one.type, one.required), _prose(one.meaning)] for one in topic.members)
        yield _table(["Field", "Type", "Meaning"], rows)
    if topic.example:
        text = "\n".join(map(printable, topic.example.splitlines()))
        ticks = fence(text, 3)
        yield f"{ticks}yaml\n{text}\n{ticks}"
    if topic.page:
        yield f"[Documentation]({DOCUMENTATION}{topic.page})"


def _facts(field: FieldFacts) -> Iterator[list[str]]:
    yield ["type", _type(field.type, field.required)]
    said = [
        ("default", "" if field.default is None else _code(inline(field.default))),
        ("values", ", ".join(_code(inline(value)) for value in field.values)),
        ("known values", ", ".join(_code(inline(value)) for value in field.known_values)),
        ("limits", _prose("; ".join(field.limits))),
        ("secret", field.secret or "no"),
        ("references", _prose(field.references)),
        ("example", _code(inline(field.examples[0])) if field.examples else ""),
    ]
    yield from ([label, text] for label, text in said if text)
    for rule in field.rules:
        yield [rule.name, _prose(rule.sentence)]
    for holder in field.holders:
        lost = f"{'holds it in part: ' if holder.partly else 'does not hold it: '}{holder.lost}"
        yield [_code(holder.driver), _prose(lost) if holder.lost else "holds it"]


def _type(words: str, required: bool) -> str:
    return ", ".join(filter(None, [markdown(words), "required" if required else ""]))


def _code(text: str) -> str:
    return markdown_code(text, table=True)


def _prose(text: str) -> str:
    """Prose in which only code between backticks is markup."""
    parts = _CODE.split(text)
    return "".join(_code(part) if place % 2 else markdown(part) for place, part in enumerate(parts))


def _table(head: Sequence[str], rows: Iterator[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines])
