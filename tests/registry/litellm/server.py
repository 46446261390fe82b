"""The real LiteLLM Proxy on loopback, with a real PostgreSQL of its own.

`tests/tools.sh` installs them. A proxy has no parts that tests could share without seeing each other's models, and starting one
costs what a dozen tests do: so each worker has one, and empties it between its tests (see `fixtures.py`). It ends with the
process that started it, also when that was killed: see `keeper.py`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import httpx2
from kept import HERE, Kept, passed
from registry.litellm.postgres import Postgres
from registry.server_process import free_port, use

TOOL: Final = HERE.parent / ".cache" / "tools" / "litellm"
# What the proxy's own config.yaml declares, which no client can change: a model and a credential.
OWN: Final[Mapping[str, Any]] = {
    "model_list": [
        {
            "model_name": "of-the-config",
            "litellm_params": {"model": "openai/own", "mock_response": "from config.yaml", "api_key": "k"},
            "model_info": {"id": "of-the-config"},
        }
    ],
    "credential_list": [
        {
            "credential_name": "credential-of-the-config",
            "credential_values": {"api_key": "k", "api_base": "http://127.0.0.1:9/v1"},
            "credential_info": {"description": "from config.yaml"},
        }
    ],
    "general_settings": {"store_model_in_db": True},
}

# Seconds from one reload to the next that no test lives to see. A credential that is written while the proxy reads its database is gone
# from its memory, from which it answers, until the one after: on a busy machine one test in some thousands met that.
SELDOM: Final = 24 * 3600


class LiteLLMServer:
    """A proxy that keeps its data, its URL and its keys over any number of starts."""

    def __init__(
        self, data: Path, database: Postgres, users: Path, *, config: Mapping[str, Any] = OWN, reload: int = SELDOM
    ) -> None:
        """`config` is its config.yaml. A second one with the same database is a second process of one proxy.

        Every `reload` seconds it reads its database anew, 30 where nobody says otherwise.
        """
        data.mkdir(parents=True, exist_ok=True)
        self.data = data.resolve()
        self.database = database
        self.port = free_port()
        self.token = f"sk-{secrets.token_hex(24)}"
        self._salt = f"sk-{secrets.token_hex(24)}"  # the credentials in the database are encrypted with it
        self._config = config
        self._reload = reload
        self._kept = Kept("the LiteLLM Proxy", self.data / "server.log", users)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """All that it logged."""
        return self._kept.log.read_text("utf-8", "replace")

    @classmethod
    @contextmanager
    def private(cls, data: Path, *, config: Mapping[str, Any] = OWN, reload: int = SELDOM) -> Iterator[Self]:
        """A started proxy, with its database."""
        data.mkdir(parents=True, exist_ok=True)
        with use(data / "users"):
            database = Postgres(data / "postgres.log", data / "users")
            server = cls(data, database, data / "users", config=config, reload=reload)
            try:
                database.start()
                migrate(database)
                server.start()
                yield server
            finally:
                server.kill()  # nobody misses what it would write
                database.remove()

    def second(self, data: Path) -> LiteLLMServer:
        """Another process of the same proxy: the same keys, the same database. Not started."""
        other = LiteLLMServer(data, self.database, self.data / "users", config=self._config, reload=self._reload)
        other.token, other._salt = self.token, self._salt
        return other

    def start(self) -> None:
        """Starts it, unless it runs, and waits until it serves from its database."""
        if self._kept.runs:
            return
        config = self.data / "config.yaml"
        config.write_text(json.dumps(self._config), "utf-8")  # JSON is YAML
        command = [str(installed()), "--config", str(config), "--host", "127.0.0.1", "--port", str(self.port)]
        self._kept.start(command, self._environment(), lambda: answers(self.url))

    def stop(self) -> None:
        """Ends it in order, if it runs."""
        self._kept.stop()

    def kill(self) -> None:
        """Ends it in the middle of whatever it does."""
        self._kept.kill()

    def _environment(self) -> dict[str, str]:
        home = self.data / "home"
        home.mkdir(exist_ok=True)
        return passed() | {
            "HOME": str(home),
            "DATABASE_URL": self.database.url,
            "STORE_MODEL_IN_DB": "True",
            "DISABLE_SCHEMA_UPDATE": "true",  # `migrate` has made it
            "LITELLM_MASTER_KEY": self.token,
            "LITELLM_SALT_KEY": self._salt,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # the list of prices in the wheel: nothing is asked of the network
            "LITELLM_MODE": "PRODUCTION",
            "PROXY_CONFIG_RELOAD_INTERVAL_SECONDS": str(self._reload),
            "HF_HUB_OFFLINE": "1",
            "PRISMA_QUERY_ENGINE_BINARY": str(TOOL / "prisma" / "query-engine"),
            "PRISMA_SCHEMA_ENGINE_BINARY": str(TOOL / "prisma" / "schema-engine"),
        }


def migrate(database: Postgres) -> None:
    """Makes the proxy's tables as `prisma migrate deploy` would: each migration of the wheel, in the order of their names."""
    (migrations,) = TOOL.glob("lib/python*/site-packages/litellm_proxy_extras/migrations")
    database.run(";\n".join(path.read_text("utf-8") for path in sorted(migrations.glob("*/migration.sql"))))


def answers(url: str) -> bool:
    """Whether a proxy serves, and has its database."""
    try:
        answer = httpx2.get(f"{url}/health/readiness", trust_env=False, timeout=30)
    except httpx2.TransportError:
        return False
    return answer.status_code == httpx2.codes.OK and answer.json().get("db") == "connected"


def installed() -> Path:
    """The program. Where it is missing the tests fail: a skipped one would promise what nobody saw."""
    program = TOOL / "bin" / "litellm"
    if not (TOOL / "prisma" / ".installed").is_file():
        raise RuntimeError("missing: .cache/tools/litellm; `make tools` installs it")
    return program
