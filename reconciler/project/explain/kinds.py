"""Kinds and the configuration as topics: each with its fields, and each field with all that is declared of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Final, NamedTuple

from reconciler.core import model as core_model
from reconciler.core.document.dump import dump_yaml
from reconciler.core.kind import Kind
from reconciler.core.model import ModelSpec
from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import OPAQUE
from reconciler.core.schema.record import RecordType
from reconciler.core.topic import Topic
from reconciler.manifest.native import NativeKind
from reconciler.project.explain.fields import Form, Place, children, facts, first_paragraph, meaning, members
from reconciler.project.explain.holders import holders
from reconciler.project.registries import native_kinds_of
from reconciler.project.schemas import config_schema, manifest_schema
from reconciler.registry.catalog import DRIVERS
from reconciler.registry.protocol import Driver

CONFIG: Final = "reconciler.yaml"
PORTABLE: Final = {  # the classes of manifests that are no registry's own: their `kind` is one word
    name: found
    for name, found in vars(core_model).items()
    if isinstance(found, type)
    and isinstance(found, RecordType)
    and "kind" in found.model_fields
    and found.model_fields["kind"].annotation is not str
}
_NO_TRAITS: Final = ("model", "title", "name", "portable", "root", "hints", "key_field", "_")  # told in other words
_TRAIT: Final = re.compile(r"`(\w+)`(?:: | says | is | maps )(.*?)(?=\s`\w+`(?:: | says | is | maps )|$)")
_SAMPLE_KEYS: Final = ("example", "openai", "example/v1", "virtual-model/openai/gpt-4o", "virtual-policy/example")


@dataclass(frozen=True)
class Subjects:
    """What has fields: the kinds that manifests may name, and reconciler.yaml, for these drivers."""

    drivers: Mapping[str, Driver]

    @cached_property
    def natives(self) -> Mapping[str, NativeKind]:
        return native_kinds_of(self.drivers.values())

    @cached_property
    def _definitions(self) -> Form:
        found: Form = manifest_schema(self.natives, None)["$defs"]
        return found

    @cached_property
    def _configuration(self) -> Form:
        return config_schema({name: driver.settings for name, driver in self.drivers.items()})

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds by name, portable ones first."""
        return (*PORTABLE, *self.natives)

    @property
    def names(self) -> tuple[str, ...]:
        """What a field's name may begin with."""
        return (*self.kinds, CONFIG)

    def root(self, name: str) -> Place:
        """The place of a kind or of reconciler.yaml, above its fields."""
        if name == CONFIG:
            return Place((), self._settings(), OPAQUE)
        form = self._definitions[name.replace("/", ".")]
        if name in PORTABLE:
            return Place((), form, rules_of(PORTABLE[name]))
        driver, _, kind = name.partition("/")
        return Place((), _present(form), self.drivers[driver].kinds[kind].root)

    def _settings(self) -> Form:
        """reconciler.yaml, where an entry of `registries` is that of each driver: `registries.nemo.workspace`."""
        form = self._configuration
        entries = {name: form["$defs"][f"registry.{name}"] for name in self.drivers}
        registries = {**form["properties"]["registries"], "properties": entries, "additionalProperties": False}
        return {**form, "properties": {**form["properties"], "registries": registries}}

    def topic(self, name: str, place: Place) -> Topic:
        """What is to be told of a kind (a place without a path), or of a field of it."""
        if place.path:
            return self._field(name, place)
        if name == CONFIG:
            said = "The configuration of a project, found from the working directory upward."
            return Topic(CONFIG, "configuration", said, page=self._page(name), members=members(place))
        kind = self._kind(name)
        said = first_paragraph((PORTABLE[name] if kind is None else kind.model).__doc__ or "")
        notes = () if kind is None else tuple(_in_words(kind))
        example = _example(name, place, kind)
        page = self._page(name)
        return Topic(name, "kind", said, page=page, members=members(place), notes=notes, example=example)

    def _field(self, name: str, place: Place) -> Topic:
        found = facts(place, manifest=name != CONFIG)
        if name in PORTABLE:
            found = replace(found, holders=holders(place, self.drivers) if _goes_to_registries(place) else ())
        return Topic(
            f"{name}{':' if name == CONFIG else '.'}{place.name}",
            "setting" if name == CONFIG else "field",
            meaning(place.form, place.node),
            page=self._page(name, place),
            field=found,
            members=members(place),
        )

    def _kind(self, name: str) -> Kind | None:
        driver, _, kind = name.partition("/")
        return self.drivers[driver].kinds[kind] if kind else None

    def _page(self, name: str, place: Place | None = None) -> str:
        parts = place.path if place is not None else ()
        known = parts[: parts.index("*")] if "*" in parts else parts  # any member of a map has no entry of its own
        anchor = f"#{'.'.join(known)}" if known else ""
        if name == CONFIG:
            return f"reference/configuration.html{anchor}"
        driver, _, kind = name.partition("/")
        if not kind:
            return f"reference/manifest.html{anchor}"
        return f"reference/kinds/{driver}.html#{driver}{kind.lower()}" if driver in DRIVERS else ""


def _present(form: Form) -> Form:
    """The schema of a native document that is not `state: absent`: with all that is required then."""
    required = [name for rule in form.get("allOf", ()) for name in rule.get("else", {}).get("required", ())]
    return {**form, "required": [*form["required"], *required]}


class Trait(NamedTuple):
    """How a registry treats objects of a kind, where that differs from most kinds: in the words of `Kind`."""

    name: str
    value: Any
    meaning: str


def traits(kind: Kind) -> Iterator[Trait]:
    """Each trait of a kind that differs from its default."""
    told = dict(_TRAIT.findall(" ".join((Kind.__doc__ or "").split())))
    for field in fields(Kind):
        value = getattr(kind, field.name)
        if field.name in _NO_TRAITS or value == field.default or callable(value):
            continue
        yield Trait(field.name, value, told.get(field.name, "").rstrip(" :"))


def _in_words(kind: Kind) -> Iterator[str]:
    """The traits as sentences."""
    for trait in traits(kind):
        if trait.name == "key_rules":
            yield f"Said of a key that is refused: {'; '.join(rule.refusal for rule in trait.value)}."
        elif isinstance(trait.value, bool):
            yield f"`{trait.name}`: {'yes' if trait.value else 'no'} ({trait.meaning.rstrip('.')})"
        else:
            shown = ", ".join(sorted(trait.value)) if isinstance(trait.value, frozenset) else str(trait.value)
            yield f"`{trait.name}`: {shown} ({trait.meaning.rstrip('.')})"


def _goes_to_registries(place: Place) -> bool:
    """True for a field that says what the model is, not how it is managed."""
    return place.path[0] in ModelSpec.model_fields


def _example(name: str, root: Place, kind: Kind | None) -> str:
    """A manifest as short as can be; nothing where no key of ours is one there."""
    if kind is None:
        where = {"url": "https://llm.example.com/v1", "model": "gpt-oss-120b", "api_key": "${env:LLM_KEY}"}
        return dump_yaml({"kind": name, "key": "support-chat", "endpoint": where})
    key = next((key for key in _SAMPLE_KEYS if kind.check_key(key) is None), None)
    return "" if key is None else dump_yaml({"kind": name, "key": key, **_required(root)})


def _required(place: Place) -> dict[str, Any]:
    """The required members of a place, each with an example."""
    return {
        one.path[-1]: _sample(one) for one in children(place) if one.required and one.path not in (("kind",), ("key",))
    }


def _sample(place: Place) -> Any:
    if place.form.get("examples"):
        return place.form["examples"][0]
    if place.form.get("type") == "array":
        return [_required(one) for one in children(place)]
    return _required(place)
