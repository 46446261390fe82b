"""A proxy that replicas in other network namespaces reach, and that writes down which of them sent what, and when it came."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final, NamedTuple

import yaml
from kubernetes.api_server import ApiServer
from loopback import serving

TOO_MANY: Final = 429

_HOP: Final = ("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server", "host")
_PIECE: Final = 65_536
_FIRST: Final = -15  # a thread's priority, above all that runs with the usual one; needs root, as networks do


class Passed(NamedTuple):
    """One request: when all of it had come, from which address, and the status of the answer. `path` has no query."""

    time: float
    sender: str
    method: str
    path: str
    content: bytes
    status: int

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD")


@dataclass
class Recorder:
    """`open` makes a connection to the server behind it. What `refuses` says is answered with 429, and does not come there."""

    open: Callable[[], http.client.HTTPConnection]
    passed: list[Passed] = field(default_factory=list)
    port: int = 0
    refuses: Callable[[], bool] = lambda: False

    def refused(self) -> int:
        """The number of requests that were refused."""
        return sum(one.status == TOO_MANY for one in self.passed)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    recorder: Recorder

    def setup(self) -> None:
        """When a request comes is what is judged: on a busy machine, too, it is read at once."""
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _FIRST)
        super().setup()

    def _pass_on(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        came = time.time()
        if self.recorder.refuses():
            self._note(came, content, TOO_MANY)
            return self._refuse()
        sent = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        beyond = self.recorder.open()
        try:
            beyond.request(self.command, self.path, content, sent)
            reply = beyond.getresponse()
            self._note(came, content, reply.status)
            self._stream(reply)
        except (OSError, http.client.HTTPException):
            self.close_connection = True
        finally:
            beyond.close()
        return None

    def _note(self, came: float, content: bytes, status: int) -> None:
        path = self.path.partition("?")[0]
        self.recorder.passed.append(Passed(came, self.client_address[0], self.command, path, content, status))

    def _refuse(self) -> None:
        body = json.dumps(
            {
                "kind": "Status",
                "apiVersion": "v1",
                "status": "Failure",
                "code": TOO_MANY,
                "message": "too many requests",
            }
        ).encode()
        self.send_response_only(TOO_MANY)
        self.send_header("Retry-After", "1")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, reply: http.client.HTTPResponse) -> None:
        """The answer, piece by piece as it comes: a watch has no end."""
        self.send_response_only(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        bodiless = reply.status in (204, 304)
        if not bodiless:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if bodiless:
            return
        while piece := reply.read1(_PIECE):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815  # names that http.server asks for

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def recorded(host: str, connect: Callable[[], http.client.HTTPConnection]) -> Iterator[Recorder]:
    """A recorder at an address of this machine."""
    recorder = Recorder(connect)
    with serving(type("Handler", (_Handler,), {"recorder": recorder}), host) as recorder.port:
        yield recorder


@contextmanager
def recorded_api(server: ApiServer, host: str = "127.0.0.1") -> Iterator[tuple[Recorder, Path]]:
    """A recorder before an API server, and a kubeconfig that leads through it, as the administrator."""
    context = server.client_context()
    with recorded(
        host, lambda: http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=600)
    ) as made:
        config = yaml.safe_load(server.kubeconfig.read_text("utf-8"))
        config["clusters"][0]["cluster"] = {"server": f"http://{host}:{made.port}"}
        config["users"][0]["user"] = {}
        kubeconfig = server.folder / f"kubeconfig-{made.port}"
        kubeconfig.write_text(yaml.safe_dump(config), "utf-8")
        yield made, kubeconfig
