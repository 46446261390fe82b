"""One rule for whole answers and for streams, and for every way of writing a stream: properties, without a server."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.endpoint.asking import check_data
from reconciler.endpoint.dialects import DIALECTS, Dialect
from reconciler.endpoint.listening import Event, Listener
from reconciler.endpoint.listing import ModelList, context_length
from reconciler.endpoint.values import FailedError
from reconciler.registry.http import reason_in

CHAT, COMPLETION, MESSAGE = (
    DIALECTS["openai", "chat_completion"],
    DIALECTS["openai", "completion"],
    DIALECTS["anthropic", "chat_completion"],
)
TOOL = {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
PARTS = st.lists(
    st.sampled_from(
        [
            {"type": "text", "text": "Hi."},
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
            {"type": "image_url", "image_url": {"url": "data:"}},
            {"no": "type"},
            7,
        ]
    ),
    max_size=3,
)
ENDS = st.sampled_from([None, "stop", "length", "tool_calls", "content_filter", "function_call", "error", "abort", ""])


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    """An assistant's message with any content, sound or not."""
    fields: dict[str, Any] = {"role": "assistant"}
    fields["content"] = draw(st.none() | st.text(max_size=6) | PARTS | st.just(7) | st.just({"a": 1}))
    for name in draw(st.sets(st.sampled_from(["refusal", "reasoning_content", "reasoning"]))):
        fields[name] = draw(st.sampled_from(["", "No.", None]))
    if draw(st.booleans()):
        fields["tool_calls"] = draw(st.sampled_from([[], [TOOL], None]))
    return fields


def verdict(dialect: Dialect, answer: Any) -> tuple[str, str | None] | None:
    """What is read in an answer: its text and its end; None where it is refused."""
    try:
        check_data(answer)
        reading = dialect.read(answer)
    except FailedError:
        return None
    return reading.text, reading.end


def pieces_of(draw: st.DrawFn, value: Any) -> list[Any]:
    """A value as the pieces in which it may come."""
    if isinstance(value, str) and len(value) > 1:
        cut = draw(st.integers(1, len(value) - 1))
        return [value[:cut], value[cut:]]
    return [[one] for one in value] if isinstance(value, list) and value else [value]


@given(st.data(), messages(), ENDS)
def test_a_chat_is_judged_alike_whole_and_as_a_stream(data: st.DataObject, message: dict[str, Any], end: Any) -> None:
    """Whatever it holds: text, parts, thoughts, calls, a refusal, nothing; and whatever ends it."""
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": end}]}
    deltas = [{name: piece} for name, value in message.items() for piece in pieces_of(data.draw, value)]
    events = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": end}]})
    assert CHAT.stream is not None
    assert verdict(CHAT, CHAT.stream.assemble(events)) == verdict(CHAT, whole)


@given(st.data(), st.none() | st.text(max_size=6), ENDS)
def test_a_completion_is_judged_alike_whole_and_as_a_stream(data: st.DataObject, text: Any, end: Any) -> None:
    """The older format, too."""
    whole = {"choices": [{"index": 0, "text": text, "finish_reason": end}]}
    events = [{"choices": [{"index": 0, "text": piece}]} for piece in pieces_of(data.draw, text)]
    events.append({"choices": [{"index": 0, "finish_reason": end}]})
    assert COMPLETION.stream is not None
    assert verdict(COMPLETION, COMPLETION.stream.assemble(events)) == verdict(COMPLETION, whole)


BLOCKS = st.lists(
    st.sampled_from(
        [
            {"type": "text", "text": "Hi."},
            {"type": "text", "text": ""},
            {"type": "thinking", "thinking": "hm", "signature": "x"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        ]
    ),
    max_size=3,
)
STOPS = st.sampled_from([None, "end_turn", "max_tokens", "tool_use", "refusal", "pause_turn", "stop_sequence"])


@given(BLOCKS, STOPS)
def test_a_message_is_judged_alike_whole_and_as_a_stream(blocks: list[dict[str, Any]], end: str | None) -> None:
    """Anthropic's, with its blocks and its reasons to stop."""
    whole = {"type": "message", "content": blocks, "stop_reason": end}
    start = {"type": "message", "role": "assistant", "content": [], "stop_reason": None}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(blocks):
        empty = {name: "" if name in ("text", "thinking", "signature") else value for name, value in block.items()}
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        for name in ("text", "thinking", "signature"):
            if block.get(name):
                delta = {"type": f"{name}_delta", name: block[name]}
                events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    events += [{"type": "message_delta", "delta": {"stop_reason": end}}, {"type": "message_stop"}]
    assert MESSAGE.stream is not None
    assert verdict(MESSAGE, MESSAGE.stream.assemble(events)) == verdict(MESSAGE, whole)


NAMES = st.sampled_from(
    [
        *("choices", "message", "delta", "content", "text", "type", "index", "finish_reason", "stop_reason", "usage"),
        *("error", "detail", "data", "embedding", "results", "relevance_score", "completion_tokens", "content_block"),
        *("tool_calls", "object", "has_more", "last_id", "id", "aliases", "meta", "n_ctx", "loc", "msg"),
    ]
)
WORDS = st.sampled_from(
    ["text", "error", "message_start", "content_block_delta", "content_block_start", "stop", "AAAA"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.lists(st.dictionaries(NAMES, JSON, max_size=4), max_size=3))
def test_nothing_that_an_endpoint_answers_breaks_us(answer: Any, events: list[dict[str, Any]]) -> None:
    """Whatever is where something else belongs: an answer is read or refused in words."""
    for dialect in DIALECTS.values():
        verdict(dialect, answer)
        if dialect.stream is not None:
            verdict(dialect, dialect.stream.assemble(events))
            for event in events:
                dialect.stream.piece(event)
            dialect.stream.ended(answer)
        for probe in dialect.probes:
            probe.heeded(answer, probe.value)
    assert isinstance(reason_in(answer), str)
    rows = tuple(row for row in events if isinstance(row, dict))
    models = ModelList(rows, complete=True)
    assert models.row("m") is None
    models.near("m")
    assert all(context_length(row) is None or context_length(row) for row in rows)


# --- the writing of a stream ---------------------------------------------------------------------------------------------


def heard(raw: bytes, cuts: list[int]) -> list[tuple[str, str]]:
    """The events in bytes that come in pieces."""
    listener = Listener(lambda event: event.data == "[DONE]")
    edges = [0, *sorted(cuts), len(raw)]
    for start, end in itertools.pairwise(edges):
        if listener(raw[start:end]):
            break
    listener.finish()
    assert (listener.trouble, listener.stray) == ("", None)
    return [(event.name, event.data) for event in listener.events]


@given(
    st.data(),
    st.lists(st.dictionaries(st.sampled_from("ab"), st.text(max_size=5), min_size=1), min_size=1, max_size=4),
    st.sampled_from(["\n", "\r", "\r\n"]),
    st.booleans(),
)
def test_a_stream_may_be_written_in_any_way(
    data: st.DataObject, values: list[dict[str, str]], end: str, done: bool
) -> None:
    """With any line ends, comments, a byte order mark, names, data over several lines, and cut anywhere, in characters too."""
    lines: list[str] = []
    for value in values:
        lines.extend(data.draw(st.sampled_from([[], [": alive"], ["id: 7", "retry: 9"], ["", ""]])))
        lines.extend(data.draw(st.sampled_from([[], ["event: chunk"]])))
        text = json.dumps(value, ensure_ascii=False, indent=data.draw(st.sampled_from([None, 1])))
        gap = data.draw(st.sampled_from(["", " "]))
        lines.extend(f"data:{gap}{line}" for line in text.split("\n"))
        lines.append("")
    lines.extend(["data: [DONE]", ""] if done else [])
    raw = (
        data.draw(st.sampled_from(["", "\ufeff"])) + end.join(lines) + data.draw(st.sampled_from(["", end]))
    ).encode()
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=6))
    found = heard(raw, cuts)
    assert [json.loads(text) for _, text in found[: len(values)]] == values
    assert [text for _, text in found[len(values) :]] == (["[DONE]"] if done else [])


@pytest.mark.parametrize("cut", range(38))
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_line_end_that_is_cut_is_one(cut: int, times: int) -> None:
    """Between CR and LF, with empty pieces between them, too: unpacking makes such."""
    found = heard(b'data: {\r\ndata: "a": 1}\r\n\r\ndata: 2\r\n\r\n', [cut] * times)
    assert found == [("message", '{\n"a": 1}'), ("message", "2")]


def test_the_end_is_heard_before_the_connection_closes() -> None:
    """At the line, not at the empty one after it; what comes later is nobody's business."""
    listener = Listener(lambda event: event.data == "[DONE]")
    assert listener(b'data: {"a": 1}\ndata: [DONE]\n')
    assert [event[:2] for event in listener.events] == [("message", '{"a": 1}'), ("message", "[DONE]")]
    listener(b"data: more\n\n")
    assert len(listener.events) == 2


def test_a_long_line_in_small_pieces_costs_no_more_than_its_length() -> None:
    """It is joined once, whatever the number of pieces."""
    listener = Listener(lambda event: False)
    for _ in range(60_000):
        listener(b"data: 1234567890")
    listener(b"\n\n")
    (event,) = listener.events
    assert isinstance(event, Event)
    assert len(event.data) == 60_000 * 16 - len("data: ")
