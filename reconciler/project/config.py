"""Load reconciler.yaml: find it, validate it, merge an environment's patch over it.

What is checked here is what every registry shares; the settings of each driver are checked where drivers are
known (`registry.configured`). References (`${env:NAME}`) stay as they are: only opening a registry resolves them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

from reconciler.core import document
from reconciler.core import merge_patch as patch
from reconciler.core import pointer as pointers
from reconciler.core.destinations import Allowed
from reconciler.core.document import Places
from reconciler.core.errors import ConfigError, Problem, UnknownEnvironmentError
from reconciler.core.schema.fields import Field
from reconciler.core.schema.findings import Finding, did_you_mean, formed, place
from reconciler.core.schema.record import Record, attempt
from reconciler.core.schema.types import (
    END,
    Boolean,
    Checked,
    Duration,
    ExcludeGlob,
    HostPattern,
    Mistake,
    Name,
    Number,
    Pattern,
    Scalar,
    SecretText,
    VariableGlob,
)
from reconciler.core.schema.unions import TextOrMap
from reconciler.core.secret_commands import SHELL, is_command, wrong_command
from reconciler.manifest.exclude import Exclusion
from reconciler.manifest.references import command_findings
from reconciler.planner.guards import DEFAULTS, Limits
from reconciler.project.config_file import FILE, find, other_than_configuration, relative
from reconciler.project.manifest_paths import ManifestsEntry, exclusions, sources_of

# `t/dev` would bear the same marks as `t` with `--env dev`, and each would prune what the other declares
OWNER: Final = r"^[^/]+" + END


class Guards(Record):
    """Limits on what one run may delete, in each registry. Only models count."""

    max_deletes: Annotated[int | None, Number(minimum=0, integer=True, reference=False)] = Field(
        DEFAULTS.max_deletes, description="More deletions than this stop the run.", examples=[5]
    )
    max_delete_percent: Annotated[float | None, Number(minimum=0, maximum=100, reference=False)] = Field(
        DEFAULTS.max_delete_percent,
        description="More deletions than this share of what we own stop the run. One single deletion never does.",
        examples=[20],
    )
    allow_trust_remote_code: Annotated[bool | None, Boolean(reference=False)] = Field(
        False,
        description="Whether a model may be told to run the code that comes with its checkpoint (`trust_remote_code`).",
        examples=[False],
    )


class Plans(Record):
    """Saved plans."""

    expire: Duration | None = Field(
        "7d", description="How long after it was saved a plan may be applied.", examples=["24h"]
    )


class SecretBounds(Record):
    """The hosts that secrets may be sent to."""

    allow: dict[VariableGlob, list[HostPattern]] | None = Field(
        None,
        description="The hosts to which a variable may be sent, by globs over the names of variables. If present, one that no glob matches "
        "goes nowhere but to the registry whose entry names it.",
        examples=[{"OPENAI_*": ["api.openai.com", "*.example.com"]}],
    )


class SecretCommand(Checked):
    """The type of a secret command: a program and its arguments, one of which holds {name}."""

    def form(self) -> dict[str, Any]:
        def holds(pattern: str) -> dict[str, Any]:
            return {"type": "string", "pattern": pattern}

        return {
            "type": "array",
            "items": holds(r"^[^\x00]*" + END),
            "minItems": 2,
            "prefixItems": [holds(r"^(?![\s\S]*\{name\})[^\x00]+" + END)],
            "contains": holds(r"\{name\}"),
            "if": {"prefixItems": [holds(SHELL)]},
            "then": {"items": holds(r"^(?:\{name\}" + END + r"|(?![\s\S]*\{name\}))")},
        }

    def check(self, value: Any) -> Any:
        if not isinstance(value, list):
            raise Mistake("wrong_type", "must be {expected}", {"expected": "a list"})
        wrong = [place for place, word in enumerate(value) if not isinstance(word, str) or "\0" in word]
        if wrong:
            raise Mistake("wrong_items", "items must be strings without NUL", {"places": wrong})
        message = wrong_command(value)
        if message is not None:
            raise Mistake("bad_command", "{message}", {"message": message})
        return value


class RegistryEntry(Record, extra="allow"):
    """One registry: the driver, and the settings that the driver takes."""

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


class Config(Record):
    """reconciler.yaml: who we are, where manifests are, and which registries there are."""

    schema_: Annotated[str | None, Field(alias="$schema")] = Field(
        None, description="The JSON Schema for editors (in JSON files)."
    )
    owner: (
        Annotated[str, Pattern(OWNER, "bad_owner", "must not be empty or hold '/': <owner>/<name> is an environment's")]
        | None
    ) = Field(
        None,
        description="Whose mark is set on what we create. Without it nothing is marked and prune is refused.",
        examples=["platform-team"],
    )
    manifests: list[Annotated[str | ManifestsEntry, TextOrMap(str, ManifestsEntry)]] | None = Field(
        None,
        description="Folders, files or globs of manifests, relative to this file. `manifests` if absent.",
        examples=[["manifests"]],
    )
    exclude: list[ExcludeGlob] | None = Field(
        None,
        description="Globs of files and folders that are not read as manifests, relative to this file. One without a slash matches in any folder.",
        examples=[["charts", "**/values.yaml"]],
    )
    policies: list[str] | None = Field(
        None,
        description="Folders, files or globs of policies, relative to this file. If absent, the folder `policies`, where there is one.",
        examples=[["policies"]],
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
        None,
        description="The registries by name. If absent, there is one: `local`, of the driver `local`.",
        examples=[{"local": {"driver": "local", "default": True}}],
    )
    guards: Guards | None = Field(None, description="Limits on what one run may delete.")
    plans: Plans | None = Field(None, description="Saved plans: how long they may be applied.")
    secrets: SecretBounds | None = Field(
        None, description="Which variable of the environment may be sent to which host."
    )
    secret_commands: dict[Name, Annotated[list[str], SecretCommand()]] | None = Field(
        None,
        description="Programs that print a secret each, as lists without a shell. `${cmd:NAME/REST}` in a secret field runs NAME, with REST in the "
        "place of `{name}`.",
        examples=[{"vault": ["vault", "kv", "get", "-field=value", "secret/models/{name}"]}],
    )
    environments: dict[Name, dict[str, Any]] | None = Field(
        None,
        description="Patches over all of the above, chosen by `--env`. The owner becomes `<owner>/<environment>`.",
        examples=[{"prod": {"variables": {"llm_host": "llm.prod.example.com"}}}],
    )


@dataclass(frozen=True, slots=True)
class Project:
    """The configuration in force.

    `root` is the folder of reconciler.yaml, or the working directory where there is none (`file` is None then). `owner`
    has the environment's name behind it already. `registries` are the entries as written, patched by the environment.
    `environments` are the same file's projects under each environment, by name; `base` is that without any, where it is
    valid.
    """

    root: Path
    file: str | None
    environment: str | None
    owner: str | None
    manifests: tuple[str, ...]  # paths, relative to the root
    variables: Mapping[str, str]
    fingerprint_key: str | None
    registries: Mapping[str, Mapping[str, Any]]
    limits: Limits = DEFAULTS
    names_manifests: bool = True  # whether the file says where they are
    excludes: tuple[tuple[Exclusion, ...], ...] = ()  # of each path in `manifests`, the globs of what is not read there
    plan_expiry: timedelta = timedelta(days=7)
    policies: tuple[str, ...] | None = None  # where policies are; None where the configuration does not say
    every_environment: tuple[str, ...] = ()  # the names in the file, whichever is in force
    every_registry: tuple[str, ...] = ()  # the names of those of any environment
    secrets: Allowed | None = None  # which variable may be sent where; None where nothing bounds that
    secret_commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    text: str = field(default="", repr=False)
    environments: Mapping[str, Project] = field(default_factory=dict, repr=False)
    base: Project | None = field(default=None, repr=False)

    def problems(self, found: Iterable[Finding]) -> tuple[Problem, ...]:
        """The findings as problems in reconciler.yaml, sorted; in the environment's patch where that set the value."""
        findings = tuple(found)
        if not findings:
            return ()
        file = self.file or FILE
        places = document.places(self.text, file)  # reads the text once more, so once for all of them
        return tuple(sorted(_locate(finding, places, file, self.environment) for finding in findings))

    def place(self, pointer: str, *, at_key: bool = False) -> str:
        """`file:line:column` of what a pointer leads to; "" without a file."""
        if self.file is None:
            return ""
        (one,) = self.problems([Finding("", "", pointer, at_key)])
        return f"{one.file}:{one.line}:{one.column}"


def load(path: Path | None, *, start: Path, environment: str | None = None) -> Project:
    """The project of the configuration file `path`, or of the one found from `start` upward, or of none.

    Raises ConfigError with every problem at its place, UnknownEnvironmentError for an environment that does not exist.
    """
    found = path if path is not None else find(start)
    if found is None:
        if environment is not None:
            raise UnknownEnvironmentError(
                f"there is no environment {environment!r}: no {FILE} was found", hint="`reconciler init` writes one"
            )
        return _build_project(Config(), start, None, None, "")
    text, shown = _read(found, start)
    data = _data(text, shown)
    if environment is not None:
        _check_exists(data, environment, shown)
    checked, problems = _validate_environments(data, environment, text, shown)
    if problems:
        raise ConfigError(f"{shown} cannot be used", tuple(sorted(problems)), {shown: document.lines_of(text)})
    root = Path(os.path.realpath(found)).parent
    projects = {name: _build_project(config, root, shown, name, text) for name, config in checked.items()}
    environments = tuple(sorted(name for name in projects if name is not None))
    registries = tuple(sorted({entry for project in projects.values() for entry in project.registries}))
    projects = {
        name: replace(project, every_environment=environments, every_registry=registries)
        for name, project in projects.items()
    }
    others = {name: projects[name] for name in projects if name is not None}
    return replace(projects[environment], environments=others, base=projects.get(None))


def _read(path: Path, start: Path) -> tuple[str, str]:
    """The file's text, and its name as people see it: relative to the working directory, with `/`."""
    shown = relative(os.path.realpath(path), start)
    text = document.read_text(path, shown)
    if isinstance(text, Problem):
        given = relative(os.path.abspath(path), start)  # not where a link leads that leads nowhere
        dangling = os.path.islink(path) and not os.path.lexists(os.path.realpath(path))
        why = "cannot be read: it is a link to a file that is not there" if dangling else text.message
        raise ConfigError(f"{given} {why}", (text._replace(file=given, message=why),))
    return text, shown


def _check_exists(data: Mapping[str, Any], environment: str, shown: str) -> None:
    known = data.get("environments")
    if not isinstance(known, Mapping) or environment not in known:
        names = sorted(known) if isinstance(known, Mapping) else []
        there = f"the environments there: {', '.join(names)}" if names else "it has no `environments`"
        raise UnknownEnvironmentError(
            f"{shown} has no environment {environment!r}", hint=did_you_mean(environment, names, there)
        )


def _data(text: str, shown: str) -> dict[str, Any]:
    loaded = document.load(text, shown)
    if loaded.problems:
        raise ConfigError(f"{shown} cannot be used", loaded.problems, {shown: document.lines_of(text)})
    for item in loaded.documents:
        if (found := other_than_configuration(item.value, Config.model_fields, shown)) is not None:
            problem = place(found, document.places(text, shown), item.index, shown)
            raise ConfigError(f"{shown} cannot be used", (problem,), {shown: document.lines_of(text)})
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


def _validate_environments(
    data: dict[str, Any], environment: str | None, text: str, shown: str
) -> tuple[dict[str | None, Config], set[Problem]]:
    """Validate the configuration in force and that of every environment, by name; None is without any."""
    known = data.get("environments")
    named = known if isinstance(known, Mapping) else {}
    patches = {name: over for name, over in named.items() if isinstance(over, Mapping)}
    found: dict[str | None, list[Finding]] = {name: _unknown(over) for name, over in patches.items()}
    layers: dict[str | None, dict[str, Any]] = {name: _merge_environment(data, over) for name, over in patches.items()}
    if environment not in layers:  # without an environment; or in one that is no map, which is found wrong here
        layers = {environment: data, **layers}
    configs: dict[str | None, Config] = {}
    for name, layer in layers.items():
        config, wrong = formed(Config, layer)
        if config is None:
            found[name] = [*found.get(name, ()), *wrong]
            continue
        configs[name] = config
        found[name] = [*found.get(name, ()), *_commands_named(layer, config)]
    if environment is not None:
        base, _ = attempt(Config, data)  # what is wrong without an environment is no concern of this one
        if base is not None:
            configs[None] = base
    if not any(found.values()):
        return configs, set()
    places = document.places(text, shown)
    return configs, {_locate(item, places, shown, name) for name, items in found.items() for item in items}


def _commands_named(layer: Mapping[str, Any], config: Config) -> Iterator[Finding]:
    """Find references to secret commands that are none, or of a wrong form, in what a configuration says of itself and its registries."""
    known = config.secret_commands or {}
    for pointer, text in pointers.texts_in({name: layer.get(name) for name in ("fingerprint_key", "registries")}):
        if "${cmd:" not in text:
            continue
        whole = is_command(text) and text.endswith("}") and text.count("{") == 1
        if whole:
            yield from command_findings(text, pointer, known)
        else:
            message = "a reference to a command is the whole value of a secret field, with nothing around it"
            yield Finding("bad-reference", message, pointer)


def _unknown(over: Mapping[str, Any]) -> list[Finding]:
    """Find fields of an environment that belong outside of it: merging would not show them."""
    return [
        Finding("unknown-field", f"unknown field {name!r} in an environment", f"/{name}", at_key=True)
        for name in ("environments", "$schema")
        if name in over
    ]


def _merge_environment(data: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge an environment's patch over the configuration.

    A field whose null removes nothing stays, as null, which means absent: so a misspelt one is found.
    """
    merged: dict[str, Any] = patch.merge(data, {name: value for name, value in over.items() if name != "environments"})
    nulls = {name: None for name, value in over.items() if value is None and name not in data}
    merged = {**nulls, **merged}
    if "guards" in merged:
        merged["guards"] = _with_nulls(merged["guards"], data.get("guards"), over.get("guards"))
    before, patched, entries = data.get("registries"), over.get("registries"), merged.get("registries")
    if isinstance(patched, Mapping) and isinstance(entries, Mapping):
        there = before if isinstance(before, Mapping) else {}
        merged["registries"] = {
            name: _with_nulls(entry, there.get(name), patched.get(name)) for name, entry in entries.items()
        }
    return merged


def _with_nulls(merged: Any, before: Any, over: Any) -> Any:
    """The merged map with the nulls of `over` that had nothing to remove."""
    if not isinstance(merged, Mapping) or not isinstance(over, Mapping):
        return merged
    there = before if isinstance(before, Mapping) else {}
    return {**{name: None for name, value in over.items() if value is None and name not in there}, **merged}


def _locate(finding: Finding, places: Places, shown: str, environment: str | None) -> Problem:
    """The finding at its place: in the environment's patch where it has one there."""
    if environment is not None:
        patched = f"{pointers.join(('environments', environment))}{finding.pointer}"
        if places.value(0, patched) != places.value(0, patched.rpartition("/")[0]):
            return place(finding._replace(pointer=patched), places, 0, shown)
    return place(finding, places, 0, shown)


def _build_project(config: Config, root: Path, shown: str | None, environment: str | None, text: str) -> Project:
    owner = config.owner if shown is not None else "local"
    entries = {name: entry.model_dump() for name, entry in (config.registries or {}).items()}
    if config.registries is None:
        entries = {"local": {"driver": "local", "default": True}}
    root = Path(os.path.realpath(root))
    sources = sources_of(config.manifests)
    return Project(
        root=root,
        file=shown,
        environment=environment,
        owner=f"{owner}/{environment}" if owner and environment else owner,
        manifests=tuple(entry.path for entry in sources),
        names_manifests=config.manifests is not None,
        excludes=tuple(exclusions(config.exclude or (), sources, root)),
        variables={name: _text(value) for name, value in (config.variables or {}).items()},
        fingerprint_key=config.fingerprint_key,
        registries=entries,
        limits=_limits(config.guards or Guards()),
        policies=tuple(config.policies) if config.policies is not None else None,
        plan_expiry=_duration((config.plans and config.plans.expire) or "7d"),
        secrets=_allowed(config.secrets),
        secret_commands={name: tuple(words) for name, words in (config.secret_commands or {}).items()},
        text=text,
    )


def _limits(guards: Guards) -> Limits:
    """The guards' limits; null equals absent."""
    return Limits(
        DEFAULTS.max_deletes if guards.max_deletes is None else guards.max_deletes,
        DEFAULTS.max_delete_percent if guards.max_delete_percent is None else guards.max_delete_percent,
        frozenset({"allow_trust_remote_code"} if guards.allow_trust_remote_code else ()),
    )


def _duration(text: str) -> timedelta:
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    return timedelta(**{units[text[-1]]: int(text[:-1])})


def _allowed(bounds: SecretBounds | None) -> Allowed | None:
    if bounds is None or bounds.allow is None:
        return None
    return Allowed({glob: tuple(hosts) for glob, hosts in bounds.allow.items()})


def _text(value: str | float | bool) -> str:
    """A variable as text, as YAML would write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
