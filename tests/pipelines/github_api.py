"""GitHub's REST interface on loopback, as far as our action needs it: comments, issues, and what a token may do.

`gh` reaches it as `api.github.localhost`, through the proxy that the server is at the same time.
"""

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

BOT: Final = "github-actions[bot]"
LONGEST: Final = 65_536  # characters of a comment's or an issue's text


@dataclass
class GitHub:
    """What the server holds, and every request that changed something or was refused: `METHOD path status`."""

    port: int = 0
    tokens: dict[str, Mapping[str, str]] = field(default_factory=dict)  # each with the permissions of its job
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def comment(self, body: str, login: str = BOT, issue: int = 7) -> int:
        """A comment on a pull request or an issue."""
        assert len(body) <= LONGEST
        number = 3_000_000_000 + len(self.comments)  # as GitHub's: more than 31 bits
        self.comments[number] = {"id": number, "body": body, "user": {"login": login}, "issue": issue}
        return number

    def issue(self, title: str, body: str, login: str = BOT) -> int:
        number = 100 + len(self.issues)
        self.issues[number] = {
            "number": number,
            "title": title,
            "body": body,
            "state": "open",
            "user": {"login": login},
        }
        return number

    def bodies(self, issue: int = 7) -> list[str]:
        """The texts of the comments on a pull request or an issue."""
        return [one["body"] for one in self.comments.values() if one["issue"] == issue]

    @property
    def open_issues(self) -> list[dict[str, Any]]:
        return [one for one in self.issues.values() if one["state"] == "open"]


_COMMENTS: Final = re.compile(r"/repos/acme/models/issues/(\d+)/comments")
_COMMENT: Final = re.compile(r"/repos/acme/models/issues/comments/(\d+)")
_ISSUE: Final = re.compile(r"/repos/acme/models/issues/(\d+)")
_ISSUES: Final = "/repos/acme/models/issues"


class RefusedError(Exception):
    """A request that GitHub refuses, with its status."""


def answer(
    github: GitHub, method: str, path: str, asked: Mapping[str, str], body: Mapping[str, Any], may: Mapping[str, str]
) -> Any:
    """What one request is answered. Raises RefusedError."""
    writes = method != "GET"
    on_issue, one_comment, one_issue = _COMMENTS.fullmatch(path), _COMMENT.fullmatch(path), _ISSUE.fullmatch(path)
    comments = on_issue or one_comment
    rights = {"issues", "pull-requests"} if comments else {"issues"}
    # the repository is public: whoever has a token may read
    if writes and not any(may.get(right) == "write" for right in rights):
        raise RefusedError(403)
    if len(body.get("body") or "") > LONGEST:
        raise RefusedError(422)
    if on_issue and method == "GET":
        return [one for one in github.comments.values() if one["issue"] == int(on_issue[1])]
    if on_issue and method == "POST":
        return github.comments[github.comment(body["body"], issue=int(on_issue[1]))]
    if one_comment and method == "PATCH":
        github.comments[int(one_comment[1])]["body"] = body["body"]
        return github.comments[int(one_comment[1])]
    if one_comment and method == "DELETE":
        return github.comments.pop(int(one_comment[1])) and None
    if path == _ISSUES and method == "GET":
        return [one for one in github.issues.values() if one["state"] == asked.get("state", "open")]
    if path == _ISSUES and method == "POST":
        return github.issues[github.issue(body["title"], body["body"])]
    if one_issue and method == "PATCH":
        github.issues[int(one_issue[1])].update(body)
        return github.issues[int(one_issue[1])]
    raise RefusedError(404)


@contextmanager
def github_api() -> Iterator[GitHub]:
    """The server, until the block ends."""
    github = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            url = urlsplit(self.path)
            asked = {name: values[-1] for name, values in parse_qs(url.query).items()}
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            token = (self.headers.get("authorization") or "").removeprefix("token ")
            status = {"POST": 201, "DELETE": 204}.get(self.command, 200)
            found: Any = None
            try:
                if url.hostname != "api.github.localhost" or token not in github.tokens:
                    raise RefusedError(401)
                found = answer(github, self.command, url.path, asked, json.loads(raw or b"{}"), github.tokens[token])
            except RefusedError as refused:
                status, found = refused.args[0], {"message": "refused"}
            except KeyError:
                status, found = 404, {"message": "Not Found"}
            if self.command != "GET" or status >= 400:
                github.log.append(f"{self.command} {url.path} {status}")
            self.send(status, found, url.path, asked)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815 -- as http.server names them

        def send(self, status: int, found: Any, path: str, asked: Mapping[str, str]) -> None:
            self.send_response(status)
            if isinstance(found, list):
                page, size = int(asked.get("page", 1)), int(asked.get("per_page", 30))
                if page * size < len(found):
                    self.send_header(
                        "link", f'<http://api.github.localhost{path}?per_page={size}&page={page + 1}>; rel="next"'
                    )
                found = found[(page - 1) * size : page * size]
            text = b"" if status == 204 else json.dumps(found).encode()
            self.send_header("content-type", "application/json; charset=utf-8")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        github.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield github
        finally:
            server.shutdown()
            thread.join()
