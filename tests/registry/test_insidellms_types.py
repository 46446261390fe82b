"""Types of models that plugins of insideLLMs add: declared in reconciler.yaml, and then checked like its own."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from cli.project import Project
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.core.document.dump import dump_yaml
from reconciler.manifest.native import check_native
from reconciler.project.registries import native_kinds_of
from reconciler.project.schemas import config_schema, manifest_schema
from reconciler.registry.insidellms import DRIVER
from reconciler.registry.insidellms.arguments import ARGUMENTS
from reconciler.registry.insidellms.kinds import Model
from reconciler.registry.insidellms.settings import Settings

TYPES: Final = {
    "acme/fast": {"model_name": "text", "retries": "number", "cache": "boolean", "extra": "any", "timeout": "text"},
    "my_model": None,
}
ENTRY: Final = {"driver": "insidellms", "path": "runs", "types": TYPES}
CONFIGURED: Final = DRIVER.configured([Settings(path="runs", types=TYPES)])
NATIVES: Final = native_kinds_of([CONFIGURED])
SCHEMA: Final = Draft202012Validator(manifest_schema(NATIVES, None))
CONFIG: Final = Draft202012Validator(config_schema({"insidellms": Settings}))
RIGHT: Final = {"model_name": "m", "retries": 3, "cache": True, "extra": {"a": [1]}, "timeout": "30s"}


def document(key: str, type_: str, args: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A native document of one type."""
    return {"kind": "insidellms/Model", "key": key, "model": {"type": type_, "args": args}, **fields}


def configure(project: Project, **entries: dict[str, Any]) -> None:
    """A configuration with these registries."""
    project.write("reconciler.yaml", dump_yaml({"owner": "us", "registries": entries}))


def problems(project: Project, *documents: dict[str, Any]) -> list[tuple[str, str, str]]:
    """`(severity, rule, pointer)` of what `validate` finds."""
    project.write("manifests/a.yaml", "---\n".join(map(dump_yaml, documents)))
    found = project.run("validate", "--format", "json").json("validate")["problems"]
    return [(problem["severity"], problem["rule"], problem["pointer"]) for problem in found]


def test_a_declared_type_is_applied_read_back_and_listed_in_the_harness(project: Project) -> None:
    """A second apply does nothing, and so does an export."""
    configure(project, runs={**ENTRY, "default": True})
    portable = {"kind": "Model", "key": "p", "provider": {"name": "acme/fast", "model": "m"}}
    whole = {"kind": "Model", "key": "q", "provider": {"name": "my_model", "model": "my_model"}}
    assert problems(project, document("a", "acme/fast", RIGHT), document("b", "my_model"), portable, whole) == []
    project.apply()
    assert project.plan() == {}
    harness = (project.root / "runs/harness.yaml").read_text()
    assert harness.count("type: acme/fast") == 2
    assert harness.count("type: my_model") == 2
    stored = project.stored()
    assert stored["runs/Model/a"]["model"] == {"type": "acme/fast", "args": RIGHT}
    assert stored["runs/Model/p"]["model"] == {"type": "acme/fast", "args": {"model_name": "m"}}
    project.ok("export", "--all", "-o", "exported")
    assert "acme/fast" in (project.root / "exported/runs/Model/a.yaml").read_text()


@pytest.mark.parametrize(
    ("type_", "args", "expected"),
    [
        ("acme/fast", {"model_name": 3}, ("wrong-type", "/model/args/model_name")),
        ("acme/fast", {"retries": "three"}, ("wrong-type", "/model/args/retries")),
        ("acme/fast", {"cache": 1}, ("wrong-type", "/model/args/cache")),
        ("acme/fast", {"retires": 3}, ("unknown-field", "/model/args/retires")),
        ("acme/fast", {"api_key": "sk-1"}, ("unknown-field", "/model/args/api_key")),
        ("my_model", {"name": "x"}, ("unknown-field", "/model/args/name")),
        ("acme/fst", {}, ("not-allowed", "/model/type")),
        ("openai", {"retries": 3}, ("unknown-field", "/model/args/retries")),
    ],
)
def test_what_a_declared_type_does_not_take_is_told(
    project: Project, type_: str, args: dict[str, Any], expected: tuple[str, str]
) -> None:
    """At its place, as for insideLLMs's own types, and nobody else's arguments are taken."""
    configure(project, runs=ENTRY)
    assert problems(project, document("a", type_, args)) == [("error", *expected)]


def test_each_registry_takes_its_own_types(project: Project) -> None:
    """Two entries may declare different types, or one type with other arguments."""
    more = {**ENTRY, "path": "more", "types": {"my_model": {"endpoint": "text"}}}
    configure(project, runs=ENTRY, more=more)
    right = document("a", "my_model", {"endpoint": "x"}, registry="more")
    wrong = document("b", "my_model", {"endpoint": "x"}, registry="runs")
    other = document("c", "acme/fast", RIGHT, registry="more")
    assert problems(project, right) == []
    assert problems(project, wrong) == [("error", "unknown-field", "/model/args/endpoint")]
    assert problems(project, other) == [("error", "not-allowed", "/model/type")]


@pytest.mark.parametrize(
    ("provider", "rule"),
    [
        ({"name": "my_model", "model": "other"}, ("error", "not-expressible", "/provider/model")),
        ({"name": "acme/fst", "model": "m"}, ("error", "not-expressible", "/provider/name")),
    ],
)
def test_a_provider_that_no_type_can_be_is_told(project: Project, provider: dict[str, str], rule: Any) -> None:
    """A type without a model's name among its arguments is one model."""
    configure(project, runs={**ENTRY, "default": True})
    assert problems(project, {"kind": "Model", "key": "a", "provider": provider}) == [rule]


@pytest.mark.parametrize("types", [{"a b": {}}, {"openai": {}}, {"a": {"api_key": "text"}}, {"a": {"x": "list"}}, {}])
def test_a_declaration_that_makes_no_sense_is_refused(project: Project, types: dict[str, Any]) -> None:
    """By the command and by the schema alike."""
    configure(project, runs={**ENTRY, "types": types})
    project.write("manifests/a.yaml", dump_yaml(document("a", "dummy")))
    assert project.run("validate").code == 1
    assert not CONFIG.is_valid({"registries": {"runs": {**ENTRY, "types": types}}})


def test_right_declarations_are_accepted_by_the_schema() -> None:
    """Null, which is no declaration, too."""
    for types in (TYPES, None, {"a": {}}, {"a/b": {"x": "any"}}):
        assert CONFIG.is_valid({"registries": {"runs": {**ENTRY, "types": types}}}), types


@settings(max_examples=200, deadline=None)
@given(
    type_=st.sampled_from(("acme/fast", "my_model", "openai", "nobody's", None)),
    args=st.dictionaries(
        st.sampled_from((*RIGHT, "name", "base_url", "unknown")),
        st.sampled_from((None, "x", 1, 2.5, True, [1], {"a": 1}, "https://h/v1")),
        max_size=3,
    ),
)
def test_schema_and_validate_agree_on_declared_types(type_: str | None, args: dict[str, Any]) -> None:
    """What the editor underlines is what `validate` reports."""
    data = {"kind": "insidellms/Model", "key": "a", "model": {"type": type_, "args": args}}
    assert SCHEMA.is_valid(data) == (not check_native(NATIVES["insidellms/Model"], data)[1])


def test_the_rules_for_insidellms_own_types_stay() -> None:
    """A plugin's argument of the same name takes nothing from them."""
    types = {"acme": dict.fromkeys(("default_headers", "timeout", "base_url", "headers"), "any")}
    kind = DRIVER.configured([Settings(path="runs", types=types)]).kinds["Model"]
    headers = kind.root.find(("model", "args", "default_headers"))
    assert headers is not None
    assert [type(rule).__name__ for rule in headers.rules] == ["Constraint"]
    assert DRIVER.configured([Settings(path="runs")]) is DRIVER
    assert DRIVER.kinds["Model"].model is Model
    assert "acme" not in ARGUMENTS


def test_a_run_config_of_a_declared_type_is_imported(project: Project) -> None:
    """As insideLLMs's own kind; without the declaration it is told what to declare."""
    args = {"model_name": "m", "temperature": 0.5, "max_tokens": 64}
    project.write("run.json", json.dumps({"model": {"type": "acme/fast", "args": args}, "probe": {"type": "logic"}}))
    configure(project, runs={"driver": "insidellms", "path": "runs"})
    refused = project.run("import", "run.json", "-o", "manifests")
    assert refused.code == 1
    assert "`types`" in refused.both
    configure(project, runs=ENTRY)
    project.ok("import", "run.json", "-o", "manifests")
    written = "".join(path.read_text() for path in (project.root / "manifests").rglob("*.yaml"))
    assert "generation:\n  temperature: 0.5\n  max_tokens: 64" in written.replace("max_completion_tokens", "max_tokens")
    project.ok("validate", "--strict")


# --- datasets ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dataset", "there", "told"),
    [
        ({"format": "jsonl", "path": "gone.jsonl"}, False, True),
        ({"format": "csv", "path": "../data/here.csv"}, True, False),
        ({"format": "csv", "path": "../data"}, True, True),
        ({"format": "jsonl", "path": "~/gone.jsonl"}, False, False),
        ({"format": "jsonl", "path": "$HOME/gone.jsonl"}, False, False),
        ({"format": "jsonl", "path": "x" * 300}, False, True),
        ({"format": "hf", "name": "truthful_qa"}, False, False),
    ],
)
def test_a_dataset_that_is_not_there_is_told(
    project: Project, dataset: dict[str, str], there: bool, told: bool
) -> None:
    """In a native document, in an override and in the settings; not what insideLLMs expands or fetches."""
    if there:
        project.write("data/here.csv", "a\n")
    model = {"kind": "Model", "key": "a", "provider": {"name": "openai", "model": "m"}}
    configure(project, runs={"driver": "insidellms", "path": "runs"})
    expected = [("warning", "missing-dataset", "/dataset/path")] if told else []
    assert problems(project, document("a", "dummy", dataset=dataset)) == expected
    assert problems(project, document("a", "dummy", dataset=dataset, state="absent")) == []
    override = {**model, "registries": {"runs": {"dataset": dataset}}}
    below = [("warning", "missing-dataset", "/registries/runs/dataset/path")] if told else []
    assert problems(project, override) == below
    configure(project, runs={"driver": "insidellms", "path": "runs", "dataset": dataset, "default": True})
    assert problems(project, model) == below  # once, in reconciler.yaml
    assert project.run("validate", "--strict").code == int(told)
    assert project.run("plan").code == 0
