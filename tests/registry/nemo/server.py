"""The real NeMo Platform server on loopback: one that all processes of a test run share, or one that a test may kill.

`tests/tools.sh` installs it. It keeps everything in a folder (SQLite, files, its log), asks nobody who they are, and ends
with the last process that uses it, also when that one was killed: see `start.py`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx2
from registry.server_process import ServerProcess

HERE: Final = Path(__file__).resolve().parent
PYTHON: Final = HERE.parents[2] / ".cache" / "tools" / "nemo" / "bin" / "python"
SERVICES: Final = ("entities", "models", "secrets", "files", "inference-gateway")
AUTH: Final = {
    "platform": {"runtime": "none"},
    "auth": {
        "enabled": True,
        "allow_unsigned_jwt": True,
        "policy_decision_point_provider": "embedded",
        "policy_data_refresh_interval": 1,
        "bundle_cache_seconds": 1,
    },
    "secrets": {"allow_key_creation": True},
}
TRUSTED: Final = {"X-NMP-Principal-Id": "service:tests"}  # who may do everything, also where it asks who one is


class NemoServer(ServerProcess):
    """The server, in a Python of its own.

    With `controllers=["models"]` it looks every 5 s at what providers serve, and writes that into models.
    With `auth` it asks who one is: see `people`.
    """

    name: ClassVar[str] = "NeMo"

    def __init__(self, data: Path, users: Path, *, controllers: Sequence[str] = (), auth: bool = False) -> None:
        super().__init__(data, users)
        self._controllers = controllers
        self._auth = auth

    def command(self) -> Sequence[str | Path]:
        return [installed(), "-I", HERE / "start.py", self.users, "services", "run", *self._options()]

    def environment(self) -> dict[str, str]:
        home = self.data / "home"  # the service `files` stores there, whatever NMP_DATA_DIR says
        home.mkdir(exist_ok=True)
        return {
            "HOME": str(home),
            "XDG_STATE_HOME": str(self.data / "state"),
            "NMP_DATA_DIR": str(self.data),
            "NEMO_PLUGIN_ALLOWLIST": "",
            "OTEL_SDK_DISABLED": "true",
        }

    @staticmethod
    def answers(url: str) -> bool:
        """Tell if all services of a server are ready."""
        try:
            return httpx2.get(f"{url}/health/ready", trust_env=False, timeout=30).status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False

    def _options(self) -> list[str]:
        services = ("auth", *SERVICES) if self._auth else SERVICES
        options = ["--services", ",".join(services), "--host", "127.0.0.1", "--port", str(self.port)]
        if self._controllers:
            options += ["--controllers", ",".join(self._controllers)]
        if self._auth:
            config = self.data / "auth.yaml"
            config.write_text(json.dumps(AUTH), "utf-8")
            options += ["--config", str(config)]
        return options


def create_workspace(url: str) -> str:
    """The name of a new workspace of the server at `url`."""
    name = f"w{secrets.token_hex(6)}"
    call("POST", f"{url}/apis/entities/v2/workspaces", json={"name": name})
    return name


def create_fileset(url: str, workspace: str, name: str) -> None:
    """A fileset with one file in it: an adapter needs one."""
    filesets = f"{url}/apis/files/v2/workspaces/{workspace}/filesets"
    call("POST", filesets, json={"name": name})
    call("PUT", f"{filesets}/{name}/-/adapter_config.json", content=b"{}")


def declare_ready(url: str, workspace: str, provider: str) -> None:
    """Says that a provider works, as the models controller would. The gateway serves no other, and hears of it within 3 s."""
    call("PUT", f"{url}/apis/models/v2/workspaces/{workspace}/providers/{provider}/status", json={"status": "READY"})


def call(method: str, url: str, **what: Any) -> httpx2.Response:
    """A request in the name of the platform itself, which may do everything. Raises httpx2.HTTPStatusError."""
    return httpx2.request(method, url, headers=TRUSTED, trust_env=False, timeout=60, **what).raise_for_status()


def installed() -> Path:
    """The Python that has the server. Where it is missing the tests fail: a skipped one would promise what nobody saw."""
    if not PYTHON.is_file():
        raise RuntimeError("missing: .cache/tools/nemo; `make tools` installs it")
    return PYTHON
