"""Seed 004, insideLLMs, "Models": the model interface as run configs that insideLLMs itself takes, and what `info()` tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from cli.project import Project, model
from registry.insidellms_judge import CONFIG, InsideLlms, endpoint, installed
from seeds.conftest import declare

PROVIDERS: Final = {  # the seed's table: whether a model of the provider runs where we are
    "openai": False,
    "anthropic": False,
    "gemini": False,
    "cohere": False,
    "huggingface": True,
    "ollama": True,
    "vllm": True,
    "llamacpp": True,
}


def provided(key: str, name: str, of: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "Model", "key": key, "provider": {"name": name, "model": of}, **fields}


@pytest.fixture
def here(project: Project) -> Project:
    """A project whose registry is a folder of run configs."""
    project.write("reconciler.yaml", CONFIG)
    project.write("prompts.jsonl", '{"input": {"question": "What is 2+2?"}, "id": "1"}\n')
    (project.root / "runs").mkdir()
    return project


@pytest.fixture
def insidellms(request: pytest.FixtureRequest, here: Project) -> InsideLlms:
    installed(" ".join((request.function.__doc__ or "").split()))
    return InsideLlms(here.root / "runs")


def rendered(project: Project, key: str) -> dict[str, Any]:
    """The run config that was written for a model."""
    found: dict[str, Any] = yaml.safe_load((project.root / f"runs/{key}.yaml").read_text("utf-8"))
    return found


def test_a_model_from_config(here: Project) -> None:
    """The seed's YAML, `type`, `model_name` and a temperature: what a Model says arrives there, and nothing is left to do."""
    declare(here, provided("gpt", "openai", "gpt-4o", parameters={"temperature": 0.7}))
    here.apply()
    config = rendered(here, "gpt")
    assert config["model"]["type"] == "openai"
    assert config["model"]["args"]["model_name"] == "gpt-4o"
    assert 0.7 in (config["model"]["args"].get("temperature"), config.get("generation", {}).get("temperature"))
    assert not here.plan()


def test_every_model_implements_a_unified_interface(here: Project) -> None:
    """ "probes work identically across all providers": the same fields of a manifest for a cloud API, a local one and a mock."""
    declare(
        here,
        provided("cloud", "anthropic", "claude-3-5-sonnet-20241022"),
        provided("local", "ollama", "llama3"),
        provided("mock", "dummy", "dummy-v1"),
    )
    here.apply()
    assert {key: rendered(here, key)["model"]["type"] for key in ("cloud", "local", "mock")} == {
        "cloud": "anthropic",
        "local": "ollama",
        "mock": "dummy",
    }


def test_the_mock_for_testing_runs(here: Project, insidellms: InsideLlms) -> None:
    """ "Mock models for testing": insideLLMs takes the run config of one for valid, and runs it."""
    declare(here, provided("mock", "dummy", "dummy-v1"))
    here.apply()
    assert "Configuration is valid" in insidellms("validate", "mock.yaml").both
    insidellms("run", "mock.yaml", "--run-dir", "../out")
    assert '"success"' in (here.root / "out/records.jsonl").read_text("utf-8")


def test_generate_goes_to_the_provider_and_text_comes_back(here: Project, insidellms: InsideLlms) -> None:
    """The lifecycle: runner, model, provider and back; the endpoint that a manifest names is asked, with its key."""
    with endpoint() as place:
        spoken = {"url": place.url, "model": "virtual/gpt-oss", "api_key": "${env:ACME_KEY}"}
        declare(here, model("chat", endpoint=spoken, parameters={"temperature": 0.25}))
        here.apply()
        insidellms("run", "chat.yaml", "--run-dir", "../out", ACME_KEY="sk-Zx81qLmW")
    ((path, authorization, body),) = place.asked
    assert (path, authorization) == ("/v1/chat/completions", "Bearer sk-Zx81qLmW")
    assert body.items() >= {"model": "virtual/gpt-oss", "temperature": 0.25}.items()
    assert "four" in (here.root / "out/records.jsonl").read_text("utf-8")


def test_every_model_provides_metadata(here: Project) -> None:
    """`info()`: the six facts of the seed, under its names."""
    declare(here, provided("gpt-4o", "openai", "gpt-4o", limits={"context_length": 128000}))
    told = here.ok("info", "gpt-4o", "--format", "json").json("info")
    assert (
        told.items()
        >= {
            "name": "gpt-4o",
            "provider": "openai",
            "model_id": "gpt-4o",
            "supports_streaming": True,
            "supports_chat": True,
            "max_tokens": 128000,
        }.items()
    )


def test_the_table_of_providers(here: Project) -> None:
    """Local, Streaming, Chat for each provider of the seed, offline; `info` says of a model the same."""
    rows = {row["name"]: row for row in here.ok("models", "--format", "json").json()["providers"]}
    assert {name: rows[name]["local"] for name in PROVIDERS} == PROVIDERS
    assert all(rows[name]["streaming"] and rows[name]["chat"] for name in PROVIDERS)
    header = here.ok("models").out.splitlines()[0].split()
    assert header[:4] == ["PROVIDER", "LOCAL", "STREAMING", "CHAT"]
    for name, local in PROVIDERS.items():
        declare(here, provided("one", name, "m"))
        assert here.ok("info", "one", "--format", "json").json("info")["local"] is local


def test_a_run_config_can_be_imported(here: Project, tmp_path: Path) -> None:
    """The seed's YAML as a file: its type and arguments become a manifest, whose run config says the same."""
    here.write("run.yaml", "model:\n  type: openai\n  args:\n    model_name: gpt-4o\n    temperature: 0.7\n")
    here.ok("import", "run.yaml", "-o", "manifests")
    here.apply()
    (written,) = [path.stem for path in (here.root / "runs").glob("*.yaml") if path.stem != "harness"]
    config = rendered(here, written)
    assert (config["model"]["type"], config["model"]["args"]["model_name"]) == ("openai", "gpt-4o")
    assert 0.7 in (config["model"]["args"].get("temperature"), config.get("generation", {}).get("temperature"))
