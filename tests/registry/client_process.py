"""A vendor's own client in its own Python: one process, which answers a line of JSON for each that it reads."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from programs import HANGS
from registry.server_process import PASSED


class ClientProcess:
    """The program that has the client. Questions of several threads take turns."""

    def __init__(self, name: str, python: Path, script: Path, environment: Mapping[str, str]) -> None:
        """`name` is for errors; `environment` is what the client gets beside PASSED."""
        passed = {name: os.environ[name] for name in PASSED if name in os.environ}
        self._name = name
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [str(python), "-I", str(script)],
            env=passed | {"HOME": os.devnull, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._turn:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the {self._name} client ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        self._process.communicate(timeout=HANGS)  # it reads to the end of its input
