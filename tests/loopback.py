"""An HTTP server of a test, in a thread: it serves until the test has done with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

_POLL: Final = 0.02  # seconds between two looks at whether it is to end


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a watch of a client that was cut off never ends
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that left in the middle is no news."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], host: str = "127.0.0.1") -> Iterator[int]:
    """The port on which requests are answered by that handler, each in a thread of its own."""
    server = _Server((host, 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": _POLL})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
