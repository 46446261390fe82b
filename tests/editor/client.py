"""A language-server client of the smallest kind: what an editor says to `yaml-language-server`, over stdio."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

SERVER: Final = Path(__file__).parents[2] / ".cache/tools/node_modules/yaml-language-server/bin/yaml-language-server"
PATIENCE: Final = 20.0  # seconds until an answer is given up: the server needs half of one

SETTINGS: Final = {
    "yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False, "url": ""}},
    "http": {"proxy": ""},
}


class EditorError(Exception):
    """The server did not answer, or answered with an error."""


class Editor:
    """One running server. Positions count from 0, as the protocol has it."""

    def __init__(self, process: subprocess.Popen[bytes], root: Path) -> None:
        self._process = process
        self._root = root
        self._number = 0
        self._answers: dict[int, Any] = {}
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def start(self) -> None:
        """The handshake. The server asks for the settings afterwards, and `_listen` gives them."""
        capabilities = {
            "textDocument": {
                "completion": {"completionItem": {"snippetSupport": False, "documentationFormat": ["markdown"]}},
                "hover": {"contentFormat": ["markdown"]},
            },
            "workspace": {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}},
        }
        root = self._root.as_uri()
        folders = [{"uri": root, "name": "project"}]
        self._ask(
            "initialize",
            {"processId": None, "rootUri": root, "capabilities": capabilities, "workspaceFolders": folders},
        )
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": SETTINGS})

    def open(self, name: str, text: str) -> list[dict[str, Any]]:
        """Opens a file of the project, which need not exist on disk. Returns its diagnostics, by place."""
        uri = (self._root / name).as_uri()
        with self._news:
            self._diagnostics.pop(uri, None)
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})
        with self._news:
            if not self._news.wait_for(lambda: uri in self._diagnostics, PATIENCE):
                raise EditorError(f"no diagnostics for {name}")
            found = self._diagnostics[uri]
        return sorted(found, key=lambda item: (item["range"]["start"]["line"], item["range"]["start"]["character"]))

    def complete(self, name: str, line: int, character: int) -> list[dict[str, Any]]:
        """What is offered at a place of an open file."""
        answer = self._ask("textDocument/completion", self._place(name, line, character))
        return list(answer["items"]) if isinstance(answer, dict) else list(answer or ())

    def hover(self, name: str, line: int, character: int) -> str:
        """The Markdown that is shown at a place of an open file; empty where there is none."""
        answer = self._ask("textDocument/hover", self._place(name, line, character))
        return str(answer["contents"]["value"]) if answer else ""

    def stop(self) -> None:
        """Asks the server to go, and ends it if it does not."""
        try:
            self._ask("shutdown", None)
            self._tell("exit", None)
            self._process.wait(PATIENCE)
        except (EditorError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._reader.join(PATIENCE)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _place(self, name: str, line: int, character: int) -> dict[str, Any]:
        uri = (self._root / name).as_uri()
        return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}

    def _ask(self, method: str, params: Any) -> Any:
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": params})
        with self._news:
            if not self._news.wait_for(lambda: number in self._answers, PATIENCE):
                raise EditorError(f"no answer to {method}")
            answer = self._answers.pop(number)
        if "error" in answer:
            raise EditorError(f"{method}: {answer['error']}")
        return answer.get("result")

    def _tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: Mapping[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        stream = self._process.stdin
        if stream is None:
            raise EditorError("the server has no standard input")
        stream.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        stream.flush()

    def _listen(self) -> None:
        while (message := self._receive()) is not None:
            if "method" in message and "id" in message:
                self._send({"id": message["id"], "result": _reply(message)})
            with self._news:
                if message.get("method") == "textDocument/publishDiagnostics":
                    self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
                elif "method" not in message:
                    self._answers[message["id"]] = message
                self._news.notify_all()

    def _receive(self) -> dict[str, Any] | None:
        stream = self._process.stdout
        if stream is None:
            return None
        length = 0
        while (line := stream.readline()).strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not line:
            return None
        message: dict[str, Any] = json.loads(stream.read(length))
        return message


def _reply(message: Mapping[str, Any]) -> Any:
    """What an editor answers to the server's own questions: its settings, and otherwise nothing."""
    if message["method"] == "workspace/configuration":
        return [SETTINGS.get(item.get("section", "")) for item in message["params"]["items"]]
    return None


@contextmanager
def editor(root: Path) -> Iterator[Editor]:
    """A server for the project folder `root`, ended afterwards."""
    process = subprocess.Popen(
        ["node", str(SERVER), "--stdio"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    running = Editor(process, root)
    try:
        running.start()
        yield running
    finally:
        running.stop()
