"""The JSON answers are what their published schemas say."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from programs import HANGS

from reconciler.core.actions import ACTIONS, STATUSES, SUMMARY
from reconciler.core.schema.answers import OUTPUTS

MANIFEST = (
    "kind: Model\nkey: chat\ndisplay_name: Chat\nendpoint: {url: 'https://llm.example.com/v1', api_key: '${env:KEY}'}\n"
)


def run(folder: Path, *arguments: str) -> Any:
    """What the command prints with `--format json`."""
    command = [sys.executable, "-m", "reconciler", *arguments, "--format", "json"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=HANGS, env={"KEY": "a"}
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One real answer of each command, by schema and occasion."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "manifests").mkdir()
    file = folder / "manifests" / "chat.yaml"
    file.write_text(MANIFEST)
    found = {
        "validate": run(folder, "validate"),
        "plan": run(folder, "plan"),
        "apply": run(folder, "apply", "--yes"),
        "list": run(folder, "list"),
        "get": run(folder, "get", "chat"),
        "history": run(folder, "history", "chat"),
        "error": run(folder, "get", "nobody"),
    }
    file.write_text(MANIFEST.replace("Chat", "Support"))
    found["plan update"] = run(folder, "plan")
    file.write_text(MANIFEST.replace("display_name", "dispaly_name"))
    found["validate invalid"] = run(folder, "validate")
    found["error invalid"] = run(folder, "plan")
    file.write_text("kind: Model\nkey: other\nprovider: {name: openai, model: gpt-5-nano}\n")
    found["plan orphan"] = run(folder, "plan")
    return found


def test_every_answer_fits_its_schema(answers: dict[str, Any]) -> None:
    """What the commands really print is what their schemas promise."""
    for occasion, answer in answers.items():
        Draft202012Validator(OUTPUTS[occasion.split()[0]]).validate(answer)


def test_failures_bring_their_problems(answers: dict[str, Any]) -> None:
    """A plan of invalid manifests answers with the error and every problem."""
    assert answers["error invalid"]["problems"][0]["suggestion"] == "display_name"


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_schemas_are_schemas(name: str) -> None:
    """Each is valid JSON Schema 2020-12 that explains every field."""
    Draft202012Validator.check_schema(OUTPUTS[name])
    assert [path for path in fields(OUTPUTS[name]) if path] != []


def fields(form: Any, path: str = "") -> list[str]:
    """The paths of all fields. Fails on one that is not explained."""
    found = [path]
    for name, member in form.get("properties", {}).items() if isinstance(form, dict) else ():
        assert member.get("description"), f"{path}.{name} has no description"
        found += fields(member, f"{path}.{name}")
    return found + (fields(form["items"], f"{path}[]") if isinstance(form, dict) and "items" in form else [])


def test_what_is_promised_is_required(answers: dict[str, Any]) -> None:
    """Each key that the contract names is missed when it is gone, and a new one is no harm."""
    for name in ("validate", "plan", "apply", "list", "get", "history", "error"):
        validator = Draft202012Validator(OUTPUTS[name])
        for key in OUTPUTS[name]["required"]:
            assert not validator.is_valid({other: value for other, value in answers[name].items() if other != key})
        assert validator.is_valid({**answers[name], "format_version": "1.7", "new": 1})
        assert not validator.is_valid({**answers[name], "format_version": "2.0"})


def test_secrets_have_no_sides(answers: dict[str, Any]) -> None:
    """A field that is sensitive may show neither side."""
    leaked = copy.deepcopy(answers["plan"])
    leaked["changes"][0]["fields"] = [{"path": "/endpoint/api_key", "after": "x", "sensitive": True}]
    assert not Draft202012Validator(OUTPUTS["plan"]).is_valid(leaked)


def test_words_are_the_engine_s_own() -> None:
    """The closed sets of words are those that plan and report use."""
    plan, apply = OUTPUTS["plan"]["properties"], OUTPUTS["apply"]["properties"]
    assert tuple(plan["summary"]["properties"]) == (*ACTIONS, "pending")
    assert set(plan["changes"]["items"]["properties"]["action"]["enum"]) == set(ACTIONS) - {"unchanged"}
    assert tuple(apply["summary"]["properties"]) == SUMMARY
    assert tuple(apply["outcomes"]["items"]["properties"]["status"]["enum"]) == STATUSES
