"""Wire formats by task: a path, a request, and how to read the answer. Data and pure functions.

OpenAI's and Anthropic's forms are those of their public API references; rerank is the form that Cohere, Jina and vLLM share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from reconciler.core.formats import PATHS
from reconciler.endpoint.assembling import (
    assemble_chat,
    assemble_completion,
    assemble_message,
    chat_piece,
    completion_piece,
    message_piece,
)
from reconciler.endpoint.listening import DONE, Event
from reconciler.endpoint.readings import (
    Reading,
    member,
    read_chat,
    read_completion,
    read_embeddings,
    read_message,
    read_ranking,
    tokens_in,
)

GREETING: Final = "Hello!"
LENGTHY: Final = "Count from 1 to 100, in digits."  # whose answer is longer than any budget of a probe
BUDGET: Final = "max_completion_tokens"
FEW_TOKENS: Final = 16
SOME_TOKENS: Final = 256  # for servers that refuse a budget too small for their thoughts
_ANSWER_TOKENS: Final = 64  # where the format asks for a number and the manifest has none


class Probe(NamedTuple):
    """One parameter that is tried out. `heeded` tells of an answer (plain data) and the value that was sent whether it was followed."""

    parameter: str
    value: Any
    heeded: Callable[[Any, Any], bool] = lambda answer, value: True


class Stream(NamedTuple):
    """Streaming in one format.

    `assemble` makes the whole answer of the events' data; `piece` tells the events that hold a part of it, `mark` is a member that every event has.
    `last` tells the last event, `ended` of an assembled answer whether it is complete without one.
    """

    assemble: Callable[[Sequence[dict[str, Any]]], dict[str, Any]]
    piece: Callable[[Any], bool]
    mark: str
    last: Callable[[Event], bool]
    ended: Callable[[Any], bool]
    end: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """One format for one task.

    `ask` makes the request for a text. `read` raises FailedError where an answer has another shape. `parameters` maps portable names to the
    format's; `needed` is sent where nothing else is. Without `stream` there is no streaming.
    """

    path: str
    ask: Callable[[str], dict[str, Any]]
    read: Callable[[Any], Reading]
    parameters: Mapping[str, str] = field(default_factory=dict)
    needed: Mapping[str, Any] = field(default_factory=dict)
    stream: Stream | None = None
    probes: tuple[Probe, ...] = ()


def _within_budget(name: str) -> Callable[[Any, Any], bool]:
    """Half as much again is tolerated: servers count begin, end and stop tokens in their own ways."""

    def heeded(answer: Any, value: Any) -> bool:
        tokens = tokens_in(answer, name)
        return tokens is None or tokens <= value * 1.5

    return heeded


def _two_choices(answer: Any, value: Any) -> bool:
    return member(answer, "choices", value - 1) is not None


def _is_done(event: Event) -> bool:
    return event.data.strip() == DONE


def _is_message_stop(event: Event) -> bool:
    return event.name == "message_stop" or '"message_stop"' in event.data


def _choices_ended(answer: Any) -> bool:
    choices = member(answer, "choices")
    return isinstance(choices, list) and bool(choices) and all(member(one, "finish_reason") for one in choices)


def _message_ended(answer: Any) -> bool:
    return bool(member(answer, "stop_reason"))


_BOTH: Final = (Probe("temperature", 0.5), Probe("top_p", 0.9))
_OPENAI_PROBES: Final = (
    Probe(BUDGET, FEW_TOKENS, _within_budget("completion_tokens")),
    Probe("temperature", 0.5),
    Probe("n", 2, _two_choices),
    Probe("top_p", 0.9),
)
_ALIKE: Final = ("temperature", "top_p", "top_k", "n", "stop", "seed", "presence_penalty", "frequency_penalty")
_CHAT_PARAMETERS: Final = {name: name for name in (*_ALIKE, BUDGET, "reasoning_effort")}

DIALECTS: Final[Mapping[tuple[str, str], Dialect]] = {
    ("openai", "chat_completion"): Dialect(
        path=PATHS["openai"]["chat_completion"],
        ask=lambda text: {"messages": [{"role": "user", "content": text}]},
        read=read_chat,
        parameters=_CHAT_PARAMETERS,
        stream=Stream(assemble_chat, chat_piece, "choices", _is_done, _choices_ended, f"{DONE} or a finish_reason"),
        probes=_OPENAI_PROBES,
    ),
    ("openai", "completion"): Dialect(
        path=PATHS["openai"]["completion"],
        ask=lambda text: {"prompt": text},
        read=read_completion,
        parameters={**{name: name for name in _ALIKE}, BUDGET: "max_tokens"},
        stream=Stream(
            assemble_completion, completion_piece, "choices", _is_done, _choices_ended, f"{DONE} or a finish_reason"
        ),
        probes=_OPENAI_PROBES,
    ),
    ("openai", "embeddings"): Dialect(
        path=PATHS["openai"]["embeddings"], ask=lambda text: {"input": text}, read=read_embeddings
    ),
    ("openai", "rerank"): Dialect(
        path=PATHS["openai"]["rerank"],
        ask=lambda text: {"query": text, "documents": ["Good morning.", "Goodbye."]},
        read=read_ranking,
    ),
    ("anthropic", "chat_completion"): Dialect(
        path=PATHS["anthropic"]["chat_completion"],
        ask=lambda text: {"messages": [{"role": "user", "content": text}]},
        read=read_message,
        parameters={
            BUDGET: "max_tokens",
            "temperature": "temperature",
            "top_p": "top_p",
            "top_k": "top_k",
            "stop": "stop_sequences",
        },
        needed={"max_tokens": _ANSWER_TOKENS},
        stream=Stream(
            assemble_message, message_piece, "type", _is_message_stop, _message_ended, "message_stop or a stop_reason"
        ),
        probes=(Probe(BUDGET, FEW_TOKENS, _within_budget("output_tokens")), *_BOTH),
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
