"""Readers of the answers of each format. Pure.

One rule for whole answers and for streams: the events of a stream are put together (`assembling`) to the answer that would have come whole, and that
is read by the same function.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from reconciler.endpoint.values import FailedError

_FAILED: Final = ("error", "abort", "aborted", "failed")  # reasons for an end that are failures of the server
_PLAIN_ENDS: Final = ("stop", "eos", "end_turn", "stop_sequence", "eos_token")
_FLOAT_BYTES: Final = 4  # base64 embeddings are 32-bit floats, little-endian


class Reading(NamedTuple):
    """An answer in its format's shape: its text, or what it is in words, the tokens that were generated, if told, and why it ended there, if told."""

    text: str
    tokens: int | None = None
    end: str | None = None

    @property
    def remark(self) -> str:
        """Remark on an answer that is sound and yet odd, or nothing."""
        if self.end is not None and self.end not in _PLAIN_ENDS:
            return f"ended by {self.end}"
        return "" if self.text else "an empty answer"


def member(value: Any, *path: str | int) -> Any:
    """The value that a path leads to, or None where something on the way is missing or of another type."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def tokens_in(answer: Any, name: str) -> int | None:
    """The number of generated tokens that an answer tells."""
    found = member(answer, "usage", name)
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None


def read_chat(answer: Any) -> Reading:
    """An OpenAI chat completion. Raises FailedError."""
    message = member(answer, "choices", 0, "message")
    if not isinstance(message, dict):
        raise FailedError("the answer is no chat completion: it has no choices[0].message")
    end = _end(member(answer, "choices", 0, "finish_reason"))
    text = _content(message.get("content"))
    if not (text or end or _says_otherwise(message)):
        raise FailedError(
            "the answer is no chat completion: choices[0].message.content is no text, and no finish_reason says why"
        )
    return Reading(text, tokens_in(answer, "completion_tokens"), end)


def _content(content: Any) -> str:
    """The text of a message's content, which may be a list of parts. Thoughts and pictures are parts without text."""
    if content is None or isinstance(content, str):
        return content or ""
    parts = content if isinstance(content, list) else [content]
    texts = [one if isinstance(one, str) else member(one, "text") for one in parts]
    known = all(isinstance(one, str) or isinstance(member(one, "type"), str) for one in parts)
    if not isinstance(content, list) or not known:
        raise FailedError(
            "the answer is no chat completion: choices[0].message.content is no text and no list of parts"
        )
    return "".join(text for text in texts if isinstance(text, str))


def _says_otherwise(message: Mapping[str, Any]) -> bool:
    """Tell whether a message without text says something all the same: a call of a tool, a refusal, a thought, a sound."""
    names = ("content", "tool_calls", "function_call", "refusal", "reasoning_content", "reasoning", "audio")
    return any(message.get(name) for name in names)


def _end(reason: Any) -> str | None:
    """The reason for the end of an answer. Raises FailedError where that is a failure of the server."""
    if isinstance(reason, str) and reason.lower() in _FAILED:
        raise FailedError(f"the answer broke off: its reason for ending is {reason!r}")
    return reason if isinstance(reason, str) and reason else None


def read_completion(answer: Any) -> Reading:
    """An OpenAI completion. Raises FailedError."""
    choice = member(answer, "choices", 0)
    end = _end(member(choice, "finish_reason"))
    text = member(choice, "text")
    if not isinstance(choice, dict) or not (isinstance(text, str) or text is None) or not (text or end):
        raise FailedError("the answer is no completion: choices[0].text is no text")
    return Reading(text or "", tokens_in(answer, "completion_tokens"), end)


def read_message(answer: Any) -> Reading:
    """An Anthropic message. Raises FailedError."""
    content = member(answer, "content")
    blocks = content if isinstance(content, list) else None
    if blocks is None or not all(isinstance(member(block, "type"), str) for block in blocks):
        raise FailedError("the answer is no message: content is no list of blocks")
    end = _end(member(answer, "stop_reason"))
    text = "".join(block["text"] for block in blocks if isinstance(block.get("text"), str))
    others = any(block["type"] != "text" for block in blocks)
    if not (text or others or end):
        raise FailedError("the answer is no message: it has no text, and no stop_reason says why")
    return Reading(text, tokens_in(answer, "output_tokens"), end)


def read_embeddings(answer: Any) -> Reading:
    """OpenAI embeddings, as numbers or in base64. Raises FailedError."""
    rows = member(answer, "data")
    if not isinstance(rows, list) or not rows:
        raise FailedError("the answer holds no embeddings: data is no list of them")
    lengths = {_dimensions(member(row, "embedding"), index) for index, row in enumerate(rows)}
    if len(lengths) > 1:
        raise FailedError(f"its embeddings differ in length: {', '.join(f'{one:,}' for one in sorted(lengths))}")
    packed = " (base64)" if isinstance(member(rows, 0, "embedding"), str) else ""
    return Reading(f"{len(rows)} embedding{'s' if len(rows) > 1 else ''} of {lengths.pop():,} dimensions{packed}")


def _dimensions(vector: Any, index: int) -> int:
    """The length of one embedding."""
    place = f"data[{index}].embedding"
    if isinstance(vector, str):
        return _unpacked(vector, place)
    if not isinstance(vector, list) or not vector or not all(_is_finite(one) for one in vector):
        raise FailedError(f"the answer holds no embeddings: {place} is no list of numbers")
    return len(vector)


def _unpacked(text: str, place: str) -> int:
    """The number of floats in base64."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FailedError(f"the answer holds no embeddings: {place} is a text that is not base64") from error
    count, rest = divmod(len(data), _FLOAT_BYTES)
    if rest or not count:
        raise FailedError(
            f"the answer holds no embeddings: {place} is base64 of {len(data)} bytes, which are no floats"
        )
    if not all(map(math.isfinite, struct.unpack(f"<{count}f", data))):
        raise FailedError(f"the answer holds no embeddings: {place} has a number that is not finite")
    return count


def _is_finite(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def read_ranking(answer: Any) -> Reading:
    """A ranking, in the form that Cohere, Jina and vLLM share. Raises FailedError."""
    results = member(answer, "results")
    scores = [member(one, "relevance_score") for one in results] if isinstance(results, list) else []
    if not scores or not all(_is_finite(score) for score in scores):
        raise FailedError("the answer is no ranking: results[0].relevance_score is no number")
    return Reading(f"{len(scores)} documents ranked")
