"""A Git repository over HTTP on loopback, served by git itself: go-git, which Flux uses, needs the smart protocol."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit


class Repository:
    """A working copy in `folder`, and the URL of the bare repository that it pushes to."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url

    def commit(self, message: str) -> str:
        """Commit and push all that is in the folder. The answer is the commit's hash."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", "main")
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        """What git prints."""
        identity = {
            f"GIT_{who}_{what}": "flux@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=os.environ | identity, capture_output=True, text=True, check=True
        )
        return done.stdout


@contextmanager
def served(folder: Path) -> Iterator[Repository]:
    """An empty repository below `folder`, with the branch main."""
    bare, copy = folder / "served" / "models.git", folder / "copy"
    for command in (
        ["git", "init", "--quiet", "--bare", "--initial-branch=main", str(bare)],
        ["git", "init", "--quiet", "--initial-branch=main", str(copy)],
        ["git", "-C", str(copy), "remote", "add", "origin", str(bare)],
    ):
        subprocess.run(command, check=True, capture_output=True)

    class Handler(_Handler):
        root = bare.parent

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield Repository(copy, f"http://127.0.0.1:{server.server_port}/{bare.name}")
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Hands each request to `git http-backend`, as a web server does by CGI."""

    root: Path

    def do_GET(self) -> None:
        self._backend(b"")

    def do_POST(self) -> None:
        self._backend(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _backend(self, body: bytes) -> None:
        url = urlsplit(self.path)
        variables = {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": url.path,
            "QUERY_STRING": url.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=os.environ | variables, capture_output=True, check=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name that it has there
        """Say nothing."""
