"""The options of a model's provider: all of the API's `provider_config`, each under both of its names.

The API documents camelCase, IBM's own client sends snake_case, and the server takes both and answers in camelCase. The one is not
the other with other letters: `azureApiVersion` is `azure_inference_api_version`, and `azure_api_version` is `apiVersion`. Three names stand for two
options of IBM's client each. Everything here is compared and sent as the API documents it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record, derived
from reconciler.core.schema.unions import TextOrMap
from reconciler.registry.driver import (
    EVERY_PATH,
    NO_USER_INFO,
    USUAL,
    BaseAddress,
    Boolean,
    Constraint,
    Number,
    SecretText,
    Unordered,
    WriteOnly,
)

NO_KEY: Final = "Dummy"  # the server's own word for a key that nobody set

# what each option is; the words of the API's documentation, where it has any
_TEXTS: Final[Mapping[str, str]] = {
    "urlToFetch": "A URL that is fetched as it is",
    "resourceName": "Azure OpenAI: the resource",
    "deploymentId": "Azure OpenAI: the deployment",
    "apiVersion": "Azure OpenAI: the API's version",
    "azureAuthMode": "Azure: how it is authenticated",
    "azureManagedClientId": "Azure: the client of a managed identity",
    "azureEntraClientId": "Azure: the Entra client",
    "azureEntraTenantId": "Azure: the Entra tenant",
    "azureModelName": "Azure: the model",
    "workersAiAccountId": "Workers AI: the account",
    "customHost": "The provider's address, where it is not the usual one",
    "awsRegion": "AWS: the region",
    "awsAuthType": "AWS: how it is authenticated",
    "awsRoleArn": "AWS: the role that is assumed",
    "awsExternalId": "AWS: the external id of the role",
    "awsS3Bucket": "AWS: the bucket",
    "awsS3ObjectKey": "AWS: the object in the bucket",
    "awsBedrockModel": "Bedrock: the model",
    "awsServerSideEncryption": "AWS: how objects are encrypted",
    "awsServerSideEncryptionKMSKeyId": "AWS: the key that objects are encrypted with",
    "amznSagemakerCustomAttributes": "SageMaker: custom attributes",
    "amznSagemakerTargetModel": "SageMaker: the target model",
    "amznSagemakerTargetVariant": "SageMaker: the target variant",
    "amznSagemakerTargetContainerHostname": "SageMaker: the container",
    "amznSagemakerInferenceId": "SageMaker: the inference",
    "amznSagemakerEnableExplanations": "SageMaker: explanations",
    "amznSagemakerInferenceComponent": "SageMaker: the inference component",
    "amznSagemakerSessionId": "SageMaker: the session",
    "amznSagemakerModelName": "SageMaker: the model",
    "stabilityClientId": "Stability AI: the client",
    "stabilityClientUserId": "Stability AI: the client's user",
    "stabilityClientVersion": "Stability AI: the client's version",
    "huggingfaceBaseUrl": "Hugging Face: the address",
    "vertexRegion": "Vertex AI: the region",
    "vertexProjectId": "Vertex AI: the project",
    "vertexStorageBucketName": "Vertex AI: the bucket",
    "vertexModelName": "Vertex AI: the model",
    "filename": "The name of a file that is sent",
    "openaiProject": "OpenAI: the project",
    "openaiOrganization": "OpenAI: the organization",
    "openaiBeta": "OpenAI: the beta header",
    "azureDeploymentName": "Azure AI: the deployment",
    "azureApiVersion": "Azure AI: the API's version",
    "azureExtraParams": "Azure AI: what becomes of parameters that it does not know",
    "azureFoundryUrl": "Azure AI: the Foundry's address",
    "mistralFimCompletion": "Mistral: whether the middle is filled in",
    "anthropicBeta": "Anthropic: the beta header",
    "anthropicVersion": "Anthropic: the API's version",
    "fireworksAccountId": "Fireworks: the account",
    "snowflakeAccount": "Snowflake: the account",
    "watsonxVersion": "watsonx.ai: the API's version",
    "watsonxSpaceId": "watsonx.ai: the space",
    "watsonxProjectId": "watsonx.ai: the project",
    "watsonxDeploymentId": "watsonx.ai: the deployment",
    "watsonxCpdUrl": "watsonx.ai on Cloud Pak for Data: the address",
    "serverCert": "The certificates (PEM) that the provider's own is checked against. Newer servers only",
}
_SECRETS: Final[Mapping[str, str]] = {
    "api_key": "The key for the provider",
    "adAuth": "Azure: authentication by Active Directory",
    "azureEntraClientSecret": "Azure: the Entra client's secret",
    "azureAdToken": "Azure: the Active Directory token",
    "awsSecretAccessKey": "AWS: the secret of the access key",
    "awsAccessKeyId": "AWS: the access key",
    "awsSessionToken": "AWS: the token of a temporary key",
    "vertexServiceAccountJson": "Vertex AI: the file of the service account, as Google gives it",
    "watsonxCpdUsername": "watsonx.ai on Cloud Pak for Data: the user",
    "watsonxCpdPassword": "watsonx.ai on Cloud Pak for Data: the password",
}
_INTEGERS: Final = {"index": "The position among several targets", "requestTimeout": "Until a request is given up"}
_BOOLEANS: Final = {
    "transformToFormData": "Whether requests are sent as form data",
    "strictOpenAiCompliance": "Whether answers keep strictly to OpenAI's form",
}
_HOOKS: Final = {
    "afterRequestHooks": "What is run after a request",
    "beforeRequestHooks": "What is run before a request",
    "defaultInputGuardrails": "What inputs are checked with",
    "defaultOutputGuardrails": "What outputs are checked with",
}
_URLS: Final = ("urlToFetch", "customHost", "huggingfaceBaseUrl", "azureFoundryUrl", "watsonxCpdUrl")
_BASES: Final = ("customHost", "huggingfaceBaseUrl")  # to which the gateway adds the path of a request
OBJECTS: Final = ("vertexServiceAccountJson",)  # secrets whose text is the JSON of an object

_IRREGULAR: Final[Mapping[str, tuple[str, ...]]] = {
    "resourceName": ("azure_resource_name",),
    "deploymentId": ("azure_deployment_id",),
    "apiVersion": ("azure_api_version",),
    "azureApiVersion": ("azure_inference_api_version",),
    "azureDeploymentName": ("azure_deployment_name", "azure_inference_deployment_name"),
    "azureExtraParams": ("azure_extra_params", "azure_inference_extra_params"),
    "azureFoundryUrl": ("azure_foundry_url", "azure_inference_foundry_url"),
    "awsServerSideEncryptionKMSKeyId": ("aws_server_side_encryption_kms_key_id",),
}
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _no_user(url: Any) -> str | None:
    try:
        user = isinstance(url, str) and urlsplit(url).username is not None
    except ValueError:
        return "is no URL"
    return "must hold no user name or password" if user else None


def _field(name: str) -> tuple[Any, str, Any]:
    """The annotation of an option, its description, and an example."""
    if name in _SECRETS:
        return Annotated[SecretText | None, WriteOnly("a secret")], _SECRETS[name], "${env:PROVIDER_KEY}"
    if name in _INTEGERS:
        whole = Annotated[int | None, Number(integer=True)]
        timed = name == "requestTimeout"
        return Annotated[whole, USUAL["milliseconds"]] if timed else whole, _INTEGERS[name], 30_000 if timed else 1
    if name in _BOOLEANS:
        return Annotated[bool | None, Boolean()], _BOOLEANS[name], True
    if name in _HOOKS:
        return list[dict[str, Any]] | None, _HOOKS[name], [{"id": "check"}]
    if name in _URLS:
        refuses = Constraint(_no_user, "it must hold no user name or password", NO_USER_INFO)
        address = Annotated[str | None, refuses]
        based = Annotated[address, BaseAddress(EVERY_PATH)]
        return based if name in _BASES else address, _TEXTS[name], "https://llm.example.com/v1"
    return str | None, _TEXTS[name], "..."


_OTHERS: Final[Mapping[str, tuple[Any, str, Any]]] = {
    "forwardHeaders": (
        Annotated[list[str] | None, Unordered("headers are a set")],
        "The headers of a request that are passed on",
        ["X-Tenant"],
    ),
    "cache": (
        Annotated[str | dict[str, Any] | None, TextOrMap(str, dict[str, Any])],
        "How answers are cached: a mode, or a map with `mode` and `maxAge`",
        {"mode": "simple", "maxAge": 60},
    ),
    "metadata": (dict[str, str] | None, "What is told of each request", {"team": "cx"}),
}

NAMES: Final[tuple[str, ...]] = (*_SECRETS, *_TEXTS, *_INTEGERS, *_BOOLEANS, *_HOOKS, *_OTHERS)


def others(name: str) -> tuple[str, ...]:
    """The other names of an option: those of IBM's own client."""
    plain = _HUMP.sub("_", name).lower()
    return _IRREGULAR.get(name, () if plain == name else (plain,))


# every name to the one under which the option is compared and sent
CANONICAL: Final[Mapping[str, str]] = {
    **{other: name for name in NAMES for other in others(name)},
    **{name: name for name in NAMES},
}


def _fields() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in NAMES:
        annotation, description, example = _OTHERS[name] if name in _OTHERS else _field(name)
        made[name] = (annotation, Field(None, description=f"{description}.", examples=[example]))
        for other in others(name):
            said = f"{description}. Another name of `{name}`."
            made[other] = (annotation, Field(None, description=said, examples=[example]))
    return made


_Options: Any = derived("_Options", (Record,), _fields(), doc=None)


class ProviderConfig(_Options):  # type: ignore[misc]
    """How the provider is reached. Each option may be called as the API or as IBM's own client calls it."""


def said_twice(options: Any) -> str | None:
    """Why two names of one option cannot stand beside each other, or None."""
    if not isinstance(options, Mapping):
        return None
    first: dict[str, str] = {}
    for name, value in options.items():
        known = first.setdefault(CANONICAL.get(name, name), name)
        if known != name and options[known] != value:
            return f"says one thing in {known} and another in {name}, which are one option: {CANONICAL[name]}"
    return None


def canonical_names(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options under the names by which they are compared. Where one is there twice, a value counts more than null."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        known = CANONICAL.get(name, name)
        if found.get(known) is None or known == name:
            found[known] = value if value is not None else found.get(known)
    return found


def canonical(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """A model with its provider's options under the names by which they are compared."""
    options = spec.get("provider_config")
    if not isinstance(options, Mapping):
        return spec
    return {**spec, "provider_config": canonical_names(options)}
