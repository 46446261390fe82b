"""The proxy's API spoken directly: the judge that knows nothing of us, the second writer, and the one who asks a model something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2

Row = dict[str, Any]


@dataclass(frozen=True)
class Wire:
    """One proxy, asked with its master key. What ends in a Response is not checked."""

    http: httpx2.Client

    def models(self) -> dict[str, Row]:
        """Every model of the database, by id."""
        found = self.http.get("/v2/model/info", params={"search": "%", "size": 100_000}).raise_for_status().json()
        rows = {row["model_info"]["id"]: row for row in found["data"]}
        assert len(rows) == found["total_count"], "two rows with one id"
        return rows

    def live(self) -> dict[str, Row]:
        """Every model that this process serves, by id, those of its config.yaml among them."""
        found = self.http.get("/v2/model/info", params={"size": 1_000_000}).raise_for_status().json()
        return {row["model_info"]["id"]: row for row in found["data"]}

    def served(self) -> set[str]:
        """The names that a user may ask for."""
        return {row["id"] for row in self.http.get("/v1/models").raise_for_status().json()["data"]}

    def credentials(self) -> dict[str, Row]:
        """Every credential, by name, with those of config.yaml."""
        found = self.http.get("/credentials").raise_for_status().json()["credentials"]
        return {row["credential_name"]: row for row in found}

    def create(self, identity: str, litellm_params: Row, *, model_name: str = "", **model_info: Any) -> httpx2.Response:
        info = {"id": identity, **model_info}
        body = {"model_name": model_name or identity, "litellm_params": litellm_params, "model_info": info}
        return self.http.post("/model/new", json=body)

    def patch(self, identity: str, **fields: Any) -> httpx2.Response:
        return self.http.patch(f"/model/{quote(identity, safe='')}/update", json=fields)

    def delete(self, identity: str) -> httpx2.Response:
        return self.http.post("/model/delete", json={"id": identity})

    def create_credential(self, name: str, /, **values: Any) -> httpx2.Response:
        body = {"credential_name": name, "credential_values": values, "credential_info": {}}
        return self.http.post("/credentials", json=body)

    def delete_credential(self, name: str) -> httpx2.Response:
        return self.http.delete(f"/credentials/{quote(name, safe='')}")

    def chat(self, model_name: str, text: str = "hello") -> httpx2.Response:
        """A completion. A model with `mock_response` answers that, without anybody else being asked."""
        body = {"model": model_name, "messages": [{"role": "user", "content": text}]}
        return self.http.post("/v1/chat/completions", json=body)

    def said(self, model_name: str) -> str:
        """What a model answers."""
        text: str = self.chat(model_name).raise_for_status().json()["choices"][0]["message"]["content"]
        return text

    def empty(self) -> None:
        """Deletes all that did not come from config.yaml, so that the running proxy forgets it, too."""
        for identity in self.models():
            self.delete(identity).raise_for_status()
        for name, row in self.credentials().items():
            if row.get("source") != "config":
                self.delete_credential(name).raise_for_status()


@contextmanager
def wire(url: str, token: str) -> Iterator[Wire]:
    # a connection that idles 5 seconds is closed by the server: perhaps under a call
    headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
    with httpx2.Client(base_url=url, headers=headers, trust_env=False, timeout=120) as http:
        yield Wire(http)
