"""IBM's own client for watsonx Orchestrate, run as a program against a server on loopback: the judge that knows nothing of us.

One run takes more than a second, most of it imports, so it takes several calls.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
PYTHON: Final = ROOT / ".cache" / "tools" / "ibm" / "bin" / "python"
PASSED: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")  # of the environment; the rest is not for it
MINUTES: Final = 5

# what runs in its own environment: calls in, what they return out, as JSON
PROGRAM: Final = """
import json, sys
from ibm_watsonx_orchestrate_clients.connections.connections_client import ConnectionsClient
from ibm_watsonx_orchestrate_clients.model_policies.model_policies_client import ModelPoliciesClient
from ibm_watsonx_orchestrate_clients.models.models_client import ModelsClient
from ibm_watsonx_orchestrate_core.types.model_policies.types import ModelPolicy
from ibm_watsonx_orchestrate_core.types.models.types import ProviderConfig, VirtualModel

asked = json.load(sys.stdin)
how = {"api_key": asked["token"], "is_local": True}
clients = {
    "models": ModelsClient(base_url=asked["url"] + "/api", **how),
    "policies": ModelPoliciesClient(base_url=asked["url"] + "/api", **how),
    "connections": ConnectionsClient(base_url=asked["url"], **how),
}
forms = {"models": VirtualModel, "policies": ModelPolicy}

def plain(value):
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.model_dump(mode="json", exclude_none=True) if hasattr(value, "model_dump") else value

def made(client, value):
    return forms[client].model_validate(value) if client in forms and isinstance(value, dict) else value

def refused(name, value):
    try:
        ProviderConfig.model_validate({name: value})
    except ValueError:
        return True
    return False

answers = []
for client, method, arguments in asked["calls"]:
    if (client, method) == ("options", "names"):
        answers.append({name: field.alias or name for name, field in ProviderConfig.model_fields.items()})
    elif (client, method) == ("options", "refused"):
        answers.append([refused(name, value) for name, value in arguments])
    else:
        answers.append(plain(getattr(clients[client], method)(*[made(client, one) for one in arguments])))
json.dump(answers, sys.stdout)
"""

Call = tuple[str, str, list[Any]]


@dataclass(frozen=True)
class Ibm:
    """The client with nothing but this server to talk to. `url` is without any prefix; `folder` is its home.

    Two calls ask its class of options and no server: `("options", "names", [])`, and `("options", "refused", [[name, value], ...])`.
    """

    url: str
    token: str
    folder: Path

    def __call__(self, *calls: Call) -> list[Any]:
        """What each call returns: `("models", "list", [])`. Maps become the client's own models. Fails, with all that it said, where one raises."""
        environment = {name: os.environ[name] for name in PASSED if name in os.environ}
        done = subprocess.run(
            [str(installed()), "-c", PROGRAM],
            cwd=self.folder,
            env=environment | {"HOME": str(self.folder)},
            input=json.dumps({"url": self.url, "token": self.token, "calls": calls}),
            capture_output=True,
            text=True,
            timeout=60 * MINUTES,
            check=False,
        )
        assert done.returncode == 0, f"IBM's client: {calls}: {done.stdout}{done.stderr}"
        answers: list[Any] = json.loads(done.stdout)
        return answers


def installed() -> Path:
    """Its Python. A missing tool fails the test: a skipped one would promise what nobody saw."""
    if not PYTHON.is_file():
        pytest.fail("missing: .cache/tools/ibm; `make tools` installs it")
    return PYTHON
