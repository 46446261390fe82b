"""How AI GO! reaches a model: the nine forms of a model's `config`, told apart by `connection_type`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.core.schema.types import END, SENSITIVE_HEADER, sensitive_header
from reconciler.core.schema.unions import TextOrMap, Variants
from reconciler.core.secret_names import any_case, refuses_credentials
from reconciler.registry.driver import (
    NO_USER_INFO,
    USUAL,
    Choice,
    Constraint,
    Default,
    Number,
    OpenChoice,
    Ref,
    WriteOnly,
    is_reference,
)
from reconciler.registry.latticeflow.values import Code, KeyText, SecretName, SecretOrName, SensitiveMap, ValueText

IDENTITY: Final = "latticeflow$identity"
CUSTOM: Final = "custom_connection"
INFERENCE: Final = "custom_inference"
HOSTED: Final = "provider_connection"
PROVIDERS: Final = ("anthropic", "fireworks", "gemini", "latticeflow", "novita", "openai", "sambanova", "together")

_CREDENTIALS: Final = ("key", "token", "secret", "password", "passwd", "credential", "credentials")
# MODEL_KEY is AI GO!'s word for a model's name
SENSITIVE_VARIABLE: Final = f"(?<!{any_case('model')}[-_])(?:{'|'.join(map(any_case, _CREDENTIALS))})" + END
_sensitive_variable = re.compile(SENSITIVE_VARIABLE)


def sensitive_variable(name: str) -> bool:
    """Whether an environment variable of that name holds a credential, whatever it holds."""
    return _sensitive_variable.search(name) is not None


def _only_hidden(hidden: Callable[[str], bool]) -> Constraint:
    """AI GO! may show what stands in a map to everybody: only what we hide by its name, too, may be sent as it is."""

    def why(values: Any) -> str | None:
        members = values.items() if isinstance(values, Mapping) else ()
        raw = [name for name, value in members if is_reference(value) and not hidden(name)]
        if not raw:
            return None
        shown = ", ".join(raw)
        return f"would show the secret in {shown} to everybody: declare a latticeflow/Secret and write {{name: ...}}"

    return Constraint(why, "a secret in it is named, {name: ...}, or its name is one that is hidden")


AddressText = Annotated[str, Constraint(refuses_credentials, "AI GO! shows an address to everybody", NO_USER_INFO)]
Headers = Annotated[
    dict[
        str,
        Annotated[
            str | float | bool | SecretName,
            WriteOnly("a secret where it holds a credential", only_references=True, names=sensitive_header),
            TextOrMap(ValueText, SecretName),
        ],
    ],
    SensitiveMap(SENSITIVE_HEADER, "a header"),
    _only_hidden(sensitive_header),
]
Variables = Annotated[
    dict[
        str,
        Annotated[
            str | float | bool | SecretName,
            WriteOnly("a secret where it holds a credential", only_references=True, names=sensitive_variable),
            TextOrMap(ValueText, SecretName),
        ],
    ],
    SensitiveMap(SENSITIVE_VARIABLE, "a variable"),
    _only_hidden(sensitive_variable),
]


class AdapterKey(Record):
    """Which adapter turns requests and answers into the standard form."""

    key: Annotated[
        KeyText,
        Ref("Adapter", hint="declare a latticeflow/Adapter of that key, or name one that AI GO! has"),
    ] = Field(description="The adapter's key.", examples=[IDENTITY])


def _adapted(config: Mapping[str, Any]) -> bool:
    return config.get("connection_type") in (CUSTOM, INFERENCE)


Adapted = Annotated[
    AdapterKey | None,
    Default({"key": IDENTITY}, "so AI GO!'s own client has it", _adapted),
    Field(description="The adapter. `latticeflow$identity` if absent.", examples=[{"key": "my-adapter"}]),
]


class Validation(Record):
    """What a server's certificate is checked against."""

    trusted_ca: Annotated[str | SecretName | None, TextOrMap(str, SecretName)] = Field(
        None,
        description="The authority to trust: PEM text in base64, or the secret that holds it.",
        examples=["${file:ca.pem.b64}", {"name": "CA"}],
    )
    trust_chain_verification: Annotated[str | None, OpenChoice(("verify_trust_chain", "accept_untrusted"))] = Field(
        None, description="Whether the certificate's chain is checked.", examples=["verify_trust_chain"]
    )


class TlsContext(Record):
    """How the connection is secured."""

    validation_context: Validation | None = Field(None, description="What the server's certificate is checked against.")


class CustomConnection(Record):
    """A model behind a URL."""

    connection_type: Annotated[
        Literal["custom_connection"] | None, Default(CUSTOM, "so AI GO!'s own client has it")
    ] = Field(None, description="How the model is reached. `custom_connection` if absent.")
    adapter: Adapted = None
    url: AddressText = Field(
        description="Where requests are sent, path included.", examples=["https://llm.example.com/v1/chat/completions"]
    )
    api_key: SecretOrName | None = Field(
        None, description="Sent as `Authorization: Bearer`.", examples=[{"name": "LLM_KEY"}]
    )
    model_key: str | None = Field(None, description="The model's name at the endpoint.", examples=["gpt-oss-120b"])
    tls_context: TlsContext | None = Field(None, description="How the connection is secured.")
    custom_headers: Headers | None = Field(
        None, description="Headers sent with every request.", examples=[{"X-Tenant": "acme"}]
    )


class CustomInference(Record):
    """A model that Python code calls."""

    connection_type: Literal["custom_inference"] = Field(description="How the model is reached.")
    adapter: Adapted = None
    run_inference_snippet: Code = Field(
        description="Python source with `run_inference(body, environment) -> str`.", examples=["${file:inference.py}"]
    )
    environment: Variables = Field(
        description="What the code finds in `environment`. May be empty.", examples=[{"REGION": "eu"}]
    )
    timeout: Annotated[float, Number(minimum=1), USUAL["timeout"]] = Field(
        description="Seconds until a call is given up.", examples=[30]
    )


class ProviderConnection(Record):
    """A hosted provider's model. The credentials are those of the provider's integration."""

    connection_type: Literal["provider_connection"] = Field(description="How the model is reached.")
    provider_id: Annotated[
        str,
        Ref(
            "Integration",
            hint="the provider's credentials are missing: declare a latticeflow/Integration, or enter them in Settings > Integrations",
        ),
        Choice(PROVIDERS),
    ] = Field(description="The provider.", examples=["openai"])
    model_key: str = Field(description="The model's name at the provider.", examples=["gpt-5-nano"])


class LangSmith(Record):
    """An assistant deployed with LangSmith."""

    connection_type: Literal["langsmith"] = Field(description="How the model is reached.")
    deploy_url: AddressText = Field(description="The deployment.", examples=["https://chat.langsmith.example.com"])
    assistant_id: str = Field(description="The assistant.", examples=["agent"])
    api_key: SecretOrName = Field(description="The key of the deployment.", examples=[{"name": "LANGSMITH_KEY"}])


class AzureFoundry(Record):
    """An agent of Azure AI Foundry."""

    connection_type: Literal["azure_foundry"] = Field(description="How the model is reached.")
    project_endpoint: str = Field(description="The project.", examples=["https://cx.services.ai.azure.com/api"])
    agent_name: str = Field(description="The agent.", examples=["support"])
    tenant_id: SecretOrName = Field(description="The tenant.", examples=[{"name": "AZURE_TENANT"}])
    client_id: SecretOrName = Field(description="The client.", examples=[{"name": "AZURE_CLIENT"}])
    client_secret: SecretOrName = Field(description="The client's secret.", examples=[{"name": "AZURE_SECRET"}])


class AwsBedrock(Record):
    """An agent harness of AWS Bedrock."""

    connection_type: Literal["aws_bedrock"] = Field(description="How the model is reached.")
    region: str = Field(description="The region.", examples=["eu-central-1"])
    harness_arn: str = Field(description="The harness.", examples=["arn:aws:bedrock:eu-central-1:1:harness/x"])
    access_key_id: SecretOrName = Field(description="The access key.", examples=[{"name": "AWS_KEY"}])
    secret_access_key: SecretOrName = Field(description="Its secret.", examples=[{"name": "AWS_SECRET"}])
    session_token: SecretOrName | None = Field(
        None, description="The token of a temporary key.", examples=[{"name": "AWS_TOKEN"}]
    )


class ClaudeManagedAgents(Record):
    """A managed agent of Claude."""

    connection_type: Literal["claude_managed_agents"] = Field(description="How the model is reached.")
    agent_id: str = Field(description="The agent.", examples=["agent_1"])
    environment_id: str = Field(description="The environment it runs in.", examples=["env_1"])
    vault_id: str = Field(description="Its vault.", examples=["vault_1"])
    api_key: SecretOrName = Field(description="The key.", examples=[{"name": "CLAUDE_KEY"}])


class Dify(Record):
    """An application of Dify."""

    connection_type: Literal["dify"] = Field(description="How the model is reached.")
    url: AddressText = Field(description="The application.", examples=["https://dify.example.com/v1"])
    api_key: SecretOrName = Field(description="Its key.", examples=[{"name": "DIFY_KEY"}])


class Placeholder(Record):
    """A model that cannot be called yet."""

    connection_type: Literal["placeholder"] = Field(description="How the model is reached.")


Config = (
    CustomConnection
    | CustomInference
    | ProviderConnection
    | LangSmith
    | AzureFoundry
    | AwsBedrock
    | ClaudeManagedAgents
    | Dify
    | Placeholder
)
CONNECTIONS: Final[Mapping[str, Any]] = {
    CUSTOM: CustomConnection,
    INFERENCE: CustomInference,
    HOSTED: ProviderConnection,
    "langsmith": LangSmith,
    "azure_foundry": AzureFoundry,
    "aws_bedrock": AwsBedrock,
    "claude_managed_agents": ClaudeManagedAgents,
    "dify": Dify,
    "placeholder": Placeholder,
}
BY_TYPE: Final = Variants("connection_type", CONNECTIONS, CUSTOM)
