"""What stands between us and LiteLLM Proxy in tests: it loses replies, changes rows, and remembers lists until somebody writes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from registry.nemo_proxy import Answer, Passed, Proxy, proxied, writes

Row = dict[str, Any]
_GZIP = b"\x1f\x8b"
_LISTS = ("/v2/model/info", "/credentials", "/config/list")  # a proxy takes a tenth of a second for each


@dataclass
class Between(Proxy):
    """Every model and credential in every reply passes through each of `alters`, with its kind."""

    alters: list[Callable[[str, Row], Row]] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)

    def recall(self, request: Passed) -> Answer | None:
        return self.answers.get(f"{request.path}?{request.query}") if request.method == "GET" else None

    def remember(self, request: Passed, answer: Answer) -> None:
        if writes(request):
            self.answers.clear()
        elif request.path in _LISTS:
            self.answers[f"{request.path}?{request.query}"] = answer

    def keep_newer(self, request: Passed) -> None:
        """The real proxy keeps what it does not know."""

    def changed(self, request: Passed, data: bytes) -> bytes:
        if not self.alters or request.method != "GET" or not data:
            return data
        packed = data.startswith(_GZIP)
        answer = json.loads(gzip.decompress(data) if packed else data)
        for name, kind in (("data", "Model"), ("credentials", "Credential")):
            if isinstance(answer, dict) and isinstance(answer.get(name), list):
                answer[name] = [self._altered(kind, row) for row in answer[name]]
        if isinstance(answer, dict) and "credential_name" in answer:
            answer = self._altered("Credential", answer)
        changed = json.dumps(answer).encode()
        return gzip.compress(changed) if packed else changed

    def _altered(self, kind: str, row: Row) -> Row:
        for alter in self.alters:
            row = alter(kind, row)
        return row


@contextmanager
def between(upstream: str) -> Iterator[Between]:
    with proxied(upstream, Between) as found:
        yield found
