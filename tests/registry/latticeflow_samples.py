"""What the driver `latticeflow` is exercised with: every connection type with every field, adapters, secrets, integrations, portable Models."""

from __future__ import annotations

from typing import Any, Final

from world import Document, model

from reconciler.testing.sample import Sample

PEM: Final = "LS0tLS1CRUdJTi0tLS0t"  # of a certificate's first line
OTHER_PEM: Final = "LS0tLS1FTkQtLS0tLQ=="


def native(kind: str, key: str, **fields: Any) -> Document:
    """A native document of the driver: `native("Secret", "K", value="${env:KEY}")`."""
    return {"kind": f"latticeflow/{kind}", "key": key, **fields}


def named(name: str) -> Document:
    """A secret that AI GO! keeps, as a field names it."""
    return {"name": name}


def adapter(key: str, **fields: Any) -> Document:
    document = native(
        "Adapter",
        key,
        display_name="In and out",
        process_input={"language": "jinja", "source_code": "{{ input | tojson }}"},
        process_output={"language": "jinja", "source_code": "{{ body }}"},
    )
    return document | fields


SECRETS: Final = (
    native("Secret", "LLM_KEY", value="${env:KEY}"),
    native("Secret", "OTHER-KEY", value="${env:TOKEN}"),
)
ONE: Final = named("LLM_KEY")
OTHER: Final = named("OTHER-KEY")
COMMON: Final = {
    "/display_name": ("Renamed", "Ünïcode ☂"),
    "/description": ("Answers more.",),
    "/rate_limit": (61, 0),
    "/max_concurrent_requests": (5,),
    "/task": ("embeddings", "custom"),
}


def of_type(connection: str, config: dict[str, Any], updates: dict[str, Any], *required: str, **more: Any) -> Sample:
    """A model of one connection type, with every field. `updates` and `required` are of its config."""
    document = native(
        "Model",
        connection.replace("_", "-"),
        display_name="Sample",
        description="Answers questions.",
        rate_limit=60,
        max_concurrent_requests=4,
        task="chat_completion",
        config={"connection_type": connection, **config},
    )
    places = COMMON | {f"/config/{name}": values for name, values in updates.items()}
    wanted = ("/display_name", *(f"/config/{name}" for name in required))
    return Sample(document | more.pop("fields", {}), places, wanted, **{"beside": SECRETS} | more)


ADAPTERS: Final = (adapter("in-out"), adapter("out-in"))
CUSTOM: Final = of_type(
    "custom_connection",
    {
        "adapter": {"key": "in-out"},
        "url": "https://llm.example.com/v1/chat/completions",
        "api_key": ONE,
        "model_key": "big",
        "custom_headers": {"X-Tenant": "acme", "X-Token": ONE, "X-Tries": 3, "X-Share": 0.5, "X-Trace": True},
        "tls_context": {"validation_context": {"trusted_ca": ONE, "trust_chain_verification": "verify_trust_chain"}},
    },
    {
        "url": ("https://other.example.com", ""),
        "adapter": ({"key": "out-in"},),
        "adapter/key": ("out-in",),
        "api_key": (OTHER, "${env:TOKEN}"),
        "model_key": ("bigger",),
        "custom_headers": ({}, {"X-Other": "1"}),
        "custom_headers/X-Tenant": ("other", 1, False, OTHER),
        "custom_headers/X-Token": (OTHER, "${env:KEY}"),
        "custom_headers/X-Tries": (4, 3.5, "3"),
        "custom_headers/X-Trace": (False, "true", 1),
        "tls_context": ({},),
        "tls_context/validation_context": ({},),
        "tls_context/validation_context/trusted_ca": (OTHER,),
        "tls_context/validation_context/trust_chain_verification": ("accept_untrusted",),
    },
    "url",
    "adapter/key",
    beside=(*SECRETS, *ADAPTERS),
)
RAW: Final = of_type(
    "custom_connection",
    {
        "url": "https://llm.example.com/v1",
        "api_key": "${env:KEY}",
        "custom_headers": {"X-Api-Key": "${env:TOKEN}", "X-Tenant": "acme"},
    },
    {
        "url": ("https://other.example.com",),
        "api_key": (ONE,),
        "custom_headers/X-Api-Key": (ONE,),
        "custom_headers/X-Tenant": ("other",),
        "adapter": ({"key": "in-out"},),
    },
    "url",
    "adapter",
    beside=(*SECRETS, *ADAPTERS),
    fields={"key": "raw-connection"},
)
CERTIFIED: Final = of_type(
    "custom_connection",
    {
        "url": "https://llm.example.com/v1",
        "tls_context": {"validation_context": {"trusted_ca": PEM, "trust_chain_verification": "accept_untrusted"}},
    },
    {"tls_context/validation_context/trusted_ca": (OTHER_PEM, ONE)},
    fields={"key": "certified"},
)
INFERENCE: Final = of_type(
    "custom_inference",
    {
        "adapter": {"key": "in-out"},
        "run_inference_snippet": "def run_inference(body, environment):\n    return body\n",
        "environment": {"PLACE": "eu", "TOKEN": ONE, "MY_KEY": "${env:KEY}", "TRIES": 2, "SHARE": 0.5, "LOUD": False},
        "timeout": 30,
    },
    {
        "run_inference_snippet": ("def run_inference(body, environment):\n    return ''",),
        "adapter": ({"key": "out-in"},),
        "environment": ({}, {"PLACE": "us"}),
        "environment/PLACE": ("us", 3, True),
        "environment/TOKEN": (OTHER,),
        "environment/MY_KEY": (ONE,),
        "environment/TRIES": (2.5, 3, "2"),
        "environment/LOUD": (True,),
        "timeout": (30.5, 1),
    },
    "run_inference_snippet",
    "environment",
    "timeout",
    beside=(*SECRETS, *ADAPTERS),
)
INTEGRATIONS: Final = (
    native("Integration", "openai", api_key="${env:KEY}"),
    native("Integration", "anthropic", api_key="${env:KEY}"),
)
HOSTED: Final = of_type(
    "provider_connection",
    {"provider_id": "openai", "model_key": "gpt-5-nano"},
    {"model_key": ("gpt-4o",), "provider_id": ("anthropic",)},
    "model_key",
    "provider_id",
    beside=INTEGRATIONS,
)
PROVIDED: Final = of_type(  # under the key that `lf add model -p` gives it
    "provider_connection",
    {"provider_id": "openai", "model_key": "gpt-4.1"},
    {"model_key": ("gpt-4o",)},
    "model_key",
    beside=INTEGRATIONS[:1],
    fields={"key": "openai$gpt-4-1"},
)
LANGSMITH: Final = of_type(
    "langsmith",
    {"deploy_url": "https://smith.example.com", "assistant_id": "agent", "api_key": ONE},
    {"deploy_url": ("https://other.example.com",), "assistant_id": ("other",), "api_key": (OTHER, "${env:KEY}")},
    "deploy_url",
    "assistant_id",
    "api_key",
)
AZURE: Final = of_type(
    "azure_foundry",
    {
        "project_endpoint": "https://cx.example.com/api",
        "agent_name": "support",
        "tenant_id": "${env:TOKEN}",
        "client_id": ONE,
        "client_secret": "${env:KEY}",
    },
    {
        "project_endpoint": ("https://dx.example.com/api",),
        "agent_name": ("sales",),
        "tenant_id": (ONE,),
        "client_id": (OTHER, "${env:KEY}"),
        "client_secret": (OTHER,),
    },
    "project_endpoint",
    "agent_name",
    "tenant_id",
    "client_id",
    "client_secret",
)
BEDROCK: Final = of_type(
    "aws_bedrock",
    {
        "region": "eu-central-1",
        "harness_arn": "arn:aws:bedrock:eu-central-1:1:harness/x",
        "access_key_id": "${env:TOKEN}",
        "secret_access_key": ONE,
        "session_token": ONE,
    },
    {
        "region": ("us-east-1",),
        "harness_arn": ("arn:aws:bedrock:eu-central-1:1:harness/y",),
        "access_key_id": (ONE,),
        "secret_access_key": (OTHER,),
        "session_token": (OTHER, "${env:KEY}"),
    },
    "region",
    "harness_arn",
    "access_key_id",
    "secret_access_key",
)
CLAUDE: Final = of_type(
    "claude_managed_agents",
    {"agent_id": "agent-1", "environment_id": "env-1", "vault_id": "vault-1", "api_key": "${env:KEY}"},
    {"agent_id": ("agent-2",), "environment_id": ("env-2",), "vault_id": ("vault-2",), "api_key": (ONE,)},
    "agent_id",
    "environment_id",
    "vault_id",
    "api_key",
)
DIFY: Final = of_type(
    "dify",
    {"url": "https://dify.example.com/v1", "api_key": "${env:KEY}"},
    {"url": ("https://other.example.com/v1",), "api_key": (ONE,)},
    "url",
    "api_key",
)
PLACEHOLDER: Final = Sample(
    native("Model", "placeholder", display_name="Sample", task="custom", config={"connection_type": "placeholder"}),
    {
        "/display_name": ("Renamed",),
        "/config": (
            {"connection_type": "dify", "url": "https://dify.example.com", "api_key": ONE},
            {"url": "https://llm.example.com", "adapter": {"key": "in-out"}},
            {"connection_type": "provider_connection", "provider_id": "openai", "model_key": "gpt-4o"},
        ),
    },
    required=("/display_name", "/config"),
    beside=(*SECRETS, INTEGRATIONS[0], ADAPTERS[0]),
)
ADAPTER: Final = Sample(
    adapter("mine", description="Ours.", long_description="# Ours\n\nIn long.", provider="user"),
    {
        "/display_name": ("Out and in",),
        "/description": ("Theirs.",),
        "/long_description": ("# Theirs",),
        "/provider": ("latticeflow",),
        "/process_input/source_code": ("{{ input }}\n", "{{ input.messages }}"),
        "/process_output/source_code": ("{{ body | trim }}",),
        "/process_output": ({"language": "jinja", "source_code": "{{ status_code }}"},),
    },
    required=("/display_name", "/process_input/source_code", "/process_output/source_code", "/process_output"),
)
SECRET: Final = Sample(native("Secret", "A-SECRET_1", value="${env:KEY}"), {})
INTEGRATION: Final = Sample(native("Integration", "openai", api_key="${env:KEY}", org_id="${env:TOKEN}"), {})
ENDPOINT: Final = Sample(
    model(
        "support-chat",
        display_name="Support chat",
        description="Answers customer questions.",
        endpoint={
            "url": "https://llm.example.com/v1",
            "model": "gpt-oss-120b",
            "api_key": "${env:KEY}",
            "headers": {"X-Tenant": "acme", "X-Token": "${env:TOKEN}"},
            "tls": {"verify": True},
        },
        limits={"requests_per_minute": 60, "max_concurrency": 4},
    ),
    {
        "/display_name": ("Support",),
        "/description": ("Answers.",),
        "/task": ("embeddings", "custom"),
        "/endpoint/url": ("https://llm.example.com/v2/",),
        "/endpoint/model": ("other",),
        "/endpoint/format": ("custom",),
        "/endpoint/adapter": ("in-out",),
        "/endpoint/api_key": (None,),
        "/endpoint/headers": ({"X-Token": "${env:KEY}", "X-More": "1"}, {"x-token": "${env:KEY}"}),
        "/endpoint/headers/X-Tenant": ("other", "${env:KEY}"),
        "/endpoint/tls/verify": (False,),
        "/limits/requests_per_minute": (61,),
        "/limits/max_concurrency": (5,),
    },
    required=("/display_name", "/endpoint/url", "/endpoint/adapter", "/task", "/endpoint/format"),
    beside=ADAPTERS[:1],
    native=False,
)
PROVIDER: Final = Sample(
    model(
        "hosted-chat",
        display_name="Hosted chat",
        description="Answers at OpenAI.",
        endpoint=None,
        provider={"name": "openai", "model": "gpt-5-nano"},
        limits={"requests_per_minute": 60, "max_concurrency": 4},
    ),
    {
        "/display_name": ("Hosted",),
        "/description": ("Answers.",),
        "/provider/model": ("gpt-4o",),
        "/provider/name": ("anthropic",),
        "/limits/requests_per_minute": (61,),
        "/limits": ({"max_concurrency": 3},),
    },
    required=("/display_name", "/provider/model", "/provider/name"),
    beside=INTEGRATIONS,
    native=False,
)

TYPES: Final = (
    CUSTOM,
    RAW,
    INFERENCE,
    HOSTED,
    PROVIDED,
    LANGSMITH,
    AZURE,
    BEDROCK,
    CLAUDE,
    DIFY,
    PLACEHOLDER,
)
OTHERS: Final = (ADAPTER, SECRET, INTEGRATION)
PORTABLE: Final = (ENDPOINT, PROVIDER)
SAMPLES: Final = (*TYPES, *OTHERS, *PORTABLE)
