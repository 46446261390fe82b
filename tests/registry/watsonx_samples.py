"""What the driver `watsonx` is exercised with: models with every option and every parameter, policies, connections, portable Models."""

from __future__ import annotations

from typing import Any, Final

from registry.watsonx.rules import BOOLEAN, INTEGER, OPTIONS, SECRETS, TEXT
from world import Document, model

from reconciler.testing.sample import Sample

OTHERS: Final[dict[str, tuple[Any, Any]]] = {
    "forwardHeaders": (["X-Tenant"], ["X-Other", "X-Tenant"]),
    "cache": ("simple", {"mode": "semantic", "maxAge": 60}),
    "metadata": ({"team": "cx"}, {"team": "ops", "more": "yes"}),
    "afterRequestHooks": ([{"id": "a"}], []),
    "beforeRequestHooks": ([{"id": "b"}], [{"id": "b", "checks": [{"is": None}]}]),
    "defaultInputGuardrails": ([{"id": "c"}], [{"id": "d"}]),
    "defaultOutputGuardrails": ([{"id": "e"}], [{"id": "f"}]),
}


def native(kind: str, key: str, **fields: Any) -> Document:
    """A native document of the driver: `native("Connection", "creds", environments=...)`."""
    return {"kind": f"watsonx/{kind}", "key": key, **fields}


def connection(key: str, **credentials: str) -> Document:
    """A connection with credentials in both environments."""
    environment = {"credentials": credentials or {"api_key": "${env:KEY}"}}
    return native("Connection", key, environments={"draft": environment, "live": environment})


def option(name: str, *, changed: bool = False) -> Any:
    """A value of a provider's option, or another one."""
    if name in OTHERS:
        return OTHERS[name][changed]
    if OPTIONS[name][1] == INTEGER:
        return 5 + changed
    if OPTIONS[name][1] == BOOLEAN:
        return not changed
    return f"https://{name}{changed:d}.example.com"


PLAIN: Final = tuple(name for name in OPTIONS if name not in SECRETS)
SECRET: Final = tuple(name for name in SECRETS if OPTIONS[name][1] == TEXT)
CREDS: Final = connection("creds")
OTHER_CREDS: Final = connection("other-creds", api_key="${env:TOKEN}")

CONFIG: Final[dict[str, tuple[Any, ...]]] = {
    "decoding_method": ("greedy", "sample"),
    "prompt": ("Once", ""),
    "max_tokens": (4096, 100),
    "max_completion_tokens": (100, 0),
    "temperature": (0.2, 1),
    "top_p": (0.9, 0),
    "n": (1, 2),
    "stream": (True, False),
    "logprobs": (1, 2),
    "top_logprobs": (True, False),
    "echo": (False, True),
    "stop": ("\n", ["a", "b"]),
    "presence_penalty": (0, -0.5),
    "frequency_penalty": (0.5, 0),
    "best_of": (1, 2),
    "logit_bias": ({"1": 5}, {"2": None}),
    "user": ("u", "v"),
    "context": ("c", "d"),
    "examples": ([{"input": 1, "output": {"a": None}}], [{"input": "x"}]),
    "top_k": (40, 41),
    "response_format": ({"type": "json_schema", "json_schema": {"a": None}}, {"type": "text"}),
    "seed": (7, 8),
    "store": (True, False),
    "metadata": ({"a": 1}, {"b": [None]}),
    "modalities": (["text"], ["text", "audio"]),
    "audio": ({"voice": "v", "format": "wav"}, {"voice": "w"}),
    "service_tier": ("auto", "flex"),
    "prediction": ({"type": "content", "content": [{"type": "text", "text": "t"}]}, {"type": "other"}),
    "safety_settings": ([{"threshold": "NONE"}], {"a": 1}),
    "anthropic_beta": ("b", "c"),
    "anthropic_version": ("1", "2"),
    "thinking": ({"type": "enabled", "budget_tokens": 5}, {"type": "disabled"}),
    "space_id": ("s", "t"),
    "project_id": ("p", "q"),
    "model": ("m", "n"),
    "reasoning_effort": ("low", "high"),
    "parallel_tool_calls": (True, False),
    "disable_tool_validation": (True, False),
}
WHOLE_FIELDS: Final = native(
    "Model",
    "virtual-model/openai/gpt-4o",
    display_name="Sample",
    description="Answers questions.",
    tags=["support", "default"],
    model_type="chat",
    app_id="creds",
    provider_config={name: option(name) for name in PLAIN} | dict.fromkeys(SECRET, "${env:KEY}"),
    config={name: values[0] for name, values in CONFIG.items()},
)
OPTIONS_SAMPLE: Final = Sample(
    WHOLE_FIELDS, {f"/provider_config/{name}": (option(name, changed=True),) for name in PLAIN}, beside=(CREDS,)
)
CONFIG_SAMPLE: Final = Sample(
    WHOLE_FIELDS, {f"/config/{name}": values[1:] for name, values in CONFIG.items()}, beside=(CREDS,)
)
MODEL: Final = Sample(
    native(
        "Model",
        "virtual-model/anthropic/claude",
        display_name="Sample",
        description="Answers questions.",
        tags=["support"],
        model_type="chat",
        app_id="creds",
        provider_config={"customHost": "https://a.example.com", "api_key": "${env:KEY}", "requestTimeout": 5},
        config={"temperature": 0.2, "max_tokens": 5},
    ),
    {
        "/display_name": ("Ünïcode ☂",),
        "/description": ("Answers more.",),
        "/tags": (["support", "a=b"], ["x"], []),
        "/model_type": ("chat_vision", "embedding"),
        "/app_id": ("other-creds",),
        "/provider_config": ({"customHost": "https://b.example.com"},),
        "/provider_config/customHost": ("https://c.example.com",),
        "/provider_config/requestTimeout": (6,),
        "/config": ({"temperature": 1},),
        "/config/temperature": (0.5,),
        "/config/max_tokens": (6,),
    },
    beside=(CREDS, OTHER_CREDS),
)
TARGETED: Final = native("Model", "virtual-model/openai/small", app_id="creds")
POLICY: Final = Sample(
    native(
        "Policy",
        "virtual-policy/fallback",
        display_name="Sample",
        description="Falls back.",
        policy={
            "strategy": {"mode": "fallback", "on_status_codes": [503]},
            "retry": {"attempts": 2, "on_status_codes": [500]},
            "targets": [
                {"model_name": "virtual-model/openai/small", "weight": 1},
                {
                    "strategy": {"mode": "loadbalance"},
                    "targets": [{"model_name": "watsonx/ibm/granite", "weight": 0.5}],
                },
            ],
        },
    ),
    {
        "/display_name": ("Renamed",),
        "/description": ("Balances.",),
        "/policy/strategy": ({"mode": "single"},),
        "/policy/strategy/mode": ("loadbalance",),
        "/policy/strategy/on_status_codes": ([503, 429], []),
        "/policy/retry": ({"attempts": 1},),
        "/policy/retry/attempts": (3,),
        "/policy/targets": ([{"model_name": "virtual-model/openai/small"}],),
    },
    ("/policy/targets",),
    beside=(CREDS, TARGETED),
)
CONNECTION: Final = Sample(
    native(
        "Connection",
        "sample-app",
        environments={
            "draft": {"security_scheme": "key_value_creds", "credentials": {"api_key": "${env:KEY}"}},
            "live": {
                "security_scheme": "oauth2",
                "auth_type": "oauth2_client_creds",
                "preference": "member",
                "credentials": {"client_secret": "${env:TOKEN}"},
            },
        },
    ),
    {
        "/environments/draft/security_scheme": ("api_key_auth",),
        "/environments/live/auth_type": ("oauth2_password",),
        "/environments/live/preference": ("team",),
    },
)
BOUND: Final = Sample(
    model(
        "support-chat",
        display_name="Support chat",
        description="Answers questions.",
        endpoint={"url": "https://llm.example.com/v1", "model": "gpt-oss-120b", "api_key": "${env:KEY}", "timeout": 30},
        parameters={"temperature": 0.2, "stop": ["a"]},
        tags=["support"],
    ),
    {
        "/display_name": ("Renamed",),
        "/endpoint/url": ("https://other.example.com/v1",),
        "/endpoint/timeout": (31.5,),
        "/parameters/temperature": (0.5,),
        "/tags": (["other"],),
        "/task": ("embeddings",),
    },
    ("/endpoint/url",),
    native=False,
)
