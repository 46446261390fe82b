"""What the AI GO! API takes: every request body, checked strictly. An unknown field, null, or a number in quotes is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

NEWER: Final = "x_"  # begins what a newer server takes, stores and gives back: we know nothing of it

ProviderId = Literal["anthropic", "fireworks", "gemini", "latticeflow", "novita", "openai", "sambanova", "together"]
PROVIDERS: Final[tuple[str, ...]] = get_args(ProviderId)

ModelKey = Annotated[str, Field(min_length=1, max_length=250, pattern=rf"^(({'|'.join(PROVIDERS)})\$)?[a-zA-Z0-9_-]+$")]
AdapterKey = Annotated[str, Field(min_length=1, max_length=250, pattern=r"^(latticeflow\$)?[a-zA-Z0-9_-]+$")]
SecretName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
Name = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """A field with a default may be left out; none may be null."""

    model_config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())


class SecretReference(Strict):
    name: SecretName


Secretable = str | SecretReference
Header = Annotated[str, Field(pattern=r"^[\x20-\x7E]*$")] | float | bool | SecretReference


class ValidationContext(Strict):
    trusted_ca: Secretable = ""
    trust_chain_verification: Literal["verify_trust_chain", "accept_untrusted"] = "verify_trust_chain"


class TlsContext(Strict):
    validation_context: ValidationContext = ValidationContext()


class CustomConnection(Strict):
    connection_type: Literal["custom_connection"]
    adapter_id: str
    url: str
    api_key: Secretable = ""
    model_key: str = ""
    tls_context: TlsContext = TlsContext()
    custom_headers: dict[str, Header] = {}


class CustomInference(Strict):
    connection_type: Literal["custom_inference"]
    adapter_id: str
    run_inference_snippet: str
    environment: dict[str, str | float | bool | SecretReference]
    timeout: Annotated[float, Field(ge=1.0)]


class ProviderConnection(Strict):
    connection_type: Literal["provider_connection"]
    provider_id: ProviderId
    model_key: str


class LangSmith(Strict):
    connection_type: Literal["langsmith"]
    deploy_url: str
    assistant_id: str
    api_key: Secretable


class AzureFoundry(Strict):
    connection_type: Literal["azure_foundry"]
    project_endpoint: str
    agent_name: str
    tenant_id: Secretable
    client_id: Secretable
    client_secret: Secretable


class AwsBedrock(Strict):
    connection_type: Literal["aws_bedrock"]
    region: str
    harness_arn: str
    access_key_id: Secretable
    secret_access_key: Secretable
    session_token: Secretable = ""


class ClaudeManagedAgents(Strict):
    connection_type: Literal["claude_managed_agents"]
    agent_id: str
    environment_id: str
    vault_id: str
    api_key: Secretable


class Dify(Strict):
    connection_type: Literal["dify"]
    url: str
    api_key: Secretable


class Placeholder(Strict):
    connection_type: Literal["placeholder"]


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


class Model(Strict):
    display_name: Name
    key: ModelKey
    description: str = ""
    rate_limit: int = 0
    max_concurrent_requests: Annotated[int, Field(ge=1)] = 1
    task: Literal["chat_completion", "embeddings", "custom"]
    config: Annotated[Config, Field(discriminator="connection_type")]


class Snippet(Strict):
    language: Literal["jinja"]
    source_code: str


class Adapter(Strict):
    display_name: Name
    key: AdapterKey
    description: str = ""
    long_description: str = ""
    provider: Literal["user", "latticeflow"] = "user"
    process_input: Snippet
    process_output: Snippet


class SecretUpsert(Strict):
    secret: SecretReference
    value: str


class Integration(Strict):
    api_key: str


class OpenAiIntegration(Integration):
    org_id: str = ""


class Input(Strict):
    input: str


class Inference(Strict):
    output: str
    status_code: int
    response_headers: dict[str, str] = {}
    request_headers: dict[str, str] = {}


# Where a raw string would be a secret, in any config; and what may be left out, by connection type.
SECRET_FIELDS: Final = (
    "api_key",
    "tenant_id",
    "client_id",
    "client_secret",
    "access_key_id",
    "secret_access_key",
    "session_token",
)
OPTIONAL_CONFIG: Final[Mapping[str, tuple[str, ...]]] = {
    "custom_connection": ("api_key", "model_key", "tls_context", "custom_headers"),
    "aws_bedrock": ("session_token",),
}


def mistakes(shape: type[Strict], body: Any) -> str | None:
    """What is wrong with a body, in one line that quotes none of its values; None if it is right."""
    try:
        shape.model_validate(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in found)
    return None
