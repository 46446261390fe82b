"""`model_info` of a model: what LiteLLM 1.106.2 documents, with the rule by which the proxy treats it. Others pass through.

The proxy fills in what its own price list says of the model, and mixes up models that are the same at the provider: what comes from that
list is left to it unless a manifest says otherwise. Everything here is shown to everybody who may list models.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.registry.driver import USUAL, Boolean, Choice, Normalized, Number, OpenChoice, ServerDefault, Unordered
from reconciler.registry.litellm.forms import STAYS, Emptiable, Label, Switch, Whole, Words, or_absent

MODES: Final = (
    "chat", "completion", "embedding", "rerank", "responses", "image_generation", "image_edit", "audio_transcription", "audio_speech", "moderation",
    "realtime", "batch", "ocr", "search", "video_generation", "vector_store",
)  # fmt: skip
_LISTED: Final = ServerDefault(
    "the proxy's price list fills it in, and other models of the same name at the provider do"
)
ListedText = Annotated[str | None, _LISTED, STAYS]
ListedCount = Annotated[int | None, Number(integer=True), _LISTED, STAYS]
ListedFlag = Annotated[bool | None, Boolean(), _LISTED, STAYS]
Named = Annotated[dict[str, Any] | None, Emptiable]


class Listed(Record, extra="allow"):
    """What the price list knows of a model, where a manifest does not say it."""

    mode: Annotated[str | None, OpenChoice(MODES), _LISTED, STAYS] = Field(
        None, description="What it does, by which its health is checked.", examples=["chat"]
    )
    litellm_provider: ListedText = Field(None, description="The provider.", examples=["openai"])
    key: ListedText = Field(None, description="Its entry in the price list.", examples=["gpt-5-nano"])
    max_tokens: Annotated[ListedCount, USUAL["max_completion_tokens"]] = Field(
        None, description="The most tokens of an answer.", examples=[16384]
    )
    max_input_tokens: Annotated[ListedCount, USUAL["context_length"]] = Field(
        None, description="The most tokens of a question.", examples=[131072]
    )
    max_output_tokens: Annotated[ListedCount, USUAL["max_completion_tokens"]] = Field(
        None, description="The most tokens of an answer.", examples=[16384]
    )
    output_vector_size: ListedCount = Field(None, description="The dimensions of an embedding.", examples=[1536])
    supports_system_messages: ListedFlag = Field(None, description="Whether it takes system messages.", examples=[True])
    supports_response_schema: ListedFlag = Field(
        None, description="Whether it takes a schema for answers.", examples=[True]
    )
    supports_vision: ListedFlag = Field(None, description="Whether it sees images.", examples=[True])
    supports_function_calling: ListedFlag = Field(None, description="Whether it calls tools.", examples=[True])
    supports_parallel_function_calling: ListedFlag = Field(
        None, description="Whether it calls several.", examples=[True]
    )
    supports_tool_choice: ListedFlag = Field(None, description="Whether a tool can be asked for.", examples=[True])
    supports_assistant_prefill: ListedFlag = Field(
        None, description="Whether an answer can be begun for it.", examples=[True]
    )
    supports_prompt_caching: ListedFlag = Field(None, description="Whether prompts are cached.", examples=[True])
    supports_audio_input: ListedFlag = Field(None, description="Whether it hears.", examples=[True])
    supports_audio_output: ListedFlag = Field(None, description="Whether it speaks.", examples=[True])
    supports_video_input: ListedFlag = Field(None, description="Whether it sees films.", examples=[True])
    supports_pdf_input: ListedFlag = Field(None, description="Whether it reads PDF.", examples=[True])
    supports_embedding_image_input: ListedFlag = Field(None, description="Whether it embeds images.", examples=[True])
    supports_native_streaming: ListedFlag = Field(None, description="Whether it streams by itself.", examples=[True])
    supports_web_search: ListedFlag = Field(None, description="Whether it searches the web.", examples=[True])
    supports_url_context: ListedFlag = Field(None, description="Whether it reads addresses.", examples=[True])
    supports_reasoning: ListedFlag = Field(None, description="Whether it reasons.", examples=[True])
    supports_computer_use: ListedFlag = Field(None, description="Whether it uses a computer.", examples=[True])


class ModelInfo(Listed, extra="allow"):
    """What is known of a model beside how it is called. Members that are not listed pass through as they are."""

    undeclared: ClassVar = (STAYS,)

    display_name: Label = Field(None, description="The name that people see.", examples=["Support chat"])
    description: Label = Field(None, description="What it is for.", examples=["Answers customer questions."])
    tags: Annotated[list[str] | None, Unordered("tags are a set"), Emptiable] = Field(
        None, description="Words to find it by; those of litellm_params route requests.", examples=[["support"]]
    )
    labels: Named = Field(None, description="Names with values.", examples=[{"team": "cx"}])
    metadata: Named = Field(None, description="Anything else.", examples=[{"cost_centre": 42}])
    base_model: Label = Field(
        None, description="The model by whose entry in the price list it is counted.", examples=["azure/gpt-5"]
    )
    tier: Annotated[str | None, Choice(("free", "paid")), STAYS] = Field(
        None, description="What it costs its users.", examples=["paid"]
    )
    access_groups: Annotated[list[str] | None, Unordered("groups are a set"), Emptiable] = Field(
        None, description="The access groups that it is in.", examples=[["beta"]]
    )
    team_public_model_name: Words = Field(None, description="What its team calls it.", examples=["chat"])
    health_check_model: Label = Field(
        None, description="The model that a health check asks instead.", examples=["openai/gpt-5-nano"]
    )
    health_check_timeout: Annotated[float | None, Number(), STAYS] = Field(
        None, description="Seconds for a health check.", examples=[5]
    )
    disable_background_health_check: Annotated[
        bool | None, Boolean(), Normalized(or_absent, "false is as good as absent")
    ] = Field(None, description="Whether it is left out of health checks.", examples=[True])
    discoverable: Switch = Field(None, description="Whether it is shown where models are listed.", examples=[True])
    allow_fail_open: Switch = Field(None, description="Whether routing by tags may fall back.", examples=[True])
    enable_tag_filtering: Switch = Field(None, description="Whether requests are routed by tags.", examples=[True])
    internal_router_model: Switch = Field(None, description="Whether the log says how it was chosen.", examples=[True])
    ptu_count: Whole = Field(None, description="The provisioned units.", examples=[10])


# the members of `model_info` that come from the price list alone, as version 1.106.2 answers them; prices are told by their names
PRICE_LIST: Final = frozenset(
    (
        "prompt_cache_min_tokens", "regional_processing_uplift_multiplier_eu", "regional_processing_uplift_multiplier_us",
        "regional_endpoint_uplift_multiplier", "supported_endpoints", "supports_prompt_cache_breakpoint",
        "supports_thinking_cache_preservation", "supports_box_questions", "supports_native_structured_output", "supports_adaptive_thinking",
        "supports_legacy_thinking", "thinking_always_on", "supports_tool_search", "supports_mid_conversation_system",
        "supports_anthropic_thinking_payload", "supports_anthropic_compaction", "supports_none_reasoning_effort",
        "supports_minimal_reasoning_effort", "supports_low_reasoning_effort", "supports_xhigh_reasoning_effort",
        "supports_max_reasoning_effort", "reasoning_effort_levels", "default_reasoning_effort", "bedrock_output_config_effort_ceiling",
        "bedrock_converse_supports_strict_tools", "supports_regex_lookaround", "web_search_billing_unit", "search_free_requests", "tpm", "rpm",
        "provider_specific_entry", "uses_embed_content", "supports_image_size", "supported_audio_formats", "token_count_framing",
        "token_count_model", "token_count_tokenizer", "vertex_ai_audio_api",
    )
)  # fmt: skip
