"""What each format says and expects, by task: a path, a request, and how to read the answer. Data and pure functions.

OpenAI's and Anthropic's forms are those of their public API references; rerank is the form that Cohere, Jina and vLLM share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from reconciler.endpoint.values import FailedError

GREETING: Final = "Hello!"
LENGTHY: Final = "Count from 1 to 100, in digits."  # whose answer is longer than any budget of a probe
FEW_TOKENS: Final = 16
_ANSWER_TOKENS: Final = 64  # where the format asks for a number and the manifest has none


class Said(NamedTuple):
    """An answer in its format's shape: its text, or what it is in words, and the tokens that were generated, if told."""

    text: str
    tokens: int | None = None


class Probe(NamedTuple):
    """One parameter sent on trial. `judge` says of a successful answer (plain data) whether it was heeded."""

    parameter: str
    value: Any
    judge: Callable[[Any], str] = lambda answer: "accepted"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One format for one task.

    `ask` makes the request for a text; `given` names the field that a plain text of `--input` goes to. `read` raises FailedError where an answer has another shape.
    `parameters` maps portable names to the format's. `piece` is the text of one streamed event, None where it has none; without it there is no streaming.
    `last` tells the last event of a stream by its data.
    """

    path: str
    ask: Callable[[str], dict[str, Any]]
    read: Callable[[Any], Said]
    parameters: Mapping[str, str] = field(default_factory=dict)
    needed: Mapping[str, Any] = field(default_factory=dict)
    piece: Callable[[Any], str | None] | None = None
    last: Callable[[str], bool] = lambda data: data == "[DONE]"
    end: str = "[DONE]"
    probes: tuple[Probe, ...] = ()


def _member(value: Any, *path: str | int) -> Any:
    """What a path leads to, or None where something on the way is missing or of another type."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _tokens(answer: Any, name: str) -> int | None:
    found = _member(answer, "usage", name)
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None


def _chat(answer: Any) -> Said:
    message = _member(answer, "choices", 0, "message")
    if not isinstance(message, dict):
        raise FailedError("the answer is no chat completion: it has no choices[0].message")
    content = message.get("content")
    # without text all the same: a call of a tool, a refusal, or tokens that were spent on thinking
    cut = _member(answer, "choices", 0, "finish_reason") == "length"
    if not isinstance(content, str) and not (content is None and (cut or _says_otherwise(message))):
        raise FailedError("the answer is no chat completion: choices[0].message.content is no text")
    return Said(content or "", _tokens(answer, "completion_tokens"))


def _says_otherwise(message: Mapping[str, Any]) -> bool:
    return any(message.get(name) for name in ("tool_calls", "refusal", "reasoning_content", "reasoning"))


def _completion(answer: Any) -> Said:
    text = _member(answer, "choices", 0, "text")
    if not isinstance(text, str):
        raise FailedError("the answer is no completion: choices[0].text is no text")
    return Said(text, _tokens(answer, "completion_tokens"))


def _embeddings(answer: Any) -> Said:
    data = _member(answer, "data")
    vector = _member(answer, "data", 0, "embedding")
    if isinstance(vector, str) and vector:  # `encoding_format: base64`
        return Said(f"{len(data)} embedding(s) in base64")
    if not isinstance(vector, list) or not vector or not all(type(one) in (int, float) for one in vector):
        raise FailedError("the answer holds no embeddings: data[0].embedding is no list of numbers")
    return Said(f"{len(data)} embedding{'s' if len(data) > 1 else ''} of {len(vector):,} dimensions")


def _rerank(answer: Any) -> Said:
    results = _member(answer, "results")
    scores = [_member(one, "relevance_score") for one in results] if isinstance(results, list) else []
    if not scores or not all(type(score) in (int, float) for score in scores):
        raise FailedError("the answer is no ranking: results[0].relevance_score is no number")
    return Said(f"{len(scores)} documents ranked")


def _message(answer: Any) -> Said:
    content = _member(answer, "content")
    blocks = content if isinstance(content, list) else None
    if blocks is None or not all(isinstance(_member(block, "type"), str) for block in blocks):
        raise FailedError("the answer is no message: content is no list of blocks")
    text = "".join(block["text"] for block in blocks if isinstance(block.get("text"), str))
    return Said(text, _tokens(answer, "output_tokens"))


def _chat_piece(event: Any) -> str | None:
    delta = _member(event, "choices", 0, "delta")
    found = [_member(delta, name) for name in ("content", "reasoning_content", "reasoning")]
    return next((text for text in found if isinstance(text, str) and text), None)


def _completion_piece(event: Any) -> str | None:
    text = _member(event, "choices", 0, "text")
    return text if isinstance(text, str) and text else None


def _message_piece(event: Any) -> str | None:
    delta = _member(event, "delta")
    found = (_member(delta, "text"), _member(delta, "thinking"))
    return next((text for text in found if isinstance(text, str) and text), None)


def _within_budget(name: str) -> Callable[[Any], str]:
    def judge(answer: Any) -> str:
        tokens = _tokens(answer, name)
        return "ignored" if tokens is not None and tokens > FEW_TOKENS else "accepted"

    return judge


def _two_choices(answer: Any) -> str:
    return "accepted" if _member(answer, "choices", 1) is not None else "ignored"


_BOTH: Final = (Probe("temperature", 0.5), Probe("top_p", 0.9))
_OPENAI_PROBES: Final = (
    Probe("max_completion_tokens", FEW_TOKENS, _within_budget("completion_tokens")),
    Probe("temperature", 0.5),
    Probe("n", 2, _two_choices),
    Probe("top_p", 0.9),
)
_ALIKE: Final = ("temperature", "top_p", "top_k", "n", "stop", "seed", "presence_penalty", "frequency_penalty")
_CHAT_PARAMETERS: Final = {name: name for name in (*_ALIKE, "max_completion_tokens", "reasoning_effort")}

DIALECTS: Final[Mapping[tuple[str, str], Dialect]] = {
    ("openai", "chat_completion"): Dialect(
        path="/chat/completions",
        ask=lambda text: {"messages": [{"role": "user", "content": text}]},
        read=_chat,
        parameters=_CHAT_PARAMETERS,
        piece=_chat_piece,
        probes=_OPENAI_PROBES,
    ),
    ("openai", "completion"): Dialect(
        path="/completions",
        ask=lambda text: {"prompt": text},
        read=_completion,
        parameters={**{name: name for name in _ALIKE}, "max_completion_tokens": "max_tokens"},
        piece=_completion_piece,
        probes=_OPENAI_PROBES,
    ),
    ("openai", "embeddings"): Dialect(path="/embeddings", ask=lambda text: {"input": text}, read=_embeddings),
    ("openai", "rerank"): Dialect(
        path="/rerank", ask=lambda text: {"query": text, "documents": ["Good morning.", "Goodbye."]}, read=_rerank
    ),
    ("anthropic", "chat_completion"): Dialect(
        path="/messages",
        ask=lambda text: {"messages": [{"role": "user", "content": text}]},
        read=_message,
        parameters={
            "max_completion_tokens": "max_tokens",
            "temperature": "temperature",
            "top_p": "top_p",
            "top_k": "top_k",
            "stop": "stop_sequences",
        },
        needed={"max_tokens": _ANSWER_TOKENS},
        piece=_message_piece,
        last=lambda data: '"message_stop"' in data,
        end="message_stop",
        probes=(Probe("max_completion_tokens", FEW_TOKENS, _within_budget("output_tokens")), *_BOTH),
    ),
}


def mapped(parameters: Mapping[str, Any], dialect: Dialect) -> tuple[dict[str, Any], list[str]]:
    """The manifest's parameters as the format has them, and the names of those that it does not have."""
    sent: dict[str, Any] = {}
    for name, value in parameters.items():
        theirs = dialect.parameters.get(name)
        if theirs == "stop_sequences":
            sent[theirs] = [value] if isinstance(value, str) else value
        elif theirs is not None:
            sent[theirs] = value
    return sent, [name for name in parameters if name not in dialect.parameters]
