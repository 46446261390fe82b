"""The events of a stream put together to the answer that would have come whole. Pure.

What is assembled is judged, never shown: it holds what `readings` looks at, and is lenient in the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.endpoint.readings import member


def assemble_chat(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """An OpenAI chat completion out of its chunks."""
    return _assembled(events, "delta", "message")


def assemble_completion(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """An OpenAI completion out of its chunks."""
    return _assembled(events, "text", "text")


def _assembled(events: Sequence[dict[str, Any]], piece: str, whole: str) -> dict[str, Any]:
    choices: dict[int, dict[str, Any]] = {}
    answer: dict[str, Any] = {}
    for event in events:
        parts = event.get("choices")
        for part in parts if isinstance(parts, list) else ():
            if not isinstance(part, dict):
                continue
            choice = choices.setdefault(_index(part), {})
            choice["finish_reason"] = part.get("finish_reason") or choice.get("finish_reason")
            if part.get(piece) is not None:
                choice[whole] = _joined(choice.get(whole), part[piece])
        if isinstance(event.get("usage"), dict):
            answer["usage"] = event["usage"]
    if choices:
        answer["choices"] = [choices[index] for index in sorted(choices)]
    return answer


def _index(part: Mapping[str, Any]) -> int:
    """The place of a part among its kind: the first where it does not say."""
    index = part.get("index")
    return index if isinstance(index, int) else 0


def _joined(before: Any, piece: Any) -> Any:
    """Join a value with the next piece of it: texts and lists one after the other, maps member by member, anything else anew."""
    if before is None or piece is None:
        return before if piece is None else piece
    if isinstance(before, str) and isinstance(piece, str):
        return before + piece
    if isinstance(before, dict) and isinstance(piece, dict):
        return {**before, **{name: _joined(before.get(name), value) for name, value in piece.items()}}
    if isinstance(before, list) or isinstance(piece, list):  # a text may be followed by a list of parts
        return [*_listed(before), *_listed(piece)]
    return piece


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value != "" else []


def assemble_message(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """An Anthropic message out of its events."""
    answer: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        kind, index = event.get("type"), _index(event)
        if kind == "message_start":
            started = event.get("message")
            answer |= started if isinstance(started, dict) else {}
        elif kind == "content_block_start" and isinstance(event.get("content_block"), dict):
            blocks[index] = dict(event["content_block"])
        elif kind == "content_block_delta" and isinstance(event.get("delta"), dict):
            blocks[index] = _grown(blocks.get(index), event["delta"])
        elif kind == "message_delta" and isinstance(event.get("delta"), dict):
            answer |= {name: value for name, value in event["delta"].items() if value is not None}
            if isinstance(event.get("usage"), dict):
                answer["usage"] = event["usage"]
    if answer or blocks:
        first = answer.get("content")
        answer["content"] = [*(first if isinstance(first, list) else ()), *blocks.values()]
    return answer


def _grown(block: dict[str, Any] | None, delta: dict[str, Any]) -> dict[str, Any]:
    """A block with what came. A block that nobody announced is one of what came first: `text_delta` of text."""
    kind = str(delta.get("type", "")).removesuffix("_delta") or "text"
    pieces = {name: value for name, value in delta.items() if name != "type"}
    grown: dict[str, Any] = _joined(block or {"type": kind}, pieces)
    return grown


def chat_piece(event: Any) -> bool:
    """Tell whether a chunk holds a part of the answer: text, a thought, a call."""
    delta = member(event, "choices", 0, "delta")
    return isinstance(delta, dict) and any(value for name, value in delta.items() if name != "role")


def completion_piece(event: Any) -> bool:
    """Tell whether a chunk holds text."""
    return bool(member(event, "choices", 0, "text"))


def message_piece(event: Any) -> bool:
    """Tell whether an event holds a part of the answer."""
    kind = member(event, "type")
    return isinstance(kind, str) and kind == "content_block_delta"
