"""The generated schemas read well, in an editor and in a diff."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator
from manifest.schema_documents import DRIVERS, NATIVES, Service
from pydantic import BaseModel, ConfigDict

from reconciler.core.model import Model
from reconciler.core.schema.form import form_of, patch_of, title_of
from reconciler.core.schema.types import or_null
from reconciler.manifest.native import NativeKind
from reconciler.project.schemas import RegistryShape, config_schema, generate, manifest_schema

SHAPES: Final = {"web": RegistryShape("web", Service), "other": RegistryShape("file")}
SCHEMAS: Final = {
    "any registry": manifest_schema(NATIVES, None),
    "known registries": manifest_schema(NATIVES, SHAPES),
    "config": config_schema(DRIVERS),
}


def fields(form: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field that people write, with its path. Conditions are not fields."""
    if not isinstance(form, dict):
        return
    for name, member in form.get("properties", {}).items():
        yield f"{path}/{name}", member
        yield from fields(member, f"{path}/{name}")
    for keyword in ("items", "additionalProperties"):
        yield from fields(form.get(keyword), f"{path}/{keyword}")
    for name, definition in form.get("$defs", {}).items():
        yield from fields(definition, name)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_is_explained(name: str) -> None:
    """Each field has a title and a description for people."""
    unexplained = [path for path, form in fields(SCHEMAS[name]) if not (form.get("title") and form.get("description"))]
    assert unexplained == []


def test_every_portable_field_has_an_example_that_is_right() -> None:
    """Each field of a Model but the maps of fields shows an example, and the example is accepted."""
    for path, form in fields(form_of(Model)):
        if "properties" not in form and path != "/$schema":
            assert form.get("examples"), path
        for example in form.get("examples", ()):
            assert Draft202012Validator(form).is_valid(example), path


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_schemas(name: str) -> None:
    """Each is valid JSON Schema 2020-12 that needs nothing from the network."""
    Draft202012Validator.check_schema(SCHEMAS[name])
    references = [
        line for line in json.dumps(SCHEMAS[name], indent=1).splitlines() if '"$ref"' in line or '"$id"' in line
    ]
    assert all('"$ref": "#/$defs/' in line for line in references)


def test_definitions_are_the_kinds_and_the_overrides() -> None:
    """`$defs` holds what people name, sorted, and no class of ours."""
    kinds = ["Model", "Model.extends", "Template", "override.file", "override.web", "web.Service"]
    assert list(SCHEMAS["known registries"]["$defs"]) == kinds
    assert list(SCHEMAS["config"]["$defs"]) == ["registry.file", "registry.web"]


def test_registries_are_those_of_the_configuration() -> None:
    """With a configuration, its names are the only ones, and each offers its driver's fields."""
    validator = Draft202012Validator(SCHEMAS["known registries"])
    model = {"kind": "Model", "key": "a"}
    assert validator.is_valid(model | {"registries": {"web": {"key": "b", "size": 3, "mode": None}, "other": None}})
    assert not validator.is_valid(model | {"registries": {"elsewhere": {}}})
    assert not validator.is_valid(model | {"registries": {"web": {"sise": 3}}})
    assert Draft202012Validator(SCHEMAS["any registry"]).is_valid(model | {"registries": {"elsewhere": {"sise": 3}}})


def test_texts_do_not_depend_on_the_hash_seed() -> None:
    """Two runs write the same bytes, whatever Python's hash seed is."""
    program = (
        "from manifest.schema_documents import *; from reconciler.project.schemas import *;"
        "print(generate(NATIVES, {'web': RegistryShape('web', Service)}, DRIVERS))"
    )
    path = ":".join(sys.path)
    texts = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def test_files_end_in_a_newline_and_keep_unicode() -> None:
    """What is written reads well in a diff: two spaces, a last newline, no escapes."""

    class Kind(BaseModel):
        """Größe."""

    texts = generate({"a/B": NativeKind("a/B", Kind, "B")}, None, {})
    assert sorted(texts) == [
        f"{name}.schema.json"
        for name in "apply compare config error explain get history import info list manifest models plan policy test validate".split()
    ]
    assert "Größe" in texts["manifest.schema.json"]
    assert all(text.startswith('{\n  "$schema"') and text.endswith("}\n") for text in texts.values())


def test_field_rules_are_told() -> None:
    """What a rule means for whoever writes a field stands in the field's description."""
    form = form_of(Service)["properties"]
    assert form["size"]["description"] == "How large. A change means replace: chosen once."
    assert form["status"]["readOnly"] is True
    assert "null or empty clears it" in form["level"]["description"]


def test_a_native_kind_may_not_take_a_common_field() -> None:
    """A driver whose kind declares `state` or `key` is told so, instead of being read wrongly."""

    class Kind(BaseModel):
        """A kind."""

        state: str = ""

    with pytest.raises(ValueError, match="declares fields that every document has: state"):
        NativeKind("a/Kind", Kind)


def test_what_the_kind_says_of_unknown_fields_holds() -> None:
    """A kind that takes any field does so in the schema, too."""

    class Kind(BaseModel):
        """A kind."""

        model_config = ConfigDict(extra="allow")

    validator = Draft202012Validator(manifest_schema({"a/Kind": NativeKind("a/Kind", Kind)}, None))
    assert validator.is_valid({"kind": "a/Kind", "key": "a", "whatever": 1})


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("api_key", "API key"),
        ("ModelProvider", "Model provider"),
        ("$schema", "Schema"),
        ("hostUrl", "Host URL"),
        ("n", "N"),
    ],
)
def test_titles_are_words(name: str, title: str) -> None:
    """Titles read as people write, not as code does."""
    assert title_of(name) == title


def test_null_is_added_without_noise() -> None:
    """Null becomes one more type or value; `anyOf` is for what has no shorter form."""
    assert or_null({"type": "string"}) == {"type": ["string", "null"]}
    assert or_null({"const": "a"}) == {"enum": ["a", None]}
    assert or_null(or_null({"type": "string", "enum": ["a"]})) == {"type": ["string", "null"], "enum": ["a", None]}
    assert or_null({"$ref": "#/a"}) == {"anyOf": [{"$ref": "#/a"}, {"type": "null"}]}
    assert or_null({}) == {}


def test_a_patch_asks_for_nothing() -> None:
    """In a merge patch every field may be left out or null, however deep, but lists are as strict as ever."""
    validator = Draft202012Validator(patch_of(form_of(Service)))
    assert validator.is_valid({})
    assert validator.is_valid({"size": None, "main": {"weight": None}})
    assert not validator.is_valid({"size": 0})
    assert not validator.is_valid({"routes": [{"weight": 1}]})
