"""The form of a policy file: the records, from which its JSON Schema is made, too."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.core.schema.types import NOT_BLANK, Name, Pattern

SAID: Final = Pattern(NOT_BLANK, "bad_length", "must not be empty")
Globs = Annotated[list[str], Field(min_length=1)]


class Match(Record):
    """The objects that a policy is about. What is given must all hold; what is absent holds for every object."""

    kinds: Globs | None = Field(
        None,
        description="Globs over kinds: `Model`, or a native kind. Absent: what manifests declare, whatever its kind.",
        examples=[["Model", "nemo/*"]],
    )
    labels: Annotated[dict[str, str], Field(min_length=1)] | None = Field(
        None, description="Globs over the values of labels; `*` for any value.", examples=[{"tier": "prod"}]
    )
    registries: Globs | None = Field(
        None, description="Globs over the names of registries in reconciler.yaml.", examples=[["nemo", "aigo-*"]]
    )
    environments: Globs | None = Field(
        None, description="Globs over the names of environments in reconciler.yaml.", examples=[["prod"]]
    )


class PolicyDocument(Record):
    """A policy: what must hold for each object that it matches, as a JSON Schema or as a CEL expression."""

    schema_file: Annotated[str | None, Field(alias="$schema")] = Field(
        None, description="The JSON Schema for editors (in JSON files)."
    )
    name: Name = Field(
        description="The policy's name: problems bear the rule `policy/<name>`.", examples=["owner-label"]
    )
    message: Annotated[str, SAID] = Field(
        description="What is wrong where it is broken, and what to do.", examples=["every model names its owner"]
    )
    severity: Literal["error", "warning"] | None = Field(
        "error", description="Whether it stops `plan` and `apply`, or only warns.", examples=["warning"]
    )
    match: Match | None = Field(None, description="The objects that it is about; all if absent.")
    json_schema: Annotated[dict[str, Any], Field(min_length=1)] | None = Field(
        None,
        alias="schema",
        description="A JSON Schema (draft 2020-12) for the compiled object. Secrets in it are `(secret)`.",
        examples=[{"required": ["description"]}],
    )
    cel: Annotated[str, SAID] | None = Field(
        None,
        description="A CEL expression that is true where all is well, over `object` (as compiled, secrets as `(secret)`), `manifest`, `registry` and `environment`.",
        examples=["has(manifest.labels) && 'owner' in manifest.labels"],
    )
