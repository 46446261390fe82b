"""insideLLMs itself, run as a program: the judge that knows nothing of us. And an OpenAI-compatible endpoint for it to ask.

It is installed from its public repository. Where that cannot be reached the tests that need it are skipped, and say what was not seen: the one exception to the rule that
a missing tool fails a test.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

TOOLS: Final = Path(__file__).resolve().parents[2] / ".cache" / "tools"
FOLDER: Final = TOOLS / "insidellms"
PASSED: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR")
MINUTES: Final = 3
# a project whose runs it can run
CONFIG: Final = """\
owner: us
registries:
  ill:
    driver: insidellms
    path: runs
    default: true
    probe: {type: logic}
    dataset: {format: jsonl, path: ../prompts.jsonl}
"""


class Said(NamedTuple):
    code: int
    both: str


@dataclass(frozen=True)
class InsideLlms:
    """`insidellms` with `folder` as its working directory and home, and no key but those it is given."""

    folder: Path

    def __call__(self, *arguments: str | Path, code: int | None = 0, **variables: str) -> Said:
        """Runs it to its end. Fails, with all that it said, unless it exits with `code` (None: any)."""
        return self._run(FOLDER / "bin" / "insidellms", *arguments, code=code, **variables)

    def python(self, program: str) -> Any:
        """What a Python program that may import insideLLMs prints as JSON."""
        return json.loads(self._run(FOLDER / "bin" / "python", "-c", program).both)

    def _run(self, program: Path, *arguments: str | Path, code: int | None = 0, **variables: str) -> Said:
        environment = {name: os.environ[name] for name in PASSED if name in os.environ}
        environment |= {"HOME": str(self.folder), "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "300"}
        done = subprocess.run(
            [str(program), *map(str, arguments)],
            cwd=self.folder,
            env=environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60 * MINUTES,
            check=False,
        )
        said = Said(done.returncode, done.stdout + done.stderr)
        assert code is None or said.code == code, f"insidellms {' '.join(map(str, arguments))}: {said}"
        return said


def installed(promise: str) -> None:
    """Skips, loudly, where insideLLMs could not be had; fails where nobody tried."""
    if (FOLDER / ".installed").is_file():
        return
    why = TOOLS / "insidellms.unreachable"
    if not why.is_file():
        pytest.fail("missing: .cache/tools/insidellms; `make tools` installs it")
    pytest.skip(f"NOT SEEN: {promise}: {why.read_text('utf-8').strip()}")


@dataclass
class Endpoint:
    """An OpenAI-compatible endpoint on loopback, and what it was asked: the path, the authorization and the body."""

    url: str = ""
    asked: list[tuple[str, str | None, Mapping[str, Any]]] = field(default_factory=list)


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    """It answers `four` to every chat and every text."""
    made = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            made.asked.append((self.path, self.headers.get("Authorization"), body))
            choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
            chat = self.path.endswith("/chat/completions")
            choice |= {"message": {"role": "assistant", "content": "four"}} if chat else {"text": "four"}
            kind = "chat.completion" if chat else "text_completion"
            answer = {"id": "1", "object": kind, "created": 1, "model": body["model"], "choices": [choice]}
            raw = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
