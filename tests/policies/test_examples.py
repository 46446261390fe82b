"""The policies that are shipped as examples: each stops what it is for, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from cli.project import CONFIG, Project

from reconciler.core import document
from reconciler.core.document.dump import dump_yaml

FOLDER: Final = Path(__file__).resolve().parents[2] / "examples" / "policies"
URL: Final = {"url": "https://llm.example.com/v1", "model": "m"}
LITELLM: Final = '  gateway: {driver: litellm, url: "https://llm.example.com", token: "${env:TOKEN}"}\n'


def native(**params: Any) -> dict[str, Any]:
    return {"kind": "litellm/Model", "endpoint": None, "litellm_params": {"model": "openai/m", **params}}


# the manifests that break each policy, and those that meet it; a Model is `{}` with these fields
CASES: Final[dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]]] = {
    "owner-label": ([{}, {"labels": {"team": "cx"}}], [{"labels": {"owner": "cx"}}]),
    "described": ([{"display_name": "Chat"}], [{"display_name": "Chat", "description": "It answers."}]),
    "encrypted-endpoints": (
        [
            {"endpoint": {"url": url, "model": "m"}}
            for url in ("http://llm.example.com/v1", "http://127.0.0.1.evil.com")
        ],
        [{}, {"endpoint": None, "provider": {"name": "openai", "model": "m"}}]
        + [{"endpoint": {"url": url, "model": "m"}} for url in ("http://localhost:8080/v1", "http://[::1]/v1")],
    ),
    "verified-tls": (
        [{"endpoint": URL | {"tls": {"verify": False}}}],
        [{}, {"endpoint": URL | {"tls": {"verify": True}}}, {"endpoint": URL | {"tls": {"ca": "a certificate"}}}],
    ),
    "protected-production": (
        [{"labels": {"tier": "prod"}}, {"labels": {"tier": "prod"}, "protected": False}],
        [{"labels": {"tier": "prod"}, "protected": True}, {"labels": {"tier": "test"}}, {}],
    ),
    "allowed-providers": (
        [{"endpoint": None, "provider": {"name": "together", "model": "m"}}],
        [{}, {"endpoint": None, "provider": {"name": "anthropic", "model": "m"}}],
    ),
    "shared-limits": (
        [{"labels": {"tier": "shared"}}, {"labels": {"tier": "shared"}, "limits": {"requests_per_minute": 121}}],
        [
            {"labels": {"tier": "shared"}, "limits": {"requests_per_minute": 120}},
            {"limits": {"requests_per_minute": 500}},
        ],
    ),
    "allowed-keys": (
        [{"endpoint": URL | {"api_key": reference}} for reference in ("${env:OTHER_KEY}", "${file:key.txt}")],
        [{}, {"endpoint": URL | {"api_key": "${env:MODELS_CHAT_KEY}"}}],
    ),
    "patient-gateway": ([native(), native(timeout=30)], [native(timeout=30, max_retries=2)]),
}


def names() -> list[str]:
    """The names of the policies in the folder, each in a file of that name."""
    found = []
    for path in sorted(FOLDER.iterdir()):
        loaded = document.load(path.read_text(encoding="utf-8"), path.name)
        found += [item.value["name"] for item in loaded.documents]
        assert found[-1] == path.stem
    return found


def test_every_example_is_tested() -> None:
    assert names() == sorted(CASES)


@pytest.mark.parametrize("name", CASES)
def test_an_example_stops_what_it_is_for(name: str, project: Project) -> None:
    """With all of them in force, each manifest that breaks it is told, and none that meets it."""
    project.write("reconciler.yaml", f"{CONFIG}{LITELLM}")
    project.write("manifests/key.txt", "k")
    for path in FOLDER.iterdir():
        project.write(f"policies/{path.name}", path.read_text(encoding="utf-8"))
    expected = {}
    for group, verdict in zip(CASES[name], (True, False), strict=True):
        for index, fields in enumerate(group):
            key = f"{'bad' if verdict else 'good'}-{index}"
            model = {"kind": "Model", "endpoint": URL} | fields | {"key": key}
            text = dump_yaml({field: value for field, value in model.items() if value is not None})
            project.write(f"manifests/{key}.yaml", text)
            expected[f"manifests/{key}.yaml"] = verdict
    found = project.run("validate", "--format", "json").json("validate")["problems"]
    rules = {problem["rule"] for problem in found}
    assert {rule for rule in rules if not rule.startswith("policy/")} <= {"no-source", "unknown-provider"}, found
    broken = {problem["file"] for problem in found if problem["rule"] == f"policy/{name}"}
    assert {file: file in broken for file in expected} == expected
