"""What several seeds say at once, and nobody has to be asked for: whole URLs, sources, providers, likely values, names in the editor, custom types."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cli.project import Project, model
from jsonschema import Draft202012Validator
from seeds.conftest import declare

INSIDELLMS = """\
owner: us
registries:
  ill:
    driver: insidellms
    path: runs
    default: true
    types: {my_model: {endpoint: text, retries: number}}
"""


def rules(project: Project, *words: str) -> list[tuple[str, str]]:
    """Rule and severity of what `validate` finds."""
    problems = project.run("validate", "--format", "json", *words).json("validate")["problems"]
    return [(one["rule"], one["severity"]) for one in problems]


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1"),
        ("https://llm.example.com/v1/chat/completions/", "https://llm.example.com/v1"),
    ],
)
def test_a_whole_url_is_told_from_the_url_below_which_it_is(project: Project, url: str, base: str) -> None:
    """Seed 000 writes `POST https://api.openai.com/v1/chat/completions`, seed 002 `<url>/chat/completions`: a warning says what to leave off."""
    project.manifest("chat", endpoint={"url": url, "model": "gpt-4.1-2025-04-14"})
    answer = project.run("validate")
    assert answer.code == 0
    assert "warning[url-with-path]" in answer.both
    assert project.run("validate", "--strict").code == 1
    project.manifest("chat", endpoint={"url": base, "model": "gpt-4.1-2025-04-14"})
    assert project.ok("validate", "--strict")


def test_a_model_has_a_provider_or_an_endpoint(project: Project) -> None:
    """Seed 000, "served either by an external model provider or by an inference engine": one of neither is warned about."""
    project.manifest("chat", endpoint=None)
    assert ("no-source", "warning") in rules(project)
    assert project.run("validate", "--strict").code == 1


def test_a_provider_is_a_well_known_one(project: Project) -> None:
    """Seed 000, "a well-known model provider": a misspelt one is warned about, with the one that was meant."""
    project.manifest("chat", endpoint=None, provider={"name": "opnai", "model": "gpt-5-nano"})
    answer = project.run("validate")
    assert "warning[unknown-provider]" in answer.both
    assert "openai" in answer.both


def test_a_temperature_is_between_0_and_1(project: Project) -> None:
    """Seed 002: one that no endpoint takes is warned about, and the seed's own range is not."""
    project.manifest("chat", parameters={"temperature": 55})
    assert ("unlikely-value", "warning") in rules(project)
    project.manifest("chat", parameters={"temperature": 0.7, "top_p": 0.95, "n": 1, "max_completion_tokens": 64})
    assert rules(project, "--strict") == []


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("nemo/Model", ("my-model", "a.b_c-9", "m" * 63), ("A-b", "a", "m" * 64, "a--b", "a b")),
        ("watsonx/Model", ("virtual-model/openai/gpt-4o",), ("my-model", "virtual-model/openai")),
    ],
)
def test_the_editor_knows_the_rules_of_names(
    project: Project, kind: str, right: tuple[str, ...], wrong: tuple[str, ...]
) -> None:
    """Seed 001, "Allowed characters", seed 003, `name`: the schema refuses what `validate` refuses."""
    driver = kind.partition("/")[0]
    entry = f"  {driver}: {{driver: {driver}, url: 'https://x.example.com', token: '${{env:T}}'}}\n"
    project.write("reconciler.yaml", f"owner: us\nregistries:\n{entry}")
    project.ok("schema", "--out", "schemas")
    schema = Draft202012Validator(json.loads((project.root / "schemas/manifest.schema.json").read_text("utf-8")))
    said: dict[str, tuple[bool, bool]] = {}
    for key in (*right, *wrong):
        document: dict[str, Any] = {"kind": kind, "key": key}
        declare(project, document)
        said[key] = (schema.is_valid(document), project.run("validate").code == 0)
    assert said == {key: (key in right, key in right) for key in (*right, *wrong)}


def test_custom_models_of_insidellms(project: Project) -> None:
    """Seed 004, "Implement the interface for custom integrations": a type of a plugin is declared once, and then its arguments are known."""
    project.write("reconciler.yaml", INSIDELLMS)
    own = {"kind": "insidellms/Model", "key": "own", "model": {"type": "my_model", "args": {"endpoint": "https://x"}}}
    declare(project, own)
    project.ok("validate")
    project.apply()
    assert "my_model" in (project.root / "runs/own.yaml").read_text("utf-8")
    declare(project, own | {"model": {"type": "my_model", "args": {"endpiont": "https://x"}}})
    assert [rule for rule, _ in rules(project)] == ["unknown-field"]


def test_an_endpoint_of_ones_own_is_custom(project: Project) -> None:
    """Seed 004, `info` of a custom model: its provider is no vendor, and what nobody can know is null."""
    declare(project, model("own", endpoint={"url": "http://localhost:8000/ask", "format": "custom"}))
    told = project.ok("info", "own", "--format", "json").json("info")
    assert (told["provider"], told["local"], told["supports_chat"]) == ("custom", True, None)
