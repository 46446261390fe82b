"""Registries that answer what nobody expects: a recorded run of each driver, played again with one of its answers spoilt.

An input is two bytes and a body: which exchange it is the answer to, what else is odd about it, and what it says. Time is
virtual, and nothing is sent.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from campaign.readers import Reader, folder, rendered
from campaign.virtual_time import run_virtually
from world import World

from reconciler.applier.report import Report
from reconciler.core.errors import ReconcilerError, RegistryError
from reconciler.core.model import Endpoint
from reconciler.core.resource import Address
from reconciler.core.secret import Resolver
from reconciler.endpoint.listing import live_facts
from reconciler.endpoint.test_run import run_test
from reconciler.endpoint.values import FailedError, Subject
from reconciler.manifest.export import text_of
from reconciler.planner.guards import Limits
from reconciler.registry.http.payload import read as read_body
from reconciler.registry.http.pool import NoResponse, Pool, RawResponse
from reconciler.registry.http.target import Call
from reconciler.render import PLAN, REPORT

FOLDER: Final = Path(__file__).with_name("answers")
DRIVERS: Final = ("latticeflow", "litellm", "mlflow", "nemo", "watsonx")
HEAD: Final = 2  # bytes before the body
URL: Final = "http://registry.example.com/api/v1"
STATUSES: Final = (200, 200, 200, 200, 200, 201, 204, 302, 400, 401, 404, 409, 422, 429, 500, 503)
HEADERS: Final[Sequence[Mapping[str, str]]] = (
    {"content-type": "application/json"},
    {"content-type": "application/json", "retry-after": "9" * 400, "date": "yesterday"},
    {"location": "http://[::1/", "content-type": "text/html", "retry-after": "Mon, 99 Foo 2026 99:99:99 GMT"},
    {"content-type": "text/event-stream; \x80", "content-encoding": "gzip", "link": "<", "retry-after": "-1"},
)


Known = Mapping[
    str, Sequence[tuple[int, int, str]]
]  # question → after how many writes, with which status, and what it is answered


@dataclass
class Script:
    """The answers of a registry: those that were recorded, all but number `at`. `spoils` all later ones to the same question, too."""

    known: Known
    at: int
    spoilt: RawResponse | NoResponse
    spoils: bool = False
    asked: int = 0
    writes: int = 0
    where: str | None = None

    async def exchange(self, call: Call) -> RawResponse | NoResponse:
        """Answer a call as `Pool.exchange` does."""
        question = f"{call.method} {call.url.raw_path.decode()}"
        self.asked += 1
        if self.asked == self.at:
            self.where = question
        answer = self._known(question)
        if self.asked == self.at or (self.spoils and question == self.where):
            answer = self.spoilt
        if isinstance(answer, RawResponse) and call.sink is not None and answer.status in call.expected:
            call.sink(answer.body)
        return answer

    def _known(self, question: str) -> RawResponse:
        """The last answer of when at most so many writes were done, or else the first that there is."""
        answers = self.known.get(question) or [(0, 404, "{}")]
        _, status, text = [answers[0], *(one for one in answers if one[0] <= self.writes)][-1]
        self.writes += not question.startswith("GET ")
        return RawResponse(status, {"content-type": "application/json"}, text.encode())


@contextmanager
def answering(script: Script) -> Iterator[None]:
    """Nothing is sent meanwhile: the script answers."""
    with patch.object(Pool, "exchange", lambda _, call: script.exchange(call)):
        yield


def script_of(known: Known, data: bytes, exchanges: int) -> Script:
    """The script that an input stands for. Of each answer's eight bits: its status, its headers, and whether it comes again."""
    head, body = data[:HEAD].ljust(HEAD, b"\0"), data[HEAD:]
    odd = head[1]
    answer: RawResponse | NoResponse = RawResponse(
        STATUSES[odd & 15], HEADERS[odd >> 4 & 3], body, whole=odd >> 4 & 7 != 7
    )
    if odd == 0xFF:
        answer = NoResponse(sent=True, reason="the reply broke off")
    return Script(known, 1 + head[0] % exchanges, answer, spoils=odd >> 7 == 1)


# --- registries -----------------------------------------------------------------------------------------------


@cache
def recorded(driver: str) -> dict[str, Any]:
    """The recorded runs of a driver: its entry, the documents of each run, and the answers to each question."""
    data: dict[str, Any] = json.loads((FOLDER / f"{driver}.json").read_text("utf-8"))
    bodies = data["bodies"]
    told = {question: [(*when, bodies[at]) for *when, at in found] for question, found in data["answers"].items()}
    return data | {"answers": told}


def _exchanges(driver: str) -> int:
    return min(255, 2 * sum(map(len, recorded(driver)["answers"].values())))


def _examples(driver: str) -> list[bytes]:
    return [b"\0\0" + text.encode() for text in recorded(driver)["bodies"] if len(text) < 6_000]


def _run(driver: str, data: bytes) -> None:
    script = script_of(recorded(driver)["answers"], data, _exchanges(driver))
    with folder() as root, answering(script):
        run_virtually(_whole_run(driver, root))


@asynccontextmanager
async def opened(driver: str, root: Path) -> AsyncIterator[World]:
    """A world with the registry `one` of that driver, whose secrets are in `root`."""
    for name in ("token", "key"):
        (root / name).write_text("s3cret", "utf-8")
    url = URL if driver == "watsonx" else URL.removesuffix("/api/v1")
    async with World.of(root=root, one={"url": url, **recorded(driver)["entry"]}) as world:
        yield replace(world, limits=Limits(allowed=frozenset({"allow_trust_remote_code"})))


async def _whole_run(driver: str, root: Path) -> None:
    """Create, change and delete what is declared; each run begins however the last one ended."""
    async with opened(driver, root) as world:
        for documents in recorded(driver)["runs"]:
            with suppress(ReconcilerError):
                await one_run(world, documents)


async def one_run(world: World, documents: Sequence[Any]) -> Report:
    """Plan, apply, read all of it again, and show and export what there is. Raises ReconcilerError."""
    plan = await world.plan(*documents, allow_deletes=99, allow_replaces=99)
    for renderer in (PLAN["text"], PLAN["json"]):
        rendered(renderer, plan)
    report = await world.carry_out(plan, concurrency=1)
    rendered(REPORT["text"], report)
    for one in (await world.remote()).resources():
        text_of(one, world.entries[one.address.registry])
        with suppress(RegistryError):
            await world.registries[one.address.registry].get(one.address)
    return report


# --- endpoints of models --------------------------------------------------------------------------------------

CHAT: Final = {
    "id": "x",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi."}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
MESSAGE: Final = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "Hi."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
VECTORS: Final = {
    "object": "list",
    "data": [{"index": 0, "embedding": [0.1, 0.2]}, {"index": 1, "embedding": "AACAPw=="}],
}
RANKING: Final = {"results": [{"index": 0, "relevance_score": 0.9}, {"index": 1, "relevance_score": 0.1}]}
COMPLETION: Final = {"object": "text_completion", "choices": [{"text": "Hi.", "finish_reason": "length"}]}
MODELS: Final = {
    "object": "list",
    "has_more": False,
    "data": [
        {"id": "m", "owned_by": "us", "context_length": 4096, "aliases": ["n"], "meta": {"n_ctx": 1}},
        {"id": "z"},
    ],
}
EVENTS: Final = (
    "".join(
        f"data: {json.dumps(one)}\n\n"
        for one in (
            {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "H"}}]},
            {
                "choices": [{"index": 0, "delta": {"content": "i."}, "finish_reason": "stop"}],
                "usage": {"completion_tokens": 2},
            },
        )
    )
    + "data: [DONE]\n\n"
)
ERROR: Final = {"error": {"message": "temperature is not supported", "type": "x", "param": None, "code": "unsupported"}}
ASKED: Final = (
    ("openai", "chat_completion", "/chat/completions", CHAT),
    ("openai", "completion", "/completions", COMPLETION),
    ("openai", "embeddings", "/embeddings", VECTORS),
    ("openai", "rerank", "/rerank", RANKING),
    ("anthropic", "chat_completion", "/v1/messages", MESSAGE),
)


def _endpoint(data: bytes) -> None:
    """A test of a model, and the facts that its endpoint tells."""
    form, task, _, whole = ASKED[(data[0] if data else 0) % len(ASKED)]
    known: dict[str, Any] = {"GET /api/v1/models": [(0, 200, json.dumps(MODELS))]}
    for _, _, path, _ in ASKED:
        known[f"POST /api/v1{path}"] = [(at, 200, EVENTS if at == 1 else json.dumps(whole)) for at in range(3)]
    endpoint = Endpoint(url=URL, model="m", format=form, api_key="${env:KEY}")
    subject = Subject("chat", (Address("local", "Model", "chat"),), endpoint, task, {"temperature": 0.2, "n": 2})
    resolver = Resolver(Path("/"), {"KEY": "s3cret-key"})
    with answering(script_of(known, data, 9)):
        result = run_virtually(run_test(subject, resolver))
        json.dumps([check.message for check in result.checks]).encode("ascii")
        try:
            run_virtually(live_facts(subject, resolver))
        except FailedError:
            return


def _said() -> list[bytes]:
    bodies = [*(json.dumps(whole) for *_, whole in ASKED), json.dumps(MODELS), EVENTS, json.dumps(ERROR)]
    return [bytes([number, 0]) + body.encode() for number, body in enumerate(bodies)]


# --- bodies that are packed -----------------------------------------------------------------------------------


def _packed() -> list[bytes]:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return [packer.compress(b'{"a": [1, 2, 3]}' * 40) + packer.flush()]


def _unpack(data: bytes) -> None:
    """A packed body, in pieces, as the client unpacks it: never more than was asked for."""

    async def pieces() -> Any:
        for start in range(0, len(data), 7):
            yield data[start : start + 7]

    async def whole() -> None:
        try:
            found = await read_body(pieces(), 1_000, packed=True)
        except zlib.error:  # what the client makes an error of
            return
        if len(found.data) > 1_000:
            raise AssertionError("more was unpacked than was asked for")

    run_virtually(whole())


ANSWERS: Final[Mapping[str, Reader]] = {
    **{driver: Reader(partial(_run, driver), partial(_examples, driver), HEAD) for driver in DRIVERS},
    "endpoint": Reader(_endpoint, _said, HEAD),
    "packed": Reader(_unpack, _packed),
}
