"""A proxy on loopback between the controller and the API server: it counts requests, and refuses those that a test wants refused."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, NamedTuple

import yaml
from kubernetes.api_server import ApiServer

_HOP: Final = ("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server")
_PIECE: Final = 65_536


class Request(NamedTuple):
    """One request, and what was answered. `path` has no query."""

    method: str
    path: str
    status: int

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD")


@dataclass
class ApiProxy:
    """`refuses` gives the status and the seconds of Retry-After with which a request is answered, or None to let it pass."""

    server: ApiServer
    passed: list[Request] = field(default_factory=list)
    refuses: Callable[[str, str], tuple[int, int] | None] = lambda method, path: None
    port: int = 0

    @property
    def kubeconfig(self) -> Path:
        """One that leads through this proxy, which is let in as the administrator."""
        config = yaml.safe_load(self.server.kubeconfig.read_text("utf-8"))
        config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{self.port}"}
        config["users"][0]["user"] = {}
        path = self.server.folder / f"kubeconfig-{self.port}"
        path.write_text(yaml.safe_dump(config), "utf-8")
        return path

    def refused(self) -> int:
        """The number of requests that were not let pass."""
        return sum(request.status in (429, 503) for request in self.passed)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: ApiProxy
    context: ssl.SSLContext

    def _pass_on(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        refusal = self.proxy.refuses(self.command, path)
        if refusal is not None:
            self.proxy.passed.append(Request(self.command, path, refusal[0]))
            return self._refuse(*refusal)
        sent = {name: value for name, value in self.headers.items() if name.lower() not in (*_HOP, "host")}
        beyond = http.client.HTTPSConnection("127.0.0.1", self.proxy.server.port, context=self.context)
        try:
            beyond.request(self.command, self.path, content, sent)
            reply = beyond.getresponse()
            self.proxy.passed.append(Request(self.command, path, reply.status))
            self._stream(reply)
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # as if the API server itself had gone
        finally:
            beyond.close()
        return None

    def _stream(self, reply: http.client.HTTPResponse) -> None:
        """The answer, piece by piece as it comes: a watch has no end."""
        self.send_response_only(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while piece := reply.read1(_PIECE):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _refuse(self, status: int, after: int) -> None:
        body = json.dumps(
            {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "message": "too many requests"}
        ).encode()
        self.send_response_only(status)
        self.send_header("Retry-After", str(after))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815  # names that http.server asks for

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that left in the middle is no news."""


@contextmanager
def proxied(server: ApiServer) -> Iterator[ApiProxy]:
    """A proxy for that API server."""
    proxy = ApiProxy(server)
    handler = type("Handler", (_Handler,), {"proxy": proxy, "context": server.client_context()})
    listening = _Server(("127.0.0.1", 0), handler)
    proxy.port = listening.server_address[1]
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
