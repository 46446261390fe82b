"""MLflow's own client `MlflowClient`: the judge that knows nothing of us, and the second writer.

It lives in the server's Python, and its import takes seconds: one process per test run answers all questions.
Calls block; in a test that has other things going on, `await asyncio.to_thread(judge.model, …)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.client_process import ClientProcess
from registry.mlflow.server import HERE, installed


class ClientError(Exception):
    """The server answered with an error; `code` is MLflow's name for it, such as RESOURCE_DOES_NOT_EXIST."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class Process(ClientProcess):
    """The program that has the client."""

    def __init__(self) -> None:
        super().__init__(
            "MLflow",
            installed(),
            HERE / "sdk.py",
            {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"},
        )


@dataclass(frozen=True)
class Judge:
    """The client of one server, workspace and user. Answers are JSON with the client's own names. No call is ever repeated."""

    process: Process
    url: str
    workspace: str | None = None
    user: tuple[str, str] | None = None

    def call(self, call: str, *arguments: Any, **options: Any) -> Any:
        """Any method of MlflowClient; lists come whole, over all pages. Raises ClientError."""
        return self._ask("client", call, arguments, options)

    def gateway(self, call: str, *arguments: Any, **options: Any) -> Any:
        """Any method of the client's part for the gateway. Raises ClientError."""
        return self._ask("gateway", call, arguments, options)

    def model(self, name: str) -> dict[str, Any] | None:
        """A registered model, or a prompt, which is one as well; None if there is none."""
        try:
            found: dict[str, Any] = self.call("get_registered_model", name)
        except ClientError as error:
            if error.code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return found

    def models(self) -> dict[str, dict[str, Any]]:
        """All registered models by name."""
        return {one["name"]: one for one in self.call("search_registered_models", max_results=1000)}

    def versions(self, model: str) -> dict[str, dict[str, Any]]:
        """All versions of a model by number."""
        found = self.call("search_model_versions", f"name='{model}'", max_results=10_000)
        return {one["version"]: one for one in found}

    def secrets(self) -> dict[str, dict[str, Any]]:
        return {one["secret_name"]: one for one in self.gateway("list_secret_infos")}

    def definitions(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self.gateway("list_gateway_model_definitions")}

    def endpoints(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self.gateway("list_gateway_endpoints")}

    def everything(self) -> dict[str, Any]:
        """All that there is: equal answers mean that nothing was written between, but for what leaves no trace."""
        return {
            "models": self.models(),
            "versions": {name: self.versions(name) for name in self.models()},
            "secrets": self.secrets(),
            "definitions": self.definitions(),
            "endpoints": self.endpoints(),
        }

    def _ask(self, of: str, call: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        who = {"url": self.url, "workspace": self.workspace, "user": self.user}
        answer = self.process.ask(who | {"of": of, "call": call, "arguments": arguments, "options": options})
        if "broken" in answer:
            raise RuntimeError(f"{call}: {answer['broken']}")
        if "error" in answer:
            raise ClientError(answer["error"], answer["message"])
        return answer["result"]
