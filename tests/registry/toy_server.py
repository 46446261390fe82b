"""The toy registry of docs/write-a-driver.md: models over REST, kept in memory, with a bearer token.

It does what real ones do: sorts tags, adds a slash to URLs, answers null for what is unset, and keeps annotations that are everybody's.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import unquote

MODELS: Final = "/v1/models"
FIELDS: Final = ("name", "url", "description", "tags", "context_length", "annotations")

Row = dict[str, Any]


def shaped(row: Row) -> Row:
    """A row as the server keeps it. What it does not know it keeps, too."""
    kept = dict.fromkeys(FIELDS) | row
    kept["tags"] = sorted(kept["tags"] or [])
    kept["annotations"] = kept["annotations"] or {}
    if isinstance(kept["url"], str) and not kept["url"].endswith("/"):
        kept["url"] += "/"
    return kept


@dataclass
class Toy:
    """A running server. `answers` alters each row that is answered; `lost` is the write whose reply is lost, done or not, the next being 1."""

    url: str
    token: str
    rows: dict[str, Row] = field(default_factory=dict)
    answers: Callable[[Row], Row] = dict
    lost: tuple[int, bool] = (0, False)
    requests: list[str] = field(default_factory=list)

    def loses(self) -> tuple[bool, bool]:
        """Whether the reply to this write is lost, and whether it is done all the same."""
        left, done = self.lost
        self.lost = (max(left - 1, 0), done)
        return left == 1, done


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    toy: Toy

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name in the base class
        """Says nothing on stderr."""

    def answer(self, status: int, data: Any = None) -> None:
        body = b"" if data is None else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_method(self) -> None:
        """Answers any method, or loses the reply."""
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"null")
        self.toy.requests.append(f"{self.command} {self.path}")
        if self.headers.get("Authorization") != f"Bearer {self.toy.token}":
            return self.answer(401, {"message": "who are you?"})
        lost, done = (False, True) if self.command == "GET" else self.toy.loses()
        status, data = self.done(body) if done or not lost else (0, None)
        if not lost:
            return self.answer(status, data)
        self.close_connection = True
        return None

    do_GET = do_POST = do_PUT = do_DELETE = handle_method  # noqa: N815  # so the base class looks for them

    def done(self, body: Any) -> tuple[int, Any]:
        """Does what is asked. Returns the status, and what is answered."""
        rows, key = self.toy.rows, unquote(self.path.removeprefix(MODELS + "/"))
        if self.path == MODELS and self.command == "GET":
            return 200, [self.toy.answers(rows[name]) for name in sorted(rows)]
        if self.path == MODELS and body["name"] in rows:
            return 409, {"message": "exists"}
        if self.path == MODELS:
            key = body["name"]
        elif key not in rows:
            return 404, {"message": "no such model"}
        if self.command == "DELETE":
            del rows[key]
            return 204, None
        if self.command != "GET":
            rows[key] = shaped(body | {"name": key})
        return 201 if self.command == "POST" else 200, self.toy.answers(rows[key])


@contextmanager
def toy(token: str = "t0y-token") -> Iterator[Toy]:
    """A server on a port of its own, with nothing in it."""
    handler = type("ToyHandler", (Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        running = Toy(f"http://127.0.0.1:{server.server_port}", token)
        handler.toy = running  # type: ignore[attr-defined]
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()
