"""A proxy that replicas in other network namespaces reach, and that writes down which of them sent what, and when it came."""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, NamedTuple

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
    """`open` makes a connection to the server behind it."""

    open: Callable[[], http.client.HTTPConnection]
    passed: list[Passed] = field(default_factory=list)
    port: int = 0


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
        sent = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        beyond = self.recorder.open()
        try:
            beyond.request(self.command, self.path, content, sent)
            reply = beyond.getresponse()
            path = self.path.partition("?")[0]
            sender = self.client_address[0]
            self.recorder.passed.append(Passed(came, sender, self.command, path, content, reply.status))
            self._stream(reply)
        except (OSError, http.client.HTTPException):
            self.close_connection = True
        finally:
            beyond.close()

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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a watch of a replica that was cut off never ends
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that left in the middle is no news."""


@contextmanager
def recorded(host: str, connect: Callable[[], http.client.HTTPConnection]) -> Iterator[Recorder]:
    """A recorder at an address of this machine."""
    recorder = Recorder(connect)
    listening = _Server((host, 0), type("Handler", (_Handler,), {"recorder": recorder}))
    recorder.port = listening.server_address[1]
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield recorder
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
