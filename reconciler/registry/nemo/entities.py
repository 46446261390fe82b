"""NeMo Platform's model entities: every field of the Models service, as version 0.3.0 behaves.

Measured on the real server: PATCH merges at the top, null keeps what is there, and nested objects are replaced whole; a list drops
nulls and a single answer fills them in.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.core.schema.types import END
from reconciler.registry.driver import (
    NO_USER_INFO,
    USUAL,
    Boolean,
    CannotClear,
    Constraint,
    Default,
    ExternalRef,
    Immutable,
    NeedsConsent,
    Normalized,
    Number,
    OpenChoice,
    Pattern,
    Ref,
    ServerDefault,
    Superset,
)
from reconciler.registry.nemo.forms import (
    ONE_LIMIT,
    canonical_url,
    elsewhere,
    map_or_absent,
    or_absent,
    refuses_mark,
    refuses_tokens,
    refuses_url,
)

FINETUNING: Final = (
    "lora_merged", "all_weights", "last_layer", "top_layers", "gradual_unfreezing", "bias_only", "attention_only",
    "lora", "qlora", "adalora", "dora", "lora_plus", "prompt_tuning", "prefix_tuning", "p_tuning", "p_tuning_v2",
    "soft_prompt", "ppo", "dpo", "cdpo", "ipo", "orpo", "kto", "rrhf", "grpo",
)  # fmt: skip
BACKENDS: Final = ("OPENAI_CHAT", "ANTHROPIC_MESSAGES")

Description = Annotated[
    str | None,
    Field(max_length=1000),
    Normalized(or_absent, "it can be cleared to empty text only"),
]
Reference = Annotated[
    str,
    Pattern(r"^[\w\-./@+]+" + END, "bad_key", "must be a name, or workspace/name for another workspace", 255),
]
_PLACED: Final = Pattern(
    r"^[^/]+(?:/[^/]+)?" + END, "bad_key", "must be a name, or workspace/name for another workspace"
)
PlacedName = Annotated[str, _PLACED]
AdaptedModel = Annotated[str, _PLACED._replace(max_length=127)]
EXISTS: Final = ExternalRef("Fileset", hint="create the fileset with its files first, in NeMo's service `files`")
ProjectName = Annotated[  # the server looks for it in the same workspace only, under this very name
    str,
    Pattern(r"^[\w\-.]+" + END, "bad_key", "must be a name: a project is in the same workspace", 255),
    Ref("Project", hint="declare a nemo/Project"),
]


class InferenceParams(Record, extra="allow"):
    """Inference parameters. Others than these are kept as they are."""

    model: str | None = Field(None, description="The model's name.", examples=["meta/llama-3.1-8b"])
    temperature: Annotated[float | None, Number(minimum=0, maximum=2)] = Field(
        None, description="Sampling temperature.", examples=[0.2]
    )
    max_tokens: Annotated[int | None, Number(minimum=1, integer=True), USUAL["max_completion_tokens"]] = Field(
        None, description="The most tokens of an answer, as older endpoints call it.", examples=[1024]
    )
    max_completion_tokens: Annotated[int | None, Number(minimum=1, integer=True), USUAL["max_completion_tokens"]] = (
        Field(None, description="The most tokens of an answer.", examples=[1024])
    )
    top_p: Annotated[float | None, Number(minimum=0, maximum=1)] = Field(
        None, description="Nucleus sampling.", examples=[0.95]
    )
    stop: list[str] | None = Field(None, description="Texts at which generation stops.", examples=[["\n\n"]])


class Prompting(Record):
    """What is said to the model before anybody else speaks."""

    system_prompt: str | None = Field(None, description="The system prompt.", examples=["You are helpful."])
    icl_few_shot_examples: str | None = Field(None, description="Examples to learn from.", examples=["Q: 1+1 A: 2"])
    inference_params: Annotated[
        InferenceParams | None, Constraint(refuses_tokens, "the server takes only one limit of tokens", ONE_LIMIT)
    ] = Field(None, description="Inference parameters.")
    system_prompt_template: str | None = Field(
        None, description="The template of the system prompt.", examples=["{{ task }}"]
    )


class ApiEndpoint(Record):
    """Where the model is served. The server keeps an api_key here in clear and shows it: name a secret in a provider instead."""

    url: Annotated[
        str | None,
        Field(min_length=1),
        Normalized(canonical_url, "the server writes URLs in one form"),
        Constraint(
            refuses_url,
            "the server takes URLs only, and would show a user name or password in it to everybody",
            NO_USER_INFO,
        ),
    ] = Field(None, description="The endpoint.", examples=["https://llm.example.com/v1"])
    model_id: str | None = Field(None, description="The model's name there.", examples=["gpt-oss-120b"])
    format: str | None = Field(None, description="What it speaks.", examples=["openai"])


class LinearLayer(Record):
    """One linear layer."""

    name: str = Field(description="The module's name.", examples=["model.layers.0.self_attn.q_proj"])
    in_features: Annotated[int, Number(integer=True)] = Field(description="Input features.", examples=[4096])
    out_features: Annotated[int, Number(integer=True)] = Field(description="Output features.", examples=[4096])


class MixtureOfExperts(Record):
    """How experts are mixed."""

    num_experts: Annotated[int, Number(integer=True)] = Field(description="Routed experts.", examples=[8])
    num_experts_per_tok: Annotated[int, Number(integer=True)] = Field(description="Experts per token.", examples=[2])
    num_expert_layers: Annotated[int, Number(integer=True)] = Field(description="Layers with experts.", examples=[32])
    expert_ffn_size: Annotated[int | None, Number(integer=True)] = Field(
        None, description="The experts' FFN size, where it differs.", examples=[14336]
    )
    num_shared_experts: Annotated[int | None, Number(integer=True), Default(0, "so the server has it")] = Field(
        None, description="Shared experts. 0 if absent.", examples=[1]
    )


class Mamba(Record):
    """Mamba layers."""

    is_hybrid: Annotated[bool, Boolean()] = Field(
        description="Whether transformer layers are mixed in.", examples=[True]
    )
    num_mamba_layers: Annotated[int, Number(integer=True)] = Field(description="Mamba layers.", examples=[24])
    num_attention_layers: Annotated[int | None, Number(integer=True), Default(0, "so the server has it")] = Field(
        None, description="Attention layers. 0 if absent.", examples=[4]
    )
    num_mlp_layers: Annotated[int | None, Number(integer=True), Default(0, "so the server has it")] = Field(
        None, description="Standalone MLP layers. 0 if absent.", examples=[0]
    )
    state_size: Annotated[int | None, Number(integer=True), Default(16, "so the server has it")] = Field(
        None, description="State expansion. 16 if absent.", examples=[16]
    )
    conv_kernel: Annotated[int | None, Number(integer=True), Default(4, "so the server has it")] = Field(
        None, description="Convolution kernel. 4 if absent.", examples=[4]
    )


class SlidingWindow(Record):
    """Sliding window attention."""

    window_size: Annotated[int, Number(integer=True)] = Field(description="Tokens attended to.", examples=[4096])


class ToolCalls(Record):
    """How tool calls are read."""

    tool_call_parser: Annotated[str, Field(max_length=255)] | None = Field(
        None, description="The parser.", examples=["llama3_json"]
    )
    tool_call_plugin: Annotated[str, Field(max_length=255)] | None = Field(
        None, description="A fileset with a parser of one's own, workspace/name.", examples=["default/parser"]
    )
    auto_tool_choice: Annotated[bool | None, Boolean()] = Field(
        None, description="Whether the model may call tools unasked.", examples=[True]
    )


class Checkpoint(Record):
    """What the model's checkpoint is made of. The server computes how many GPUs it needs, and keeps that to itself."""

    checkpoint_model_name: str = Field(description="The checkpoint's name.", examples=["llama-3.1-8b"])
    family: str = Field(description="The model's family.", examples=["llama"])
    num_layers: Annotated[int, Number(integer=True)] = Field(description="Layers.", examples=[32])
    hidden_size: Annotated[int, Number(integer=True)] = Field(description="Hidden size.", examples=[4096])
    num_attention_heads: Annotated[int, Number(integer=True)] = Field(description="Attention heads.", examples=[32])
    num_kv_heads: Annotated[int, Number(integer=True)] = Field(description="Key-value heads.", examples=[8])
    ffn_hidden_size: Annotated[int, Number(integer=True)] = Field(description="FFN size.", examples=[14336])
    vocab_size: Annotated[int, Number(integer=True)] = Field(description="Vocabulary.", examples=[128256])
    tied_embeddings: Annotated[bool, Boolean()] = Field(description="Whether embeddings are tied.", examples=[False])
    gated_mlp: Annotated[bool, Boolean()] = Field(description="Whether the MLP is gated.", examples=[True])
    base_num_parameters: Annotated[int, Number(integer=True)] = Field(description="Parameters.", examples=[8030261248])
    precision: str = Field(description="The weights' precision.", examples=["bf16"])
    context_size: Annotated[int | None, Number(integer=True), USUAL["context_length"]] = Field(
        None, description="Tokens of context.", examples=[131072]
    )
    num_virtual_tokens: Annotated[int | None, Number(integer=True)] = Field(
        None, description="Virtual tokens of a tuned prompt.", examples=[0]
    )
    is_chat: Annotated[bool | None, Boolean()] = Field(None, description="Whether it chats.", examples=[True])
    is_embedding_model: Annotated[bool | None, Boolean(), Default(False, "so the server has it")] = Field(
        None, description="Whether it embeds. False if absent.", examples=[False]
    )
    moe_config: MixtureOfExperts | None = Field(None, description="How experts are mixed.")
    mamba_config: Mamba | None = Field(None, description="Mamba layers.")
    sliding_window_config: SlidingWindow | None = Field(None, description="Sliding window attention.")
    linear_layers: list[LinearLayer] | None = Field(None, description="The linear layers.")
    chat_template: str | None = Field(None, description="The chat template.", examples=["{{ messages }}"])
    tool_call_config: ToolCalls | None = Field(None, description="How tool calls are read.")


class Model(Record):
    """A model entity."""

    project: Annotated[ProjectName | None, Immutable("the server never changes it")] = Field(
        None, description="The project it belongs to, which must exist.", examples=["cx"]
    )
    description: Description = Field(None, description="What it is for.", examples=["Answers customer questions."])
    spec: Annotated[
        Checkpoint | None,
        CannotClear("the server keeps the last one"),
        ServerDefault("with a fileset the server computes it", lambda model: bool(model.get("fileset"))),
    ] = Field(None, description="What its checkpoint is made of.")
    finetuning_type: Annotated[str | None, OpenChoice(FINETUNING), CannotClear("the server keeps the last one")] = (
        Field(None, description="How it was tuned.", examples=["lora"])
    )
    fileset: Annotated[PlacedName | None, EXISTS, CannotClear("the server keeps the last one")] = Field(
        None, description="Its files, workspace/name.", examples=["default/llama"]
    )
    base_model: Annotated[
        str | None,
        Normalized(or_absent, "empty text clears it"),
        Ref("Model", elsewhere=elsewhere, must_exist=False),
    ] = Field(None, description="The model that it was made from.", examples=["llama-3.1-8b"])
    api_endpoint: Annotated[
        ApiEndpoint | None,
        Normalized(or_absent, "it can be cleared to an empty map only"),
        ServerDefault("the models controller writes it"),
    ] = Field(None, description="Where it is served.")
    backend_format: Annotated[str | None, OpenChoice(BACKENDS), ServerDefault("the models controller writes it")] = (
        Field(None, description="What its backend speaks. OPENAI_CHAT if absent.", examples=["OPENAI_CHAT"])
    )
    prompt: Annotated[Prompting | None, Normalized(or_absent, "it can be cleared to an empty map only")] = Field(
        None, description="What is said to it before anybody else speaks."
    )
    custom_fields: Annotated[
        dict[str, Any] | None,
        Normalized(map_or_absent, "the server writes null as an empty map"),
        Constraint(refuses_mark, "the member `reconciler` is kept for whose the model is"),
    ] = Field(None, description="Anything.", examples=[{"cost_centre": 42}])
    ownership: Annotated[dict[str, Any] | None, Normalized(map_or_absent, "it can be cleared to an empty map only")] = (
        Field(None, description="Whose it is, in words of your own.", examples=[{"team": "cx"}])
    )
    model_providers: Annotated[
        list[Annotated[Reference, Ref("Provider", hint="declare a nemo/Provider", elsewhere=elsewhere)]] | None,
        ServerDefault("the models controller adds providers that serve it"),
        Superset("the models controller adds providers that serve it"),
    ] = Field(None, description="The providers that serve it.", examples=[["my-provider"]])
    trust_remote_code: Annotated[
        bool | None,
        Boolean(),
        Default(False, "so the server has it"),
        NeedsConsent(True, "allow_trust_remote_code", "code that comes with the checkpoint is run"),
    ] = Field(
        None, description="Whether code that comes with the checkpoint may run. False if absent.", examples=[False]
    )
