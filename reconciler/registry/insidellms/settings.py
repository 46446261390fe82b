"""What an entry in reconciler.yaml may say of a folder of insideLLMs's run configs, and the forms that files share with it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.core.schema.types import END
from reconciler.registry.driver import Pattern
from reconciler.registry.insidellms.arguments import TYPES


class Probe(Record, extra="allow"):
    """What a run asks of a model. insideLLMs knows more members than these."""

    type: Annotated[str, Field(min_length=1)] = Field(
        description="The probe: `insidellms list probes` names them.", examples=["logic"]
    )
    args: dict[str, Any] | None = Field(None, description="Arguments of the probe.", examples=[{"name": "logic"}])


class Dataset(Record, extra="allow"):
    """Where the questions of a run come from. insideLLMs knows more members than these."""

    format: Literal["jsonl", "csv", "hf"] = Field(description="Its form.", examples=["jsonl"])
    path: str | None = Field(
        None, description="Its file (`jsonl`, `csv`), relative to the run config.", examples=["prompts.jsonl"]
    )
    name: str | None = Field(None, description="Its name at Hugging Face (`hf`).", examples=["truthful_qa"])
    split: str | None = Field(None, description="The part of it that is used (`hf`).", examples=["validation"])


TypeName = Annotated[
    str,
    Pattern(
        rf"^(?!(?:{'|'.join(TYPES)}){END})[^\s${{}}]+{END}",
        "bad_name",
        "must be the name of a type that a plugin adds, without spaces, and none of insideLLMs's own",
        200,
    ),
]
ArgumentName = Annotated[
    str,
    Pattern(
        rf"^(?!api_key{END})[A-Za-z_][A-Za-z0-9_]*{END}",
        "bad_name",
        "must be the name of a constructor's argument, and not api_key, which would be written into the file",
        200,
    ),
]
Word = Annotated[Literal["text", "number", "boolean", "any"], Field(description="What the argument takes.")]


class Settings(Record, frozen=True):
    """What an entry may say."""

    types: Annotated[dict[TypeName, dict[ArgumentName, Word] | None] | None, Field(min_length=1)] = Field(
        None,
        description="Types of models that plugins of insideLLMs add (entry points `insidellms.plugins`), each with the arguments of its constructor: "
        "`text`, `number`, `boolean` or `any`.",
        examples=[{"acme/fast": {"model_name": "text", "retries": "number"}}],
    )
    path: str = Field(
        pattern=r"^(?!.*\$\{)[^\x00]+$",  # a reference would quietly become a folder of that name
        description="The folder of run configs, relative to reconciler.yaml. It is made by the first write.",
        examples=["insidellms"],
    )
    probe: Probe | None = Field(
        None,
        description="The probe of every run config that names none, and of the harness. Without one, insideLLMs runs no file.",
        examples=[{"type": "logic"}],
    )
    dataset: Dataset | None = Field(
        None,
        description="The dataset of every run config that names none, and of the harness.",
        examples=[{"format": "jsonl", "path": "prompts.jsonl"}],
    )


def types_of(settings: Settings) -> dict[str, dict[str, str]]:
    """The types of plugins that an entry declares, each with the words of its arguments."""
    return {name: dict(arguments or {}) for name, arguments in (settings.types or {}).items()}


def shared_by(settings: Settings) -> dict[str, Any]:
    """The `probe` and `dataset` that all files of the folder share, as plain data; what is not set is left out."""
    given = {"probe": settings.probe, "dataset": settings.dataset}
    return {name: form.model_dump(exclude_none=True) for name, form in given.items() if form is not None}
