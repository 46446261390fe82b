"""NVIDIA's own client `nemo_platform.NeMoPlatform`: the judge that knows nothing of us, and the second writer.

It lives in the server's Python, and its import takes half a second: one process per test run answers all questions.
Calls block; in a test that has other things going on, `await asyncio.to_thread(judge.get, …)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from registry.client_process import ClientProcess
from registry.nemo.server import HERE, installed


class Access(NamedTuple):
    """How a kind is called: in the client, in the raw store, and the verb that changes one."""

    client: str
    entity: str
    update: str = "update"


KINDS: Final = {
    "Model": Access("models", "model"),
    "Provider": Access("inference.providers", "model_provider"),
    "Secret": Access("secrets", "platform_secret"),
    "Adapter": Access("adapters", "adapter", "patch"),
    "Prompt": Access("inference.prompts", "prompt"),
    "Project": Access("projects", "project"),
}


class SdkError(Exception):
    """The server answered with an error. `status` is None where it did not answer at all."""

    def __init__(self, status: int | None, body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


class Process(ClientProcess):
    """The program that has the client."""

    def __init__(self) -> None:
        super().__init__("NeMo", installed(), HERE / "sdk.py", {"NEMO_PLUGIN_ALLOWLIST": ""})


@dataclass(frozen=True)
class Judge:
    """The client of one server. Answers are JSON as the server gave it. KIND is a key of KINDS. No call is ever repeated."""

    process: Process
    url: str

    def at(self, url: str) -> Judge:
        """The same for another server."""
        return Judge(self.process, url)

    def call(self, call: str, *arguments: Any, **options: Any) -> Any:
        """Any method of the client, by its dotted path. Raises SdkError."""
        answer = self.process.ask({"url": self.url, "call": call, "arguments": arguments, "options": options})
        if "broken" in answer:
            raise RuntimeError(f"{call}: {answer['broken']}")
        if "status" in answer:
            raise SdkError(answer["status"], answer["body"])
        return answer["result"]

    def get(self, kind: str, workspace: str, name: str) -> dict[str, Any] | None:
        """One object, None if there is none."""
        try:
            found: dict[str, Any] = self.call(f"{KINDS[kind].client}.retrieve", name, workspace=workspace)
        except SdkError as error:
            if error.status == 404:
                return None
            raise
        return found

    def list(self, kind: str, workspace: str) -> dict[str, dict[str, Any]]:
        """All objects of a kind, by name, over all pages."""
        found = self.call(f"{KINDS[kind].client}.list", workspace=workspace, page_size=1000)
        return {one["name"]: one for one in found}

    def create(self, kind: str, workspace: str, name: str, **fields: Any) -> dict[str, Any]:
        created: dict[str, Any] = self.call(f"{KINDS[kind].client}.create", workspace=workspace, name=name, **fields)
        return created

    def update(self, kind: str, workspace: str, name: str, **fields: Any) -> dict[str, Any]:
        """Changes a model, a secret, an adapter or a project; replaces a provider or a prompt."""
        access = KINDS[kind]
        updated: dict[str, Any] = self.call(f"{access.client}.{access.update}", name, workspace=workspace, **fields)
        return updated

    def delete(self, kind: str, workspace: str, name: str) -> None:
        self.call(f"{KINDS[kind].client}.delete", name, workspace=workspace)

    def secret(self, workspace: str, name: str) -> str:
        """A secret's value."""
        value: str = self.call("secrets.access", name, workspace=workspace)["value"]
        return value

    def db_version(self, kind: str, workspace: str, name: str) -> int | None:
        """How often an object was written, from 1, as the raw store counts it; None if there is none."""
        written = self.written(workspace, kind).get(f"{kind}/{name}")
        return None if written is None else written[1]

    def written(self, workspace: str, *kinds: str) -> dict[str, tuple[str, int]]:
        """Id and db_version of every object of these kinds (all), by `Kind/name`: equal answers mean that nothing was written between."""
        return {
            f"{kind}/{one['name']}": (one["id"], one["db_version"])
            for kind in kinds or KINDS
            for one in self.call("entities.list", KINDS[kind].entity, workspace=workspace, page_size=1000)
        }


@contextmanager
def judging(url: str) -> Iterator[Judge]:
    """The judge of the server at `url`."""
    process = Process()
    try:
        yield Judge(process, url)
    finally:
        process.end()
