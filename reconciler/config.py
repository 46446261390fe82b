"""reconciler.yaml: found, read, checked, and laid over by an environment.

What is checked here is what every registry shares; the settings of each driver are checked where drivers are
known (`registry.configured`). References (`${env:NAME}`) stay as they are: only opening a registry resolves them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reconciler import document, patch
from reconciler.errors import ConfigError, Problem, UsageError
from reconciler.problems import Finding, findings, nearest, place
from reconciler.scalars import Boolean, Name, Number, Scalar, SecretText

FILE: Final = "reconciler.yaml"
STRICT: Final = ConfigDict(defer_build=True, extra="forbid", strict=True, regex_engine="python-re")


class Guards(BaseModel):
    """Limits on what one run may delete, in each registry. Only models count."""

    model_config = STRICT

    max_deletes: Annotated[int | None, Number(minimum=0, integer=True, reference=False)] = Field(
        5, description="More deletions than this stop the run.", examples=[5]
    )
    max_delete_percent: Annotated[float | None, Number(minimum=0, maximum=100, reference=False)] = Field(
        20,
        description="More deletions than this share of what we own stop the run. One single deletion never does.",
        examples=[20],
    )


class RegistryEntry(BaseModel):
    """One registry: the driver, and the settings that the driver takes."""

    model_config = ConfigDict(defer_build=True, extra="allow", strict=True, regex_engine="python-re")

    driver: Annotated[str, Field(min_length=1)] = Field(
        description="What kind of registry this is.", examples=["local"]
    )
    default: Annotated[bool | None, Boolean(reference=False)] = Field(
        False, description="Models without `registries` go here."
    )
    owns: list[str] | None = Field(
        None,
        description="Globs over keys: what is ours in a registry that has no room for a mark.",
        examples=[["support-*"]],
    )


class Config(BaseModel):
    """reconciler.yaml: who we are, where manifests are, and which registries there are."""

    model_config = STRICT

    schema_: Annotated[str | None, Field(alias="$schema")] = Field(
        None, description="The JSON Schema for editors (in JSON files)."
    )
    owner: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="Whose mark is set on what we create. Without it nothing is marked and prune is refused.",
        examples=["platform-team"],
    )
    manifests: list[str] | None = Field(
        None,
        description="Folders, files or globs of manifests, relative to this file. `manifests` if absent.",
        examples=[["manifests"]],
    )
    variables: dict[str, Annotated[str | float | bool, Scalar()]] | None = Field(
        None, description="Values for `${var:NAME}` in manifests.", examples=[{"llm_host": "llm.example.com"}]
    )
    fingerprint_key: SecretText | None = Field(
        None,
        description="A reference to the key with which fingerprints of secrets are made. Without it none are kept.",
        examples=["${env:RECONCILER_FINGERPRINT_KEY}"],
    )
    registries: dict[Name, RegistryEntry] | None = Field(
        None, description="The registries by name.", examples=[{"local": {"driver": "local", "default": True}}]
    )
    guards: Guards | None = Field(None, description="Limits on what one run may delete.")
    environments: dict[Name, dict[str, Any]] | None = Field(
        None,
        description="Patches over all of the above, chosen by `--env`. The owner becomes `<owner>/<environment>`.",
        examples=[{"prod": {"variables": {"llm_host": "llm.prod.example.com"}}}],
    )


@dataclass(frozen=True, slots=True)
class Project:
    """The configuration in force.

    `root` is the folder of reconciler.yaml, or the working directory where there is none (`file` is None then). `owner` has the environment's name
    behind it already. `registries` are the entries as written, patched by the environment. `findings_at` places a problem in the file.
    """

    root: Path
    file: str | None
    environment: str | None
    owner: str | None
    manifests: tuple[str, ...]
    variables: Mapping[str, str]
    fingerprint_key: str | None
    registries: Mapping[str, Mapping[str, Any]]
    max_deletes: int
    max_delete_percent: float
    text: str = field(default="", repr=False)

    def problem(self, finding: Finding) -> Problem:
        """The finding with its place in reconciler.yaml: in the environment's patch where that is what set the value."""
        return _placed(finding, self.text, self.file or FILE, self.environment)


def find(start: Path) -> Path | None:
    """The nearest reconciler.yaml from `start` upward."""
    for folder in (start, *start.parents):
        candidate = folder / FILE
        if os.path.isfile(candidate):  # unlike Path's, false also where a folder above may not be searched
            return candidate
    return None


def load(path: Path | None, *, start: Path, environment: str | None = None) -> Project:
    """The project of the configuration file `path`, or of the one found from `start` upward, or of none.

    Raises ConfigError with every problem at its place, UsageError for an environment that does not exist.
    """
    found = path if path is not None else find(start)
    if found is None:
        if environment is not None:
            raise UsageError(
                f"there is no environment {environment!r}: no {FILE} was found", hint="`reconciler init` writes one"
            )
        return _project(Config(), start, None, None, "")
    shown = _shown(found, start)
    text = document.read_text(found, shown)
    if isinstance(text, Problem):
        raise ConfigError(f"{shown} {text.message}", (text,))
    data = _data(text, shown)
    if environment is not None:
        data = _patched(data, environment, shown)
    config = _checked(data, text, shown, environment)
    return _project(config, found.resolve().parent, shown, environment, text)


def _patched(data: dict[str, Any], environment: str, shown: str) -> dict[str, Any]:
    """The configuration with an environment's patch merged over it. What is no map is found wrong with everything else."""
    known = data.get("environments")
    if not isinstance(known, Mapping) or environment not in known:
        names = sorted(known) if isinstance(known, Mapping) else []
        close = nearest(environment, names)
        there = f"the environments there: {', '.join(names)}" if names else "it has no `environments`"
        raise UsageError(
            f"{shown} has no environment {environment!r}", hint=f"did you mean {close!r}?" if close else there
        )
    over = known[environment]
    return {**patch.merge(data, over), "environments": known} if isinstance(over, Mapping) else data


def _shown(path: Path, start: Path) -> str:
    """The path as people see it: relative to the working directory, with `/`."""
    return os.path.relpath(path.resolve(), start.resolve()).replace(os.sep, "/")


def _data(text: str, shown: str) -> dict[str, Any]:
    loaded = document.load(text, shown)
    if loaded.problems:
        raise ConfigError(f"{shown} cannot be used", loaded.problems, {shown: text.splitlines()})
    if len(loaded.documents) > 1:
        line = loaded.documents[1].line
        raise ConfigError(
            f"{shown} cannot be used", (Problem(shown, line, 1, "one-document", "the configuration is one document"),)
        )
    value = loaded.documents[0].value if loaded.documents else {}
    if not isinstance(value, dict):
        raise ConfigError(
            f"{shown} cannot be used", (Problem(shown, 1, 1, "wrong-type", "the configuration must be a map"),)
        )
    return value


def _checked(data: dict[str, Any], text: str, shown: str, environment: str | None) -> Config:
    found: list[Finding] = []
    config = Config()
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        found = findings(error, data, Config)
    if found:
        problems = tuple(sorted(_placed(finding, text, shown, environment) for finding in found))
        raise ConfigError(f"{shown} cannot be used", problems, {shown: text.splitlines()})
    return config


def _placed(finding: Finding, text: str, shown: str, environment: str | None) -> Problem:
    places = document.places(text, shown)
    if environment is not None:
        patched = f"/environments/{environment}{finding.pointer}"
        if places.value(0, patched) != places.value(0, patched.rpartition("/")[0]):
            return place(
                Finding(finding.rule, finding.message, patched, finding.at_key, finding.suggestion, finding.severity),
                places,
                0,
                shown,
            )
    return place(finding, places, 0, shown)


def _project(config: Config, root: Path, shown: str | None, environment: str | None, text: str) -> Project:
    guards = config.guards or Guards()
    owner = config.owner
    entries = {name: entry.model_dump() for name, entry in (config.registries or {}).items()}
    if shown is None:
        owner, entries = "local", {"local": {"driver": "local", "default": True}}
    return Project(
        root=root.resolve(),
        file=shown,
        environment=environment,
        owner=f"{owner}/{environment}" if owner and environment else owner,
        manifests=tuple(config.manifests if config.manifests is not None else ["manifests"]),
        variables={name: _text(value) for name, value in (config.variables or {}).items()},
        fingerprint_key=config.fingerprint_key,
        registries=entries,
        max_deletes=5 if guards.max_deletes is None else guards.max_deletes,
        max_delete_percent=20 if guards.max_delete_percent is None else guards.max_delete_percent,
        text=text,
    )


def _text(value: str | float | bool) -> str:
    """A variable as text, as YAML would write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
