"""Members whose names are those that the checks themselves use: they are unknown fields, in every file and at every depth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.errors import ConfigError
from reconciler.manifest.discover import discover
from reconciler.manifest.policies.policy import Names
from reconciler.manifest.policies.read import read_policies
from reconciler.project.workspace import open_workspace

ODD = ["\0", "\0openai", "\0custom", "[key]", "-1", "0", "", "a/b~c"]
MODEL: dict[str, Any] = {
    "kind": "Model",
    "key": "chat",
    "endpoint": {"url": "https://a.example.com", "model": "m", "tls": {"verify": True}},
    "parameters": {"n": 1},
    "registries": {"local": {"limits": {"max_concurrency": 1}}},
}
POLICY: dict[str, Any] = {"name": "p", "message": "m", "cel": "true", "match": {"kinds": ["Model"]}}
CONFIG: dict[str, Any] = {"guards": {"max_deletes": 1}, "manifests": [{"path": "manifests"}], "plans": {"expire": "1d"}}


def with_member(tree: dict[str, Any], place: str, name: str) -> dict[str, Any]:
    """The tree with one more member in the map at a place, such as `endpoint.tls`."""
    copy: Any = json.loads(json.dumps(tree))
    at = copy
    for part in filter(None, place.split(".")):
        at = at[int(part) if part.isdecimal() else part]
    at[name] = {"a": 1}
    return copy  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize(
    "place", ["", "endpoint", "endpoint.tls", "parameters", "registries.local", "registries.local.limits"]
)
def test_of_a_model(tmp_path: Path, place: str, name: str) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "m.json").write_text(json.dumps(with_member(MODEL, place, name)))
    assert "unknown-field" in [problem.rule for problem in open_workspace(cwd=tmp_path, environ={}).load().errors]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("place", ["", "match"])
def test_of_a_policy(tmp_path: Path, place: str, name: str) -> None:
    (tmp_path / "p.json").write_text(json.dumps(with_member(POLICY, place, name)))
    found = read_policies(discover(("p.json",), tmp_path, tmp_path), Names(("Model",), (), (), ()), "reconciler.yaml")
    assert [problem.rule for problem in found.problems] == ["unknown-field"]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("place", ["", "guards", "manifests.0", "plans"])
def test_of_the_configuration(tmp_path: Path, place: str, name: str) -> None:
    (tmp_path / "reconciler.yaml").write_text(json.dumps(with_member(CONFIG, place, name)))
    with pytest.raises(ConfigError) as raised:
        open_workspace(cwd=tmp_path, environ={})
    assert "unknown-field" in [problem.rule for problem in raised.value.problems]
