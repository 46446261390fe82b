"""What the emulator takes, written down from the API's documentation and not from our driver: seed 003, and IBM's own client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

TEXT, INTEGER, BOOLEAN, MAP, LIST = "text", "integer", "boolean", "map", "list"

# camelCase: (snake_case names, type)
OPTIONS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "api_key": ((), TEXT),
    "urlToFetch": (("url_to_fetch",), TEXT),
    "resourceName": (("azure_resource_name",), TEXT),
    "deploymentId": (("azure_deployment_id",), TEXT),
    "apiVersion": (("azure_api_version",), TEXT),
    "adAuth": (("ad_auth",), TEXT),
    "azureAuthMode": (("azure_auth_mode",), TEXT),
    "azureManagedClientId": (("azure_managed_client_id",), TEXT),
    "azureEntraClientId": (("azure_entra_client_id",), TEXT),
    "azureEntraClientSecret": (("azure_entra_client_secret",), TEXT),
    "azureEntraTenantId": (("azure_entra_tenant_id",), TEXT),
    "azureAdToken": (("azure_ad_token",), TEXT),
    "azureModelName": (("azure_model_name",), TEXT),
    "workersAiAccountId": (("workers_ai_account_id",), TEXT),
    "customHost": (("custom_host",), TEXT),
    "forwardHeaders": (("forward_headers",), LIST),
    "index": ((), INTEGER),
    "cache": ((), ""),
    "metadata": ((), MAP),
    "requestTimeout": (("request_timeout",), INTEGER),
    "transformToFormData": (("transform_to_form_data",), BOOLEAN),
    "awsSecretAccessKey": (("aws_secret_access_key",), TEXT),
    "awsAccessKeyId": (("aws_access_key_id",), TEXT),
    "awsSessionToken": (("aws_session_token",), TEXT),
    "awsRegion": (("aws_region",), TEXT),
    "awsAuthType": (("aws_auth_type",), TEXT),
    "awsRoleArn": (("aws_role_arn",), TEXT),
    "awsExternalId": (("aws_external_id",), TEXT),
    "awsS3Bucket": (("aws_s3_bucket",), TEXT),
    "awsS3ObjectKey": (("aws_s3_object_key",), TEXT),
    "awsBedrockModel": (("aws_bedrock_model",), TEXT),
    "awsServerSideEncryption": (("aws_server_side_encryption",), TEXT),
    "awsServerSideEncryptionKMSKeyId": (("aws_server_side_encryption_kms_key_id",), TEXT),
    "amznSagemakerCustomAttributes": (("amzn_sagemaker_custom_attributes",), TEXT),
    "amznSagemakerTargetModel": (("amzn_sagemaker_target_model",), TEXT),
    "amznSagemakerTargetVariant": (("amzn_sagemaker_target_variant",), TEXT),
    "amznSagemakerTargetContainerHostname": (("amzn_sagemaker_target_container_hostname",), TEXT),
    "amznSagemakerInferenceId": (("amzn_sagemaker_inference_id",), TEXT),
    "amznSagemakerEnableExplanations": (("amzn_sagemaker_enable_explanations",), TEXT),
    "amznSagemakerInferenceComponent": (("amzn_sagemaker_inference_component",), TEXT),
    "amznSagemakerSessionId": (("amzn_sagemaker_session_id",), TEXT),
    "amznSagemakerModelName": (("amzn_sagemaker_model_name",), TEXT),
    "stabilityClientId": (("stability_client_id",), TEXT),
    "stabilityClientUserId": (("stability_client_user_id",), TEXT),
    "stabilityClientVersion": (("stability_client_version",), TEXT),
    "huggingfaceBaseUrl": (("huggingface_base_url",), TEXT),
    "vertexRegion": (("vertex_region",), TEXT),
    "vertexProjectId": (("vertex_project_id",), TEXT),
    "vertexServiceAccountJson": (("vertex_service_account_json",), MAP),
    "vertexStorageBucketName": (("vertex_storage_bucket_name",), TEXT),
    "vertexModelName": (("vertex_model_name",), TEXT),
    "filename": ((), TEXT),
    "afterRequestHooks": (("after_request_hooks",), LIST),
    "beforeRequestHooks": (("before_request_hooks",), LIST),
    "defaultInputGuardrails": (("default_input_guardrails",), LIST),
    "defaultOutputGuardrails": (("default_output_guardrails",), LIST),
    "openaiProject": (("openai_project",), TEXT),
    "openaiOrganization": (("openai_organization",), TEXT),
    "openaiBeta": (("openai_beta",), TEXT),
    "azureDeploymentName": (("azure_deployment_name", "azure_inference_deployment_name"), TEXT),
    "azureApiVersion": (("azure_inference_api_version",), TEXT),
    "azureExtraParams": (("azure_extra_params", "azure_inference_extra_params"), TEXT),
    "azureFoundryUrl": (("azure_foundry_url", "azure_inference_foundry_url"), TEXT),
    "strictOpenAiCompliance": (("strict_open_ai_compliance",), BOOLEAN),
    "mistralFimCompletion": (("mistral_fim_completion",), TEXT),
    "anthropicBeta": (("anthropic_beta",), TEXT),
    "anthropicVersion": (("anthropic_version",), TEXT),
    "fireworksAccountId": (("fireworks_account_id",), TEXT),
    "snowflakeAccount": (("snowflake_account",), TEXT),
    "watsonxVersion": (("watsonx_version",), TEXT),
    "watsonxSpaceId": (("watsonx_space_id",), TEXT),
    "watsonxProjectId": (("watsonx_project_id",), TEXT),
    "watsonxDeploymentId": (("watsonx_deployment_id",), TEXT),
    "watsonxCpdUrl": (("watsonx_cpd_url",), TEXT),
    "watsonxCpdUsername": (("watsonx_cpd_username",), TEXT),
    "watsonxCpdPassword": (("watsonx_cpd_password",), TEXT),
    "serverCert": (("server_cert",), TEXT),
}
SECRETS: Final = (
    "api_key", "adAuth", "azureEntraClientSecret", "azureAdToken", "awsSecretAccessKey", "awsAccessKeyId", "awsSessionToken",
    "vertexServiceAccountJson", "watsonxCpdUsername", "watsonxCpdPassword",
)  # fmt: skip
CONFIG: Final = frozenset(
    "decoding_method prompt max_tokens max_completion_tokens temperature top_p n stream logprobs top_logprobs echo stop "
    "presence_penalty frequency_penalty best_of logit_bias user context examples top_k response_format seed store metadata "
    "modalities audio service_tier prediction safety_settings anthropic_beta anthropic_version thinking space_id project_id "
    "model reasoning_effort parallel_tool_calls disable_tool_validation".split()
)
TYPES: Final = ("chat", "chat_vision", "completion", "embedding")
SENT: Final = frozenset(
    ("name", "display_name", "description", "provider_config", "config", "tags", "model_type", "connection_id")
)
EXTRA: Final = frozenset(("spec_version", "kind", "app_id"))  # what IBM's client sends beside them, from its files

NEWER: Final = "x_"  # begins what a newer server takes, stores and gives back: we know nothing of it

_PYTHON: Final = {TEXT: str, INTEGER: int, BOOLEAN: bool, MAP: dict, LIST: list}


class RefusedError(Exception):
    """A body that the server does not take."""

    def __init__(self, *problems: tuple[tuple[str, ...], str]) -> None:
        super().__init__("refused")
        self.detail = [{"loc": ["body", *place], "msg": message, "type": "value_error"} for place, message in problems]


def camel(options: dict[str, Any]) -> dict[str, Any]:
    """Options under their names in camelCase. Raises RefusedError for one that is unknown, there twice, or of the wrong type."""
    names = {other: name for name, (others, _) in OPTIONS.items() for other in (name, *others)}
    found: dict[str, Any] = {}
    for given, value in options.items():
        if given == "provider":
            continue  # derived from the name
        name = given if given.startswith(NEWER) else names.get(given)
        if name is None:
            raise RefusedError((("provider_config", given), "Extra inputs are not permitted"))
        if name in found and found[name] != value:
            raise RefusedError((("provider_config", given), "Given twice"))
        wanted = _PYTHON.get(OPTIONS[name][1]) if name in OPTIONS else None
        wrong = value is not None and wanted is not None and type(value) is not wanted
        if wrong:
            raise RefusedError((("provider_config", given), f"Input should be a valid {OPTIONS[name][1]}"))
        found[name] = value
    return found


def known(names: Iterable[str]) -> set[str]:
    """The names that are not a newer server's."""
    return {name for name in names if not name.startswith(NEWER)}


def check_model(body: dict[str, Any]) -> None:
    """Raises RefusedError."""
    for name in sorted(known(body.keys()) - SENT - EXTRA):
        raise RefusedError(((name,), "Read-only, or not known"))
    if not isinstance(body.get("name"), str) or not body["name"].startswith("virtual-model/"):
        raise RefusedError((("name",), "Input should be virtual-model/<provider>/<model>"))
    if body.get("model_type", "chat") not in TYPES:
        raise RefusedError((("model_type",), f"Input should be one of {', '.join(TYPES)}"))
    if not isinstance(body.get("tags", []), list):
        raise RefusedError((("tags",), "Input should be a valid list"))
    for name in sorted(known((body.get("config") or {}).keys()) - CONFIG):
        raise RefusedError((("config", name), "Extra inputs are not permitted"))


def check_policy(body: dict[str, Any]) -> None:
    """Raises RefusedError."""
    for name in ("name", "display_name", "description"):
        if not isinstance(body.get(name), str):
            raise RefusedError(((name,), "Input should be a valid string"))
    for name in sorted(known(body.keys()) - {"name", "display_name", "description", "policy", "spec_version", "kind"}):
        raise RefusedError(((name,), "Read-only, or not known"))
    _check_targets(body.get("policy"), ("policy",))


def _check_targets(rules: Any, place: tuple[str, ...]) -> None:
    targets = rules.get("targets") if isinstance(rules, dict) else None
    if not isinstance(targets, list):
        raise RefusedError(((*place, "targets"), "Input should be a valid list"))
    for number, target in enumerate(targets):
        if "targets" in target:
            _check_targets(target, (*place, "targets", str(number)))
        elif not isinstance(target.get("model_name"), str):
            raise RefusedError(((*place, "targets", str(number), "model_name"), "Field required"))
