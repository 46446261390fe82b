"""The real MLflow server on loopback, with its model registry and its gateway, on SQLite.

`tests/tools.sh` installs it. The one that a test run shares keeps workspaces apart (`--enable-workspaces`), so that each test has
the server to itself: every request says in which of them it is, by the header WORKSPACE. Without the header it is `default`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx2
from registry.server_process import ServerProcess

HERE: Final = Path(__file__).resolve().parent
TOOL: Final = HERE.parents[2] / ".cache" / "tools" / "mlflow"
WORKSPACE: Final = "X-MLFLOW-WORKSPACE"
REGISTRY: Final = "/api/2.0/mlflow"
GATEWAY: Final = "/api/3.0/mlflow/gateway"
ADMIN: Final = ("admin", "the-admins-own-password")
PASSPHRASE: Final = "what the server encrypts its secrets with"
# The server takes half a second for each password, unless it may remember for a while that it was right.
AUTH: Final = """[mlflow]
default_permission = READ
database_uri = sqlite:///{folder}/auth.db
admin_username = {admin[0]}
admin_password = {admin[1]}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 600
"""


class MlflowServer(ServerProcess):
    """The server, in a Python of its own.

    With `auth` it wants a user name and a password (see ADMIN and `create_user`). With `workspaces` it keeps them apart.
    """

    name: ClassVar[str] = "MLflow"

    def __init__(self, data: Path, users: Path, *, auth: bool = False, workspaces: bool = False) -> None:
        super().__init__(data, users)
        self._auth = auth
        self._workspaces = workspaces

    @property
    def database(self) -> Path:
        """The SQLite file that holds all but users."""
        return self.data / "mlflow.db"

    def command(self) -> Sequence[str | Path]:
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        options += ["--backend-store-uri", f"sqlite:///{self.database}"]
        options += ["--artifacts-destination", str(self.data / "artifacts")]
        options += ["--app-name", "basic-auth"] * self._auth + ["--enable-workspaces"] * self._workspaces
        return [installed(), "-I", HERE / "start.py", self.users, "server", *options]

    def environment(self) -> Mapping[str, str]:
        config = self.data / "basic_auth.ini"
        config.write_text(AUTH.format(folder=self.data, admin=ADMIN), "utf-8")
        return {
            "HOME": str(self.data),
            "MLFLOW_AUTH_CONFIG_PATH": str(config),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(16),
            "MLFLOW_CRYPTO_KEK_PASSPHRASE": PASSPHRASE,
            "MLFLOW_GATEWAY_API_BASE_ALLOWED_SCHEMES": "http,https",
            "MLFLOW_GATEWAY_API_BASE_ALLOW_PRIVATE_IPS": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "1",
        }

    @staticmethod
    def answers(url: str) -> bool:
        """Tell if the server is up: it listens before it answers."""
        try:
            return httpx2.get(f"{url}/health", trust_env=False, timeout=30).status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False


def create_workspace(url: str) -> str:
    """The name of a new workspace of the server at `url`."""
    name = f"w{secrets.token_hex(6)}"
    call("POST", f"{url}/api/3.0/mlflow/workspaces", json={"name": name})
    return name


def create_user(url: str, name: str) -> tuple[str, str]:
    """A new user of a server with `auth`, who may read everything and write what they make: name and password."""
    password = f"password-of-{name}"
    call("POST", f"{url}/api/2.0/mlflow/users/create", auth=ADMIN, json={"username": name, "password": password})
    return name, password


def permit(url: str, user: str, model: str, permission: str) -> None:
    """Grants somebody `DENY`, `READ`, `USE`, `EDIT` or `MANAGE` on a registered model."""
    body = {"username": user, "resource_type": "registered_model", "resource_id": model, "permission": permission}
    call("POST", f"{url}/api/3.0/mlflow/users/permissions/grant", auth=ADMIN, json=body)


def call(method: str, url: str, **what: Any) -> Any:
    """The JSON answer to one request. Raises httpx2.HTTPStatusError, with what the server says."""
    reply = httpx2.request(method, url, trust_env=False, timeout=60, **what)
    if reply.is_error:
        raise httpx2.HTTPStatusError(f"{reply.status_code}: {reply.text}", request=reply.request, response=reply)
    return reply.json()


def installed() -> Path:
    """The Python that has the server. Where it is missing the tests fail: a skipped one would promise what nobody saw."""
    if not (TOOL / ".installed").is_file():  # the stamp comes last: without it something is still being installed
        raise RuntimeError("missing: .cache/tools/mlflow; `make tools` installs it")
    return TOOL / "bin" / "python"
