"""The one native kind of insideLLMs: a run config, member by member as its file has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, Literal, get_args

from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Extra, Record, derived
from reconciler.core.schema.types import END, KEY
from reconciler.core.schema.unions import Variants
from reconciler.registry.driver import (
    USUAL,
    Boolean,
    Constraint,
    Default,
    KeyRule,
    Kind,
    Normalized,
    Number,
    ServerDefault,
    Texts,
)
from reconciler.registry.insidellms.arguments import ARGUMENTS, OPEN, Argument, Types, declared_arguments
from reconciler.registry.insidellms.credentials import refuses_credentials
from reconciler.registry.insidellms.settings import Dataset, Probe

HARNESS: Final = "harness"  # the key that no model may have: harness.yaml is the harness
LONGEST_KEY: Final = 250  # with `.yaml`, the 255 bytes that file systems take

_PLUGINS: Final = "; a plugin's type is declared under `types` of the registry in reconciler.yaml"
_EVERY_TYPE: Final = "every type"

_NO_CREDENTIALS: Final = Constraint(refuses_credentials, "insideLLMs copies its files into the artifacts of each run")

Pipeline = Annotated[
    dict[str, Any] | None,
    _NO_CREDENTIALS,
    Field(
        description="What a request passes on its way: `middlewares`, each a name or `{type, args}`.",
        examples=[{"middlewares": ["retry"]}],
    ),
]


def _arguments(name: str, arguments: Mapping[str, Argument], *, insists: bool) -> Any:
    """The class of a constructor's arguments; without `insists` none is required."""
    fields: dict[str, Any] = {}
    for argument, said in arguments.items():
        if said.required and insists:
            fields[argument] = (said.type, Field(description=said.description, examples=[said.example]))
        else:
            info = Field(None, description=said.description, examples=[said.example])
            fields[argument] = (said.type | None, info)
    extra: Extra = "allow" if name in (*OPEN, _EVERY_TYPE) else "forbid"
    return derived(f"Arguments of {name}", (Record,), fields, doc=f"Arguments of `{name}`.", extra=extra)


def _variant(name: str, arguments: Mapping[str, Argument]) -> Any:
    """The class of a model of one type."""
    insists = any(said.required for said in arguments.values())
    form = _arguments(name, arguments, insists=True)
    about = "What its constructor is given."
    fields: dict[str, Any] = {
        "type": (Literal[name], Field(description="The type of model.")),
        "args": (form, Field(description=about)) if insists else (form | None, Field(None, description=about)),
        "pipeline": (Pipeline, None),
    }
    return derived(f"Model of type {name}", (Record,), fields, doc=f"A model of type `{name}`.")


_EVERY: Final = {name: said for arguments in reversed(tuple(ARGUMENTS.values())) for name, said in arguments.items()}
_AnyArguments: Final[Any] = _arguments(_EVERY_TYPE, _EVERY, insists=False)


class AnyModel(Record):
    """A model of any type: what holds for its members, whatever the type."""

    type: str
    args: Annotated[_AnyArguments | None, _NO_CREDENTIALS] = None
    pipeline: Pipeline = None


def _by_type(arguments: Mapping[str, Mapping[str, Argument]]) -> Variants:
    return Variants("type", {name: _variant(name, said) for name, said in arguments.items()}, "openai", more=_PLUGINS)


BY_TYPE: Final = _by_type(ARGUMENTS)


class Generation(Record, extra="allow"):
    """What each request says beside the question. Types take more than these."""

    temperature: Annotated[float | None, Number(minimum=0), USUAL["temperature"]] = Field(
        None, description="Sampling temperature. 0 is the most predictable.", examples=[0.2]
    )
    top_p: Annotated[float | None, Number(minimum=0, maximum=1), USUAL["top_p"]] = Field(
        None, description="Nucleus sampling: the share of probability that is considered.", examples=[0.95]
    )
    top_k: Annotated[int | None, Number(minimum=-1, integer=True), USUAL["top_k"]] = Field(
        None, description="How many of the likeliest tokens are considered.", examples=[40]
    )
    max_tokens: Annotated[int | None, Number(minimum=1, integer=True), USUAL["max_completion_tokens"]] = Field(
        None, description="The most tokens of an answer.", examples=[1024]
    )
    max_completion_tokens: Annotated[int | None, Number(minimum=1, integer=True), USUAL["max_completion_tokens"]] = (
        Field(None, description="The same, as newer models of OpenAI call it.", examples=[1024])
    )
    stop: Annotated[str | list[str] | None, Texts()] = Field(
        None, description="Text, or texts, at which generation stops.", examples=[["\n\n"]]
    )
    seed: Annotated[int | None, Number(integer=True)] = Field(
        None, description="Seed for repeatable sampling.", examples=[7]
    )


def _or_absent(value: Any) -> Any:
    return value or None


class Model(Record):
    """A run config of insideLLMs: one model, and what a run asks of it."""

    model: Annotated[AnyModel, BY_TYPE] = Field(
        description="The model: its type, and what its constructor is given.",
        examples=[{"type": "openai", "args": {"model_name": "gpt-4o-mini"}}],
    )
    probe: Annotated[Probe | None, ServerDefault("without one, what stands in the file stays"), _NO_CREDENTIALS] = (
        Field(None, description="What a run asks of the model. That of reconciler.yaml if absent.")
    )
    dataset: Annotated[Dataset | None, ServerDefault("without one, what stands in the file stays"), _NO_CREDENTIALS] = (
        Field(None, description="Where the questions come from. That of reconciler.yaml if absent.")
    )
    generation: Annotated[
        Generation | None, Normalized(_or_absent, "an empty map is as good as none"), _NO_CREDENTIALS
    ] = Field(None, description="What each request says beside the question.")
    harness: Annotated[bool | None, Boolean(), Default(True, "the harness is over all models")] = Field(
        None, description="Whether harness.yaml lists the model. True if absent.", examples=[True]
    )


_ANY_CASE: Final = "".join(f"[{letter.upper()}{letter}]" for letter in HARNESS)
_KEY_RULES: Final = (
    KeyRule(rf"^[\s\S]{{0,{LONGEST_KEY}}}{END}", f"it has more than {LONGEST_KEY} characters"),
    KeyRule(KEY, "it must begin with a letter or digit and hold only letters, digits, '.', '_' and '-'"),
    KeyRule(rf"^(?!{_ANY_CASE}{END})", "harness.yaml is the harness over all models"),
)


def is_key(name: str) -> bool:
    """Whether a model may have that key: what other names a file may have is nobody's."""
    return KINDS["Model"].check_key(name) is None


HINTS: Final = {
    "/name": "the file is named by `key`; what reports call the model is `model.args.name`",
    "/model/args/api_key": "api_key_env",
    **{f"/model/args/{name}": f"generation.{name}" for name in Generation.model_fields},
    "/probe_kwargs": "generation",
    "/run_kwargs": "generation",
    "/models": "one manifest for each model: `reconciler import FILE` reads a harness",
}
KINDS: Final[Mapping[str, Kind]] = {
    "Model": Kind(
        Model,
        "insideLLMs run config",
        key_rules=_KEY_RULES,
        unique_ids=False,
        revision_is_etag=True,
        protect_drifted=True,
        hints=HINTS,
    )
}


def kinds_with(types: Types) -> Mapping[str, Kind]:
    """The kinds where a model may also be of one of these types, which a plugin of insideLLMs adds."""
    if not types:
        return KINDS
    added = declared_arguments(types)
    described = Model.model_fields["model"]
    field = Field(description=described.description, examples=described.examples)
    whole: Any = Annotated[_any_model(added), _by_type({**ARGUMENTS, **added})]
    form = derived("Model", (Model,), {"model": (whole, field)}, doc=Model.__doc__)
    return {"Model": replace(KINDS["Model"], model=form)}


def _any_model(added: Mapping[str, Mapping[str, Argument]]) -> Any:
    """A model of any type, these among them: what two types call alike may be of any form, and keeps its rules."""
    every = dict(_EVERY)
    for name, said in ((name, said) for arguments in added.values() for name, said in arguments.items()):
        if every.setdefault(name, said).type != said.type:
            rules = [rule for rule in get_args(every[name].type)[1:] if isinstance(rule, Constraint)]
            every[name] = said._replace(type=Annotated[Any, *rules] if rules else Any)
    form: Any = _arguments(_EVERY_TYPE, every, insists=False)
    args: Any = Annotated[form | None, _NO_CREDENTIALS]
    return derived("AnyModel", (AnyModel,), {"args": (args, None)}, doc=AnyModel.__doc__)
