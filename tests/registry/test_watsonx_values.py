"""Our lists of values are those of IBM's own client, which is installed beside us as the judge."""

from __future__ import annotations

import json
import subprocess
from typing import Final

from ibm import PYTHON

from reconciler.manifest.importing.adk import SCHEMES
from reconciler.registry.watsonx.kinds import (
    AUTH_TYPES,
    ENVIRONMENTS,
    MODEL_TYPES,
    PREFERENCES,
    SECURITY_SCHEMES,
    STRATEGY_MODES,
)

PROGRAM: Final = """
import json
from ibm_watsonx_orchestrate_core.types.connections import configuration as connections
from ibm_watsonx_orchestrate_core.types.model_policies.types import ModelPolicyStrategyMode
from ibm_watsonx_orchestrate_core.types.models.types import ModelType
enums = [ModelType, ModelPolicyStrategyMode, connections.ConnectionSecurityScheme, connections.ConnectionAuthType,
    connections.ConnectionPreference, connections.ConnectionEnvironment]
kinds = {
    kind.value: [
        connections.CONNECTION_KIND_SCHEME_MAPPING[kind].value,
        getattr(connections.CONNECTION_KIND_OAUTH_TYPE_MAPPING.get(kind), "value", None),
    ]
    for kind in connections.ConnectionKind
}
print(json.dumps({"values": {enum.__name__: sorted(one.value for one in enum) for enum in enums}, "kinds": kinds}))
"""


def test_every_value_of_ibms_client_is_known() -> None:
    """No list is shorter than the vendor's, and none names what the vendor does not."""
    done = subprocess.run([str(PYTHON), "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    told = json.loads(done.stdout)
    ours = {
        "ModelType": MODEL_TYPES,
        "ModelPolicyStrategyMode": STRATEGY_MODES,
        "ConnectionSecurityScheme": SECURITY_SCHEMES,
        "ConnectionAuthType": AUTH_TYPES,
        "ConnectionPreference": PREFERENCES,
        "ConnectionEnvironment": ENVIRONMENTS,
    }
    assert {name: sorted(values) for name, values in ours.items()} == told["values"]
    assert {name: list(pair) for name, pair in SCHEMES.items()} == told["kinds"]
