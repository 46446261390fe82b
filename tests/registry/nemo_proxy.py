"""A proxy on loopback between us and the NeMo server: it writes down what passes, and loses, refuses or changes it as a test wants.

    with proxied(nemo_server.url) as proxy:
        proxy.lose(done=True)              # the reply to the next write, which the server has done
        proxy.answer(429, nth=2)           # the second write from now on is refused, and never reaches the server
        proxy.meanwhile(somebody_writes)   # just before the next write goes on
        proxy.changes.append(change)       # every object in every reply passes through change(kind, row)

It runs in threads of its own, so a test may use it from a coroutine, from `project.run`, or from another process.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Final
from urllib.parse import urlsplit

from loopback import serving

WRITES: Final = ("POST", "PUT", "PATCH", "DELETE")
_WORKSPACES: Final = "/apis/entities/v2/workspaces"
_HOP: Final = ("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server")

Answer = tuple[int, bytes, dict[str, str]]  # the status, the body, the headers
Change = Callable[[str, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Passed:
    """One request, and what the server answered; `status` is None where it was never asked. `path` has no query."""

    method: str
    path: str
    query: str
    body: Any
    headers: Mapping[str, str]
    status: int | None = None

    @property
    def kind(self) -> str:
        """`models`, `providers`, `workspaces` …"""
        parts = self.path.split("/")[4:]
        return parts[2] if len(parts) > 2 else parts[0] if parts else ""

    @property
    def name(self) -> str:
        """Of the one object that it is about; empty for a list."""
        parts = self.path.split("/")[4:]
        return parts[3] if len(parts) > 3 else parts[1] if len(parts) == 2 else ""

    @property
    def shown(self) -> str:
        """`PATCH models/m1`."""
        return f"{self.method} {self.kind}" + (f"/{self.name}" if self.name else "")


Matches = Callable[[Passed], bool]


def touched(request: Passed) -> tuple[str, ...]:
    """The kinds that a write may change: models list their adapters, take them along, and forget a provider that goes."""
    if request.method == "DELETE":
        return ("models", "adapters", request.kind)
    return ("models", "adapters") if request.kind == "adapters" else (request.kind,)


def writes(request: Passed) -> bool:
    return request.method in WRITES


@dataclass
class Fault:
    """What becomes of the `nth` request that `matches`, and of the `times - 1` after it. Without a status the connection is closed.

    With `acts` that is done first, and then the request goes on as if nothing were.
    """

    matches: Matches
    nth: int
    times: int
    done: bool  # the server is asked all the same
    status: int | None = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    acts: Callable[[], object] | None = None

    @property
    def came(self) -> bool:
        """The `nth` request has come."""
        return self.nth <= 0

    def strikes(self, request: Passed) -> bool:
        if not self.matches(request):
            return False
        self.nth -= 1
        return -self.times < self.nth <= 0


@dataclass
class Proxy:
    """`passed` is all that came, in the order of arrival. `names` are other names (values) that the server has for ours (keys).

    `remembered`, where it is set, are the answers to lists of which nothing was written since: nobody else may write there then. The
    server takes 20 ms for each, and a test that reads everything a hundred times would take a minute.

    `newer` is what a newer server would keep of each object, by kind and name: the members whose names begin with `x_`, as a tree. A PUT
    replaces it, a PATCH what it names at the top, and every answer shows it.

    `workspaces`, where it is set, are those that the server's list of them shows, and those that are created from then on.
    """

    upstream: str
    port: int = 0
    passed: list[Passed] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    workspaces: set[str] | None = None
    remembered: dict[str, Answer] | None = None
    faults: list[Fault] = field(default_factory=list)
    newer: dict[tuple[str, str], Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    done: int = 0  # writes that the server has answered

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lose(self, *, done: bool, nth: int = 1, times: int = 1, of: Matches = writes) -> None:
        """The connection breaks before the reply, after the server did what was asked or before it heard of it."""
        self.faults.append(Fault(of, nth, times, done))

    def answer(
        self,
        status: int,
        detail: Any = "the proxy says so",
        *,
        nth: int = 1,
        times: int = 1,
        of: Matches = writes,
        done: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """An answer in the server's place."""
        self.faults.append(Fault(of, nth, times, done, status, {"detail": detail}, headers or {}))

    def meanwhile(self, act: Callable[[], object], *, nth: int = 1, of: Matches = writes) -> Fault:
        """Somebody acts in the moment of the `nth` request, before that goes on. The answer's `came` tells whether it came to that."""
        fault = Fault(of, nth, 1, done=True, acts=act)
        self.faults.append(fault)
        return fault

    def written(self, kind: str | None = None) -> list[Passed]:
        """The writes that came, all or those of one kind (`models`)."""
        return [one for one in self.passed if writes(one) and kind in (None, one.kind)]

    def fault_for(self, request: Passed) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.strikes(request):
                    if fault.acts is None:
                        return fault
                    fault.acts()
        return None

    def recall(self, request: Passed) -> Answer | None:
        """The answer to a list that is still true."""
        if self.remembered is None or request.method != "GET" or request.name:
            return None
        return self.remembered.get(request.kind)

    def remember(self, request: Passed, answer: Answer) -> None:
        if self.remembered is None:
            return
        if request.method in WRITES:
            for kind in touched(request):
                self.remembered.pop(kind, None)
        elif not request.name and answer[0] == http.client.OK and "page=1&" in request.query:
            self.remembered[request.kind] = answer

    def kept(self, request: Passed, ask: Callable[[], Answer]) -> Answer:
        """The server's answer, remembered unless a write was answered meanwhile: it may show what was before that."""
        done = self.done
        answer = ask()
        with self.lock:
            self.done += writes(request)
            if writes(request) or self.done == done:
                self.remember(request, answer)
        return answer

    def renamed(self, data: bytes, *, back: bool = False) -> bytes:
        for ours, theirs in self.names.items():
            before, after = (theirs, ours) if back else (ours, theirs)
            data = data.replace(before.encode(), after.encode())
        return data

    def changed(self, request: Passed, data: bytes) -> bytes:
        listing = request.path == _WORKSPACES and request.method == "GET"
        if not data or not (self.changes or self.newer or (listing and self.workspaces is not None)):
            return data
        answer = json.loads(data)
        if isinstance(answer, dict) and isinstance(answer.get("data"), list):
            rows = answer["data"]
            if listing and self.workspaces is not None:
                rows = [row for row in rows if row["name"] in self.workspaces]
                answer["pagination"] |= {"total_results": len(rows), "current_page_size": len(rows)}
            answer["data"] = [self.change(request.kind, row) for row in rows]
        elif isinstance(answer, dict) and "name" in answer:
            answer = self.change(request.kind, answer)
        return json.dumps(answer).encode()

    def change(self, kind: str, row: dict[str, Any]) -> dict[str, Any]:
        for change in self.changes:
            row = change(kind, row)
        tree = self.newer.get((kind, str(row.get("name"))))
        return row if tree is None else merged(row, tree)

    def keep_newer(self, request: Passed) -> None:
        """Keeps of a write that was done what the real server does not know."""
        body = request.body if isinstance(request.body, dict) else {}
        key = (request.kind, request.name or str(body.get("name")))
        if request.method == "DELETE":
            self.newer.pop(key, None)
        elif request.method in ("POST", "PUT") and (tree := newer_in(body)):
            self.newer[key] = tree
        elif request.method in ("POST", "PUT"):
            self.newer.pop(key, None)
        elif request.method == "PATCH" and key in self.newer:
            sent = newer_in(body)
            kept = {name: item for name, item in self.newer[key].items() if name not in body}
            self.newer[key] = kept | sent


def newer_in(value: Any) -> Any:
    """The members whose names begin with `x_`, as a tree."""
    if isinstance(value, list):
        found = [newer_in(item) for item in value]
        return found if any(found) else {}
    if not isinstance(value, dict):
        return {}
    tree = {name: item if name.startswith("x_") else newer_in(item) for name, item in value.items()}
    return {name: item for name, item in tree.items() if item != {}}


def merged(value: Any, tree: Any) -> Any:
    """A value with that tree of members in it."""
    if isinstance(tree, list) and isinstance(value, list):
        return [merged(item, below) for item, below in zip(value, tree, strict=False)] + value[len(tree) :]
    if not isinstance(tree, dict):
        return tree
    known = value if isinstance(value, dict) else {}
    return known | {
        name: item if name.startswith("x_") else merged(known.get(name), item) for name, item in tree.items()
    }


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client, and the one to the server that goes with it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: Proxy

    def setup(self) -> None:
        super().setup()
        self.beyond = http.client.HTTPConnection(urlsplit(self.proxy.upstream).netloc, timeout=120)

    def finish(self) -> None:
        self.beyond.close()
        super().finish()

    def _pass_on(self) -> None:
        proxy = self.proxy
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Passed(self.command, path, query, json.loads(content) if content else None, headers)
        fault = proxy.fault_for(request)
        if fault is not None and not fault.done:
            proxy.passed.append(request)
            return self._strike(fault)
        known = proxy.recall(request)
        if known is None:
            known = proxy.kept(request, lambda: self._ask(request, content, headers))
        status, data, kept = known
        proxy.passed.append(Passed(request.method, path, query, request.body, headers, status))
        if request.path == _WORKSPACES and request.method == "POST" and proxy.workspaces is not None:
            proxy.workspaces.add(request.body["name"])
        if status < http.client.BAD_REQUEST:
            proxy.keep_newer(request)
        if fault is not None:
            return self._strike(fault)
        return self._reply(status, proxy.changed(request, proxy.renamed(data, back=True)), kept)

    def _ask(self, request: Passed, content: bytes, headers: Mapping[str, str]) -> Answer:
        proxy = self.proxy
        sent = {name: value for name, value in headers.items() if name not in (*_HOP, "host")}
        self.beyond.request(self.command, proxy.renamed(self.path.encode()).decode(), proxy.renamed(content), sent)
        reply = self.beyond.getresponse()
        data = reply.read()
        return reply.status, data, {name: value for name, value in reply.getheaders() if name.lower() not in _HOP}

    def _strike(self, fault: Fault) -> None:
        if fault.status is None:
            self.close_connection = True
        else:
            kept = {"Content-Type": "application/json", **fault.headers}
            self._reply(fault.status, json.dumps(fault.body).encode(), kept)

    def _reply(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != http.client.NO_CONTENT:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815  # names that http.server asks for

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def proxied(upstream: str, make: type[Proxy] = Proxy) -> Iterator[Any]:
    """A proxy for the server at `upstream`, of the class that knows that server's rows."""
    proxy = make(upstream)
    with serving(type("Handler", (_Handler,), {"proxy": proxy})) as proxy.port:
        yield proxy
