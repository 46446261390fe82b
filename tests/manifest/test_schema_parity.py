"""What an editor underlines is what `validate` reports: the schemas and the checks accept the same documents."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, Final

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from manifest.schema_documents import (
    ANYTHING,
    DRIVERS,
    NATIVES,
    ODD,
    SERVICE,
    WHOLE_CONFIG,
    WHOLE_MODEL,
    WHOLE_SERVICE,
    WHOLE_TEMPLATE,
    Service,
    Strategy,
    accidents,
    broken,
    document,
    nulled,
    sketch,
)
from pydantic import BaseModel, ValidationError

from reconciler.core import merge_patch as patch
from reconciler.core.model import Model, Template
from reconciler.core.schema.form import form_of
from reconciler.manifest.model_check import PORTABLE, check_model, check_part, is_part
from reconciler.manifest.native import check_native, document_model
from reconciler.project.config import Config, RegistryEntry
from reconciler.project.schemas import RegistryShape, config_schema, manifest_schema

MORE: Final = int(os.environ.get("PARITY_TIMES", "1"))  # 20 makes it 50,000 documents
MANIFESTS: Final = Draft202012Validator(manifest_schema(NATIVES, None))
OVERRIDES: Final = Draft202012Validator(manifest_schema({}, {"web": RegistryShape("web", Service)}))
CONFIGS: Final = Draft202012Validator(config_schema(DRIVERS))
MODELS: Final = document(Model)
TEMPLATES: Final = document(Template)
EXTENDING: Final = MODELS.map(lambda data: data | {"extends": "gateway"})
SERVICES: Final = document(document_model(SERVICE))
ENTRY: Final = tuple(RegistryEntry.model_fields)


def thorough(examples: int) -> settings:
    """So many documents, without a deadline: two cores are shared."""
    return settings(max_examples=examples * MORE, deadline=None, suppress_health_check=list(HealthCheck))


def manifest_is_right(data: Any) -> bool:
    """Whether `validate` finds nothing wrong with the form of one document."""
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind in PORTABLE:
        return not (check_part(data) if is_part(data) else check_model(data)[1])
    return isinstance(kind, str) and kind in NATIVES and not check_native(NATIVES[kind], data)[1]


def fits(model: type[BaseModel], data: Any) -> bool:
    """Whether the model takes the data."""
    try:
        model.model_validate(data)
    except ValidationError:
        return False
    return True


def config_is_right(data: Any) -> bool:
    """Whether a configuration is right without its environments."""
    if not fits(Config, data):
        return False
    return all(entry_is_right(entry) for entry in (data.get("registries") or {}).values())


def entry_is_right(entry: dict[str, Any]) -> bool:
    """Whether the driver takes its settings. Null equals absent, but a name that is unknown stays unknown."""
    model = DRIVERS.get(entry["driver"])
    if model is None:
        return False
    known = model.model_fields
    return fits(
        model,
        {
            name: value
            for name, value in entry.items()
            if name not in ENTRY and (value is not None or name not in known)
        },
    )


def configs() -> Strategy:
    """Right configurations: entries of both drivers beside what every configuration may say."""

    common = st.fixed_dictionaries({}, optional={"default": st.sampled_from((True, None)), "owns": st.just(["a*"])})
    entries = [
        st.tuples(st.just({"driver": driver}), document(model), common).map(merged) for driver, model in DRIVERS.items()
    ]
    registries = st.dictionaries(st.sampled_from(("a", "b")), st.one_of(entries), max_size=2)
    only = st.fixed_dictionaries({"registries": registries, "environments": st.none()})
    return st.tuples(document(Config), only).map(merged)


def merged(parts: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """One map of several; later ones win."""
    return {name: value for part in parts for name, value in part.items()}


def disagreements(validator: Any, judge: Callable[[Any], bool], documents: Iterable[Any]) -> list[Any]:
    """The documents of which the schema says one thing and the check another."""
    return [data for data in documents if validator.is_valid(data) != judge(data)]


def unused(form: dict[str, Any], value: Any) -> list[str]:
    """The fields of a schema that a document does not use, as dotted paths."""
    if isinstance(value, list):
        value = value[0] if value else {}
        form = form.get("items", {})
    if not isinstance(value, dict):
        return []
    members = form.get("properties", {})
    missing = [name for name in members if name not in value]
    return missing + [
        f"{name}.{path}" for name in members if name in value for path in unused(members[name], value[name])
    ]


def test_the_whole_documents_use_every_field() -> None:
    """A field that is added to a model takes part in these tests, or this one fails."""
    assert unused(form_of(Model), WHOLE_MODEL) == []
    assert unused(form_of(Template), WHOLE_TEMPLATE) == []
    assert unused(form_of(document_model(SERVICE)), WHOLE_SERVICE) == []
    assert unused(form_of(Config), WHOLE_CONFIG) == ["environments"]


def test_every_accident_in_a_model_is_judged_alike() -> None:
    """Every odd value in every field of a Model, every field missing and misspelt: both agree."""
    assert disagreements(MANIFESTS, manifest_is_right, accidents(WHOLE_MODEL, ("kind", "key"))) == []


def test_every_accident_in_a_part_of_a_model_is_judged_alike() -> None:
    """The same for a template, and for a Model that extends one: what is missing may be inherited."""
    extending = WHOLE_MODEL | {"extends": ["gateway"]}
    assert disagreements(MANIFESTS, manifest_is_right, accidents(WHOLE_TEMPLATE, ("kind", "key"))) == []
    assert disagreements(MANIFESTS, manifest_is_right, accidents(extending, ("kind", "key", "extends"))) == []


def test_every_accident_in_a_native_document_is_judged_alike() -> None:
    """Every odd value in every field of a native document, every field missing and misspelt: both agree."""
    needed = ("kind", "key", "size", "mode")
    assert disagreements(MANIFESTS, manifest_is_right, accidents(WHOLE_SERVICE, needed)) == []


def test_every_accident_in_a_deletion_is_judged_alike() -> None:
    """The same for a document that only deletes: what is not required may be wrong all the same."""
    own: dict[str, Any] = {"key": "a", "state": "absent", "protected": False}
    for data in ({"kind": SERVICE.name, **own, "size": 1}, {"kind": "Model", **own, "limits": {}}):
        assert disagreements(MANIFESTS, manifest_is_right, accidents(data, ("kind", "key", "state"))) == []


def test_every_accident_in_a_configuration_is_judged_alike() -> None:
    """Every odd value in every field of reconciler.yaml, every field missing and misspelt: both agree."""
    assert disagreements(CONFIGS, config_is_right, accidents(WHOLE_CONFIG, ())) == []


@thorough(500)
@given(MODELS)
def test_right_models_are_accepted(data: Any) -> None:
    """A Model made of right fields is right for both, unless two of its fields forbid each other, and then wrong for both."""
    alone = data.get("endpoint") is None or data.get("provider") is None
    kept = data.get("state") != "absent" or data.get("protected") is not True
    assert MANIFESTS.is_valid(data) == manifest_is_right(data) == (alone and kept)


@thorough(900)
@given(broken(MODELS) | sketch(Model, {"kind": "Model", "key": "a"}))
@example({"kind": "Model", "key": "a\n"})
@example({"kind": "Model", "key": "a", "limits": {"requests_per_minute": 3.0}})
@example({"kind": "Model", "key": "a", "limits": {"requests_per_minute": True}})
@example({"kind": "Model", "key": "a", "parameters": {"seed": 10**400}})
@example({"kind": "Model", "key": "a", "endpoint": {"url": "http://a"}, "provider": {"name": "a", "model": "b"}})
@example({"kind": "Model", "key": "a", "state": "absent", "protected": True})
@example({"kind": "Model", "key": "a", "registries": {}})
def test_broken_models_are_judged_alike(data: Any) -> None:
    """Whatever happens to a Model, the editor and validate agree whether it is still right."""
    assert MANIFESTS.is_valid(data) == manifest_is_right(data)


@thorough(300)
@given(broken(TEMPLATES) | broken(EXTENDING) | nulled(EXTENDING) | sketch(Template, {"kind": "Template", "key": "a"}))
@example({"kind": "Template", "key": "a", "endpoint": {"model": "m"}})
@example({"kind": "Template", "key": "a", "endpoint": {"headers": {"X-Token": None}}})
@example({"kind": "Template", "key": "a", "tags": [None]})
@example({"kind": "Template", "key": "a", "state": "absent"})
@example({"kind": "Template", "key": "a", "extends": "b"})
@example({"kind": "Template", "key": "a", "registries": {}})
@example({"kind": "Model", "key": "a", "extends": "b", "endpoint": {"url": None}, "provider": None})
@example({"kind": "Model", "key": "a", "extends": "b", "labels": {"team": None}})
@example({"kind": "Model", "key": "a", "extends": [], "labels": {"team": None}})
@example({"kind": "Model", "key": None, "extends": "b"})
def test_parts_of_models_are_judged_alike(data: Any) -> None:
    """Whatever happens to a template, or to a Model that extends one, the editor and validate agree."""
    assert MANIFESTS.is_valid(data) == manifest_is_right(data)


@thorough(250)
@given(SERVICES)
def test_right_native_documents_are_accepted(data: Any) -> None:
    """A native document made of right fields is right for both, but for deleting what is protected, and references in keys."""
    kept = data.get("state") != "absent" or data.get("protected") is not True
    kept = kept and not any("${" in key for key in (data["key"], *(data.get("previous_keys") or ())))
    assert MANIFESTS.is_valid(data) == manifest_is_right(data) == kept


@thorough(400)
@given(broken(SERVICES) | sketch(Service, {"kind": SERVICE.name, "key": "a", "state": "absent"}))
@example({"kind": SERVICE.name, "key": "a"})
@example({"kind": SERVICE.name, "key": "a", "state": "absent"})
@example({"kind": SERVICE.name, "key": "a", "state": "absent", "size": None})
@example({"kind": SERVICE.name, "state": "absent"})
def test_broken_native_documents_are_judged_alike(data: Any) -> None:
    """Whatever happens to a native document, absent ones among them, both agree."""
    assert MANIFESTS.is_valid(data) == manifest_is_right(data)


@thorough(100)
@given(ANYTHING | st.sampled_from(ODD))
def test_anything_is_judged_alike(data: Any) -> None:
    """Both agree about what is no manifest at all."""
    assert MANIFESTS.is_valid(data) == manifest_is_right(data)


@thorough(350)
@given(configs() | broken(configs()) | sketch(Config, {}))
@example({"variables": {"a": "${env:X}"}})
@example({"registries": {"a": {"driver": "nope"}}})
@example({"registries": {"a": {"driver": "file", "url": "http://a"}}})
def test_configurations_are_judged_alike(data: Any) -> None:
    """Both agree about reconciler.yaml, the settings of its registries included."""
    if isinstance(data, dict):
        data = {name: value for name, value in data.items() if name != "environments"}
    assert CONFIGS.is_valid(data) == config_is_right(data)


@thorough(200)
@given(configs(), nulled(configs()))
def test_an_environment_that_works_is_accepted(base: Any, change: Any) -> None:
    """The schema finds nothing wrong with an environment whose patch gives a right configuration."""
    change = {name: value for name, value in change.items() if name not in ("$schema", "environments")}
    if config_is_right(base) and config_is_right(patch.merge(base, change)):
        assert CONFIGS.is_valid(base | {"environments": {"prod": change}})


@thorough(200)
@given(document(Service), nulled(document(Service)))
def test_an_override_that_works_is_accepted(base: Any, change: Any) -> None:
    """The schema finds nothing wrong with an override that leaves the native object right."""
    if fits(Service, patch.merge(base, change)):
        manifest = {"kind": "Model", "key": "a", "registries": {"web": change}}
        assert OVERRIDES.is_valid(manifest)
