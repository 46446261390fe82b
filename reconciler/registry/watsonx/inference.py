"""The inference parameters of a model: all of the API's `config`, and those that newer servers also take."""

from __future__ import annotations

from typing import Annotated, Any, Final

from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.registry.driver import USUAL, Boolean, Number, ServerDefault, Texts

_MAX_TOKENS: Final = ServerDefault("IBM's own client sets 4096 for Anthropic's models")

Whole = Annotated[int | None, Number(integer=True)]
Real = Annotated[float | None, Number()]
Switch = Annotated[bool | None, Boolean()]


class Example(Record):
    """One example of what is put in, and what should come out."""

    input: Any = Field(None, description="What is put in.", examples=["1+1"])
    output: Any = Field(None, description="What should come out.", examples=["2"])


class ResponseFormat(Record):
    """The form of the answer."""

    type: str | None = Field(None, description="Which form.", examples=["json_schema"])
    json_schema: Any = Field(None, description="The JSON Schema that it follows.", examples=[{"type": "object"}])


class Audio(Record):
    """How spoken answers sound."""

    voice: str | None = Field(None, description="The voice.", examples=["alloy"])
    format: str | None = Field(None, description="The format of the sound.", examples=["wav"])


class PredictedPart(Record):
    """A part of the answer that is expected."""

    type: str | None = Field(None, description="What it is.", examples=["text"])
    text: str | None = Field(None, description="Its text.", examples=["Dear"])


class Prediction(Record):
    """The answer that is expected."""

    type: str | None = Field(None, description="What is said of it.", examples=["content"])
    content: list[PredictedPart] | None = Field(None, description="Its parts.")


class Thinking(Record):
    """How a model thinks before it answers."""

    type: str | None = Field(None, description="Whether it thinks.", examples=["enabled"])
    budget_tokens: Whole = Field(None, description="The most tokens that it thinks.", examples=[1024])


class Config(Record):
    """Inference parameters."""

    decoding_method: str | None = Field(None, description="watsonx.ai: how tokens are chosen.", examples=["greedy"])
    prompt: str | None = Field(None, description="The prompt of a completion.", examples=["Once upon a time"])
    max_tokens: Annotated[int | None, Number(integer=True), _MAX_TOKENS, USUAL["max_completion_tokens"]] = Field(
        None, description="The most tokens of an answer, as older providers call it.", examples=[4096]
    )
    max_completion_tokens: Annotated[Whole, USUAL["max_completion_tokens"]] = Field(
        None, description="The most tokens of an answer.", examples=[1024]
    )
    temperature: Annotated[Real, USUAL["temperature"]] = Field(
        None, description="Sampling temperature.", examples=[0.2]
    )
    top_p: Annotated[Real, USUAL["top_p"]] = Field(None, description="Nucleus sampling.", examples=[0.95])
    n: Annotated[Whole, USUAL["n"]] = Field(None, description="How many answers are generated.", examples=[1])
    stream: Switch = Field(None, description="Whether the answer comes in pieces.", examples=[False])
    logprobs: Whole = Field(None, description="How many probabilities are answered.", examples=[1])
    top_logprobs: Switch = Field(None, description="Whether those of other tokens are answered.", examples=[False])
    echo: Switch = Field(None, description="Whether the prompt is answered too.", examples=[False])
    stop: Annotated[str | list[str] | None, Texts()] = Field(
        None, description="Text, or texts, at which generation stops.", examples=[["\n\n"]]
    )
    presence_penalty: Annotated[Real, USUAL["presence_penalty"]] = Field(
        None, description="Penalty for tokens that occurred already.", examples=[0]
    )
    frequency_penalty: Annotated[Real, USUAL["frequency_penalty"]] = Field(
        None, description="Penalty by how often a token occurred.", examples=[0]
    )
    best_of: Whole = Field(None, description="How many answers the best is chosen from.", examples=[1])
    logit_bias: dict[str, Any] | None = Field(
        None, description="What is added to the probabilities of tokens.", examples=[{"50256": -100}]
    )
    user: str | None = Field(None, description="Who asks.", examples=["support"])
    context: str | None = Field(None, description="What is known before.", examples=["You are helpful."])
    examples: list[Example] | None = Field(None, description="Examples to learn from.")
    top_k: Whole = Field(None, description="How many of the likeliest tokens are considered.", examples=[40])
    response_format: ResponseFormat | None = Field(None, description="The form of the answer.")
    seed: Whole = Field(None, description="Seed for repeatable sampling.", examples=[7])
    store: Switch = Field(None, description="Whether the provider keeps the answer.", examples=[False])
    metadata: dict[str, Any] | None = Field(None, description="Kept with the answer.", examples=[{"team": "cx"}])
    modalities: list[str] | None = Field(None, description="Forms of the answer.", examples=[["text"]])
    audio: Audio | None = Field(None, description="How spoken answers sound.")
    service_tier: str | None = Field(None, description="The provider's tier.", examples=["default"])
    prediction: Prediction | None = Field(None, description="The answer that is expected.")
    safety_settings: Any = Field(None, description="Google: what is blocked.", examples=[[{"threshold": "NONE"}]])
    anthropic_beta: str | None = Field(None, description="Anthropic: the beta header.", examples=["tools"])
    anthropic_version: str | None = Field(None, description="Anthropic: the API's version.", examples=["2023-06-01"])
    thinking: Thinking | None = Field(None, description="How a model thinks before it answers.")
    space_id: str | None = Field(None, description="watsonx.ai: the space.", examples=["5d0b..."])
    project_id: str | None = Field(None, description="watsonx.ai: the project.", examples=["7f21..."])
    model: str | None = Field(None, description="The provider's model. Newer servers only.", examples=["gpt-4o"])
    reasoning_effort: str | None = Field(
        None, description="How hard a reasoning model thinks. Newer servers only.", examples=["low"]
    )
    parallel_tool_calls: Switch = Field(
        None, description="Whether tools are called side by side. Newer servers only.", examples=[True]
    )
    disable_tool_validation: Switch = Field(
        None, description="Whether calls of tools go unchecked. Newer servers only.", examples=[False]
    )
