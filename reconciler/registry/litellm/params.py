"""`litellm_params` of a model: every field that LiteLLM 1.106.2 documents, with the rule by which the proxy treats it. Others pass through.

Measured on the real proxy: an update merges the top level and cannot take anything away, but for what may be empty.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.registry.driver import (
    EVERY_PATH,
    NO_USER_INFO,
    USUAL,
    BaseAddress,
    Constraint,
    OpenChoice,
    Ref,
    Texts,
    Unordered,
)
from reconciler.registry.litellm.forms import (
    HIDDEN,
    STAYS,
    Amount,
    Emptiable,
    Flag,
    Headers,
    Hidden,
    List,
    Map,
    Price,
    Seconds,
    Switch,
    TokenPrice,
    Whole,
    Words,
    refuses_address,
    refuses_headers,
    refuses_mock,
)

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh")
ShownUrl = Annotated[
    str | None, STAYS, Constraint(refuses_address, "an address is shown, so it holds no credential", NO_USER_INFO)
]
Names = Annotated[list[str] | None, Emptiable]
HeaderField = Annotated[
    Headers | None, Emptiable, Constraint(refuses_headers, "headers with secrets are those that the proxy masks")
]


class Access(Record, extra="allow"):
    """How the provider is reached, and with what."""

    api_key: Hidden = Field(None, description="The provider's key.", examples=["${env:OPENAI_API_KEY}"])
    api_base: Annotated[ShownUrl, BaseAddress(EVERY_PATH)] = Field(
        None, description="The provider's address.", examples=["https://llm.example.com/v1"]
    )
    api_version: Words = Field(None, description="The version of the provider's API.", examples=["2024-10-21"])
    base_url: Annotated[ShownUrl, BaseAddress(EVERY_PATH)] = Field(
        None, description="Another name of `api_base`.", examples=["https://llm.example.com/v1"]
    )
    organization: Words = Field(None, description="The organization in which requests are made.", examples=["org-1"])
    litellm_credential_name: Annotated[str | None, Ref("Credential", hint="declare a litellm/Credential"), STAYS] = (
        Field(None, description="The credential that holds the key.", examples=["openai-prod"])
    )
    custom_llm_provider: Words = Field(
        None, description="The provider, where `model` does not say it.", examples=["openai"]
    )
    extra_headers: HeaderField = Field(
        None, description="Headers that are sent with every request.", examples=[{"X-Tenant": "acme"}]
    )
    headers: HeaderField = Field(None, description="The same, under an older name.", examples=[{"X-Tenant": "acme"}])
    configurable_clientside_auth_params: Annotated[list[Any] | None, Emptiable] = Field(
        None, description="The parameters that a request may set for itself.", examples=[["api_key"]]
    )
    provider_affinity_header: Words = Field(
        None, description="The header by which requests stay with one deployment.", examples=["X-Session"]
    )
    # Azure
    azure_ad_token: Hidden = Field(None, description="A token of Microsoft Entra.", examples=["${env:AZURE_AD_TOKEN}"])
    tenant_id: Words = Field(None, description="The tenant of Microsoft Entra.", examples=["t-1"])
    client_id: Words = Field(None, description="The application in Microsoft Entra.", examples=["c-1"])
    client_secret: Hidden = Field(None, description="Its secret.", examples=["${env:AZURE_CLIENT_SECRET}"])
    azure_scope: Words = Field(None, description="The scope of its tokens.", examples=["https://example.com/.default"])
    azure_username: Words = Field(None, description="The user for Azure.", examples=["svc"])
    azure_password: Hidden = Field(None, description="That user's password.", examples=["${env:AZURE_PASSWORD}"])
    # Vertex AI
    vertex_project: Words = Field(None, description="The project on Google Cloud.", examples=["my-project"])
    vertex_location: Words = Field(None, description="The region on Google Cloud.", examples=["europe-west4"])
    vertex_credentials: Hidden = Field(
        None, description="A service account's key, as JSON text.", examples=["${file:account.json}"]
    )
    region_name: Words = Field(None, description="The region.", examples=["eu-central-1"])
    # AWS
    aws_access_key_id: Hidden = Field(
        None, description="The id of an access key.", examples=["${env:AWS_ACCESS_KEY_ID}"]
    )
    aws_secret_access_key: Hidden = Field(
        None, description="The access key.", examples=["${env:AWS_SECRET_ACCESS_KEY}"]
    )
    aws_session_token: Hidden = Field(None, description="A session's token.", examples=["${env:AWS_SESSION_TOKEN}"])
    aws_web_identity_token: Hidden = Field(
        None, description="A web identity's token.", examples=["${env:AWS_WEB_TOKEN}"]
    )
    aws_region_name: Words = Field(None, description="The region.", examples=["eu-central-1"])
    aws_session_name: Words = Field(None, description="The session's name.", examples=["litellm"])
    aws_profile_name: Words = Field(
        None, description="A profile of the proxy's AWS configuration.", examples=["default"]
    )
    aws_role_name: Words = Field(None, description="The role to take.", examples=["arn:aws:iam::1:role/llm"])
    aws_sts_endpoint: Words = Field(None, description="The address of STS.", examples=["https://sts.example.com"])
    aws_external_id: Words = Field(None, description="The external id for taking the role.", examples=["x"])
    aws_session_tags: List = Field(None, description="The session's tags.", examples=[[{"Key": "team", "Value": "cx"}]])
    aws_bedrock_runtime_endpoint: Words = Field(
        None, description="The address of Bedrock.", examples=["https://b.example.com"]
    )
    aws_bedrock_project_id: Words = Field(None, description="The project in Bedrock.", examples=["p-1"])
    aws_batch_role_arn: Words = Field(None, description="The role of batches.", examples=["arn:aws:iam::1:role/batch"])
    bedrock_tags: List = Field(None, description="Tags for Bedrock.", examples=[[{"key": "team", "value": "cx"}]])
    gcs_bucket_name: Words = Field(None, description="The bucket for files on Google Cloud.", examples=["files"])
    bucket_name: Words = Field(None, description="The bucket for files.", examples=["files"])
    s3_bucket_name: Words = Field(None, description="The bucket for files on S3.", examples=["files"])
    s3_endpoint_url: Words = Field(None, description="The address of S3.", examples=["https://s3.example.com"])
    s3_region_name: Words = Field(None, description="The region of S3.", examples=["eu-central-1"])
    s3_access_key_id: Hidden = Field(None, description="The id of an access key to S3.", examples=["${env:S3_KEY_ID}"])
    s3_secret_access_key: Hidden = Field(None, description="An access key to S3.", examples=["${env:S3_KEY}"])
    s3_encryption_key_id: Hidden = Field(
        None, description="The id of the key that encrypts.", examples=["${env:KMS_KEY}"]
    )
    s3_bucket_owner: Words = Field(None, description="The bucket's owner.", examples=["1"])
    s3_output_bucket_name: Words = Field(None, description="The bucket for answers.", examples=["answers"])
    watsonx_region_name: Words = Field(None, description="The region of watsonx.", examples=["eu-de"])


class Routing(Record, extra="allow"):
    """How the proxy chooses the model, and what it allows."""

    rpm: Annotated[Whole, USUAL["requests_per_minute"]] = Field(
        None, description="Requests in a minute.", examples=[60]
    )
    tpm: Whole = Field(None, description="Tokens in a minute.", examples=[100000])
    itpm: Whole = Field(None, description="Tokens of questions in a minute.", examples=[100000])
    otpm: Whole = Field(None, description="Tokens of answers in a minute.", examples=[100000])
    max_parallel_requests: Annotated[Whole, USUAL["max_concurrency"]] = Field(
        None, description="Requests at one time.", examples=[4]
    )
    weight: Amount = Field(None, description="Its share of the requests for its `model_name`.", examples=[2])
    order: Whole = Field(None, description="Deployments of a lower order are asked first.", examples=[1])
    timeout: Seconds = Field(None, description="Seconds for one answer.", examples=[30])
    stream_timeout: Seconds = Field(None, description="Seconds for a streamed answer.", examples=[60])
    timeout_by_service_tier: Map = Field(None, description="Seconds by service tier.", examples=[{"flex": 600}])
    stream_timeout_by_service_tier: Map = Field(None, description="The same for streams.", examples=[{"flex": 600}])
    max_retries: Whole = Field(None, description="How often a request is tried again.", examples=[2])
    num_retries: Whole = Field(None, description="The same, for the router.", examples=[2])
    cooldown_time: Amount = Field(
        None, description="Seconds for which a failing deployment is left alone.", examples=[5]
    )
    drop_params: Switch = Field(
        None, description="Whether parameters that the model does not know are left out.", examples=[True]
    )
    additional_drop_params: Names = Field(None, description="Parameters that are left out.", examples=[["logprobs"]])
    allowed_openai_params: Names = Field(
        None, description="Parameters that are handed on though unknown.", examples=[["tools"]]
    )
    max_budget: Amount = Field(None, description="The most that it may cost, in dollars.", examples=[100])
    budget_duration: Words = Field(None, description="The time for which that is.", examples=["30d"])
    tags: Annotated[list[str] | None, Unordered("tags are a set"), Emptiable] = Field(
        None, description="Tags by which requests are routed and spending is counted.", examples=[["prod"]]
    )
    tag_regex: Names = Field(None, description="Patterns of such tags.", examples=[["^team-"]])
    default_api_key_tpm_limit: Whole = Field(
        None, description="Tokens in a minute for a key without a limit.", examples=[1000]
    )
    default_api_key_rpm_limit: Whole = Field(None, description="Requests in a minute for such a key.", examples=[10])
    guardrails: Annotated[list[Any] | None, Emptiable] = Field(
        None, description="Guardrails by name.", examples=[["pii"]]
    )
    keepalive_seconds: Amount = Field(None, description="Seconds between signs of life in a stream.", examples=[15])
    allow_client_keepalive_override: Flag = Field(None, description="Whether a request may set that.", examples=[True])
    use_in_pass_through: Flag = Field(None, description="Whether pass-through endpoints use it.", examples=[True])
    use_litellm_proxy: Flag = Field(None, description="Whether it is another LiteLLM Proxy.", examples=[True])
    use_xai_oauth: Flag = Field(None, description="Whether the stored login to xAI is used.", examples=[True])
    use_chat_completions_api: Switch = Field(
        None, description="Whether responses are made by chat completions.", examples=[True]
    )
    merge_reasoning_content_in_choices: Flag = Field(
        None, description="Whether reasoning is part of the answer.", examples=[True]
    )
    fireworks_forward_user_id: Switch = Field(
        None, description="Whether Fireworks AI is told the user.", examples=[True]
    )
    max_file_size_mb: Amount = Field(None, description="The largest file, in MB.", examples=[10])
    mock_response: Annotated[Any, STAYS, Constraint(refuses_mock, "the proxy adds to a map")] = Field(
        None, description="An answer without asking any provider.", examples=["Hello."]
    )
    auto_router_config_path: Words = Field(None, description="The automatic router's file.", examples=["router.json"])
    auto_router_config: Words = Field(
        None, description="The automatic router's configuration, as JSON text.", examples=["{}"]
    )
    auto_router_default_model: Words = Field(None, description="Its model where none fits.", examples=["gpt-5-nano"])
    auto_router_embedding_model: Words = Field(None, description="Its embedding model.", examples=["embed"])
    auto_router_max_input_chars: Whole = Field(None, description="How much of a question it looks at.", examples=[2000])
    complexity_router_config: Map = Field(
        None, description="The complexity router's configuration.", examples=[{"a": 1}]
    )
    complexity_router_default_model: Words = Field(
        None, description="Its model where none fits.", examples=["gpt-5-nano"]
    )
    adaptive_router_config: Map = Field(None, description="The adaptive router's configuration.", examples=[{"a": 1}])
    adaptive_router_default_model: Words = Field(
        None, description="Its model where none fits.", examples=["gpt-5-nano"]
    )
    quality_router_config: Map = Field(None, description="The quality router's configuration.", examples=[{"a": 1}])
    quality_router_default_model: Words = Field(None, description="Its model where none fits.", examples=["gpt-5-nano"])
    vector_store_id: Words = Field(None, description="The vector store.", examples=["vs-1"])


class Prices(Record, extra="allow"):
    """Prices, in dollars: these, and not those of `model_info`, are what is counted."""

    input_cost_per_token: TokenPrice = Field(None, description="A token of a question.", examples=[0.000001])
    output_cost_per_token: TokenPrice = Field(None, description="A token of an answer.", examples=[0.000002])
    input_cost_per_character: Price = Field(None, description="A character of a question.", examples=[0.000001])
    output_cost_per_character: Price = Field(None, description="A character of an answer.", examples=[0.000001])
    cache_read_input_token_cost: TokenPrice = Field(
        None, description="A token read from the cache.", examples=[0.0000001]
    )
    cache_creation_input_token_cost: TokenPrice = Field(
        None, description="A token written to the cache.", examples=[0.000001]
    )
    input_cost_per_token_batches: TokenPrice = Field(
        None, description="A token of a question in a batch.", examples=[0.0000005]
    )
    output_cost_per_token_batches: TokenPrice = Field(
        None, description="A token of an answer in a batch.", examples=[0.000001]
    )
    output_cost_per_reasoning_token: TokenPrice = Field(None, description="A token of reasoning.", examples=[0.000002])
    input_cost_per_audio_token: TokenPrice = Field(
        None, description="A token of sound in a question.", examples=[0.00004]
    )
    output_cost_per_audio_token: TokenPrice = Field(
        None, description="A token of sound in an answer.", examples=[0.00008]
    )
    input_cost_per_image: Price = Field(None, description="An image in a question.", examples=[0.001])
    output_cost_per_image: Price = Field(None, description="An image in an answer.", examples=[0.04])
    input_cost_per_pixel: Price = Field(None, description="A pixel in a question.", examples=[0.00000001])
    output_cost_per_pixel: Price = Field(None, description="A pixel in an answer.", examples=[0.00000001])
    input_cost_per_query: Price = Field(None, description="A query.", examples=[0.002])
    input_cost_per_second: Price = Field(None, description="A second of a question.", examples=[0.0001])
    output_cost_per_second: Price = Field(None, description="A second of an answer.", examples=[0.0001])
    cost_per_second: Price = Field(None, description="A second, of either.", examples=[0.0001])
    tiered_pricing: List = Field(
        None, description="Prices by how long a question is.", examples=[[{"range": [0, 1000]}]]
    )


class Request(Record, extra="allow"):
    """Parameters of requests, which hold unless a request says otherwise."""

    temperature: Annotated[Amount, USUAL["temperature"]] = Field(
        None, description="Sampling temperature.", examples=[0.2]
    )
    top_p: Annotated[Amount, USUAL["top_p"]] = Field(None, description="Nucleus sampling.", examples=[0.95])
    top_k: Annotated[Whole, USUAL["top_k"]] = Field(
        None, description="How many of the likeliest tokens are considered.", examples=[40]
    )
    n: Annotated[Whole, USUAL["n"]] = Field(None, description="How many answers are generated.", examples=[1])
    max_tokens: Annotated[Whole, USUAL["max_completion_tokens"]] = Field(
        None, description="The most tokens of an answer.", examples=[1024]
    )
    max_completion_tokens: Annotated[Whole, USUAL["max_completion_tokens"]] = Field(
        None, description="The most tokens of an answer.", examples=[1024]
    )
    stop: Annotated[str | list[str] | None, Texts(), STAYS] = Field(
        None, description="Text, or texts, at which generation stops.", examples=[["\n\n"]]
    )
    seed: Whole = Field(None, description="Seed for repeatable sampling.", examples=[7])
    presence_penalty: Annotated[Amount, USUAL["presence_penalty"]] = Field(
        None, description="Penalty for tokens that occurred already.", examples=[0]
    )
    frequency_penalty: Annotated[Amount, USUAL["frequency_penalty"]] = Field(
        None, description="Penalty by how often a token occurred.", examples=[0]
    )
    reasoning_effort: Annotated[str | None, OpenChoice(EFFORTS), STAYS] = Field(
        None, description="How hard a reasoning model thinks.", examples=["low"]
    )
    thinking: Map = Field(None, description="Anthropic's parameter of that.", examples=[{"type": "enabled"}])
    extra_body: Annotated[dict[str, Any] | None, Emptiable] = Field(
        None, description="Members that are added to every request.", examples=[{"chat_template": "x"}]
    )
    cache_control_injection_points: List = Field(
        None, description="Where prompt caching is asked for.", examples=[[{"location": "message", "role": "system"}]]
    )
    response_format: Map = Field(None, description="The form of the answer.", examples=[{"type": "json_object"}])


class LitellmParams(Access, Routing, Prices, Request, extra="allow"):
    """What LiteLLM calls, and how. Members that are not listed pass through as they are."""

    undeclared: ClassVar = (HIDDEN, STAYS)

    model: Annotated[str, Field(min_length=1)] = Field(
        description="The provider and what it calls the model. With a provider that the proxy does not know it stores the model and never serves it.",
        examples=["openai/gpt-5-nano", "anthropic/claude-sonnet-4-5"],
    )


# shown as false where nobody set them; and an update that names any parameter sets those back to false that it does not name
FLAGS: Final = (
    "allow_client_keepalive_override", "merge_reasoning_content_in_choices", "use_in_pass_through", "use_litellm_proxy", "use_xai_oauth",
)  # fmt: skip
