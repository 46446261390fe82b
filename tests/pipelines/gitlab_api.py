"""GitLab's REST interface on loopback, as far as our template needs it: notes and issues, whose they are, and pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

ME: Final = 99
TOKEN: Final = "glpat-made-up"
_NOTES: Final = re.compile(r"/projects/5/merge_requests/7/notes")
_NOTE: Final = re.compile(r"/projects/5/merge_requests/7/notes/(\d+)")
_ISSUES: Final = re.compile(r"/projects/5/issues")
_ISSUE: Final = re.compile(r"/projects/5/issues/(\d+)")
_ISSUE_NOTES: Final = re.compile(r"/projects/5/issues/(\d+)/notes")


@dataclass
class GitLab:
    """What the server holds, and every request that changed something or was refused: `METHOD path status`."""

    url: str = ""
    notes: dict[int, dict[str, Any]] = field(default_factory=dict)
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)  # notes on issues
    log: list[str] = field(default_factory=list)

    def note(self, body: str, author: int = ME) -> int:
        """A note on the merge request."""
        number = 1000 + len(self.notes)
        self.notes[number] = {"id": number, "body": body, "author": {"id": author}}
        return number

    def issue(self, title: str, description: str, author: int = ME) -> int:
        number = 1 + len(self.issues)
        about = {"iid": number, "title": title, "description": description, "state": "opened", "author": {"id": author}}
        self.issues[number] = about
        return number

    @property
    def open_issues(self) -> list[int]:
        return [number for number, one in self.issues.items() if one["state"] == "opened"]

    def answer(self, method: str, path: str, asked: Mapping[str, str], body: Mapping[str, str]) -> Any:
        """What one request is answered. Raises KeyError for what is not there."""
        if (method, path) == ("GET", "/user"):
            return {"id": ME}
        if _NOTES.fullmatch(path):
            return list(self.notes.values()) if method == "GET" else self.notes[self.note(body["body"])]
        if found := _NOTE.fullmatch(path):
            if method == "DELETE":
                return self.notes.pop(int(found[1])) and None
            self.notes[int(found[1])]["body"] = body["body"]
            return self.notes[int(found[1])]
        if _ISSUES.fullmatch(path):
            if method == "POST":
                return self.issues[self.issue(body["title"], body["description"])]
            state, author = asked.get("state"), int(asked.get("author_id", ME))
            return [one for one in self.issues.values() if one["state"] == state and one["author"]["id"] == author]
        if found := _ISSUE_NOTES.fullmatch(path):
            self.said.append(body["body"])
            return {}
        number = int((_ISSUE.fullmatch(path) or ["", "0"])[1])
        if body.get("state_event") == "close":
            self.issues[number]["state"] = "closed"
        self.issues[number].update({name: text for name, text in body.items() if name == "description"})
        return self.issues[number]


@contextmanager
def gitlab_api() -> Iterator[GitLab]:
    """The server, until the block ends."""
    gitlab = GitLab()

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            asked, given = ({name: values[-1] for name, values in parse_qs(text).items()} for text in (url.query, body))
            status, found = {"POST": 201, "DELETE": 204}.get(self.command, 200), None
            try:
                if self.headers.get("private-token") != TOKEN:
                    status = 401
                else:
                    found = gitlab.answer(self.command, url.path.removeprefix("/api/v4"), asked, given)
            except KeyError:
                status = 404
            if self.command != "GET" or status >= 400:
                gitlab.log.append(f"{self.command} {url.path.removeprefix('/api/v4')} {status}")
            self.send(status, found, asked)

        do_GET = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815 -- as http.server names them

        def send(self, status: int, found: Any, asked: Mapping[str, str]) -> None:
            self.send_response(status)
            if isinstance(found, list):
                page, size = int(asked.get("page", 1)), int(asked.get("per_page", 20))
                self.send_header("x-next-page", str(page + 1) if page * size < len(found) else "")
                found = found[(page - 1) * size : page * size]
            text = b"" if status == 204 else json.dumps(found).encode()
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        gitlab.url = f"http://127.0.0.1:{server.server_address[1]}/api/v4"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield gitlab
        finally:
            server.shutdown()
            thread.join()
