"""What we write, as insideLLMs itself reads it: it validates, runs, and sends what the manifest says. And our table of arguments is its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from cli.project import Project
from registry.insidellms_judge import CONFIG, InsideLlms, endpoint, installed

from reconciler.registry.insidellms.arguments import ARGUMENTS, TYPES

PROMPT: Final = '{"input": {"question": "What is 2+2?"}, "id": "1"}\n'

# Signatures from the installed source: importing most of the classes needs the providers' SDKs.
SIGNATURES: Final = """
import ast, json, pathlib, insideLLMs.models as m
found = {}
for file in pathlib.Path(m.__file__).parent.glob('*.py'):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == '__init__':
                    args = [one.arg for one in (*item.args.args, *item.args.kwonlyargs)][1:]
                    found[node.name] = {
                        'args': args, 'required': args[: len(args) - len(item.args.defaults)], 'open': item.args.kwarg is not None
                    }
print(json.dumps(found))
"""
CLASSES: Final = {
    "dummy": "DummyModel",
    "openai": "OpenAIModel",
    "openrouter": "OpenRouterModel",
    "anthropic": "AnthropicModel",
    "gemini": "GeminiModel",
    "cohere": "CohereModel",
    "huggingface": "HuggingFaceModel",
    "llamacpp": "LlamaCppModel",
    "ollama": "OllamaModel",
    "vllm": "VLLMModel",
}


@pytest.fixture
def insidellms(request: pytest.FixtureRequest, tmp_path: Path) -> InsideLlms:
    """The program, with the folder of run configs as its working directory: `validate` looks for datasets from there."""
    installed(" ".join((request.function.__doc__ or "").split()))
    (tmp_path / "runs").mkdir()
    (tmp_path / "prompts.jsonl").write_text(PROMPT, "utf-8")
    return InsideLlms(tmp_path / "runs")


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "records.jsonl").read_text("utf-8").splitlines()]


def test_insidellms_runs_a_dummy(project: Project, insidellms: InsideLlms) -> None:
    """A rendered file is valid for insideLLMs and runs; a second run is the same, byte for byte, whoever owns the file."""
    project.write("reconciler.yaml", CONFIG)
    project.manifest("fake", endpoint=None, provider={"name": "dummy", "model": "dummy-v1"})
    project.apply()
    assert "Configuration is valid" in insidellms("validate", "fake.yaml").both
    insidellms("run", "fake.yaml", "--run-dir", "../first")
    (record,) = records(project.root / "first")
    assert (record["status"], record["model"]["model_id"]) == ("success", "dummy-v1")
    project.write("reconciler.yaml", CONFIG.replace("owner: us", "owner: them"))
    project.apply("--take-ownership", "us")
    insidellms("run", "fake.yaml", "--run-dir", "../second")
    for name in ("records.jsonl", "manifest.json", "config.resolved.yaml"):
        assert (project.root / "first" / name).read_bytes() == (project.root / "second" / name).read_bytes()


def test_insidellms_asks_the_endpoint(project: Project, insidellms: InsideLlms) -> None:
    """The key from its variable, the model's name and the parameters arrive at an OpenAI-compatible endpoint; the key is in no file."""
    project.write("reconciler.yaml", CONFIG)
    parameters = {"temperature": 0.25, "top_p": 0.5, "max_completion_tokens": 32, "stop": ["\n\n"], "seed": 7, "n": 1}
    with endpoint() as place:
        spoken = {"url": place.url, "model": "virtual/gpt-oss", "api_key": "${env:ACME_KEY}", "headers": {"X-T": "a"}}
        project.manifest("chat", display_name='Chat "1": #x', endpoint=spoken, parameters=parameters)
        project.apply()
        insidellms("validate", "chat.yaml")
        insidellms("run", "chat.yaml", "--run-dir", "../out", ACME_KEY="sk-Zx81qLmW", OPENAI_API_KEY="sk-another")
    (record,) = records(project.root / "out")
    assert (record["status"], record["output"]) == ("success", "four")
    ((path, authorization, body),) = place.asked
    assert (path, authorization) == ("/v1/chat/completions", "Bearer sk-Zx81qLmW")
    assert {**parameters, "model": "virtual/gpt-oss"}.items() <= body.items()
    every = [file.read_text("utf-8") for file in project.root.rglob("*") if file.is_file()]
    assert not any("Zx81qLmW" in text for text in every)


def test_insidellms_completes_text_without_a_key(project: Project, insidellms: InsideLlms) -> None:
    """A completion at an endpoint without a key is asked below /v1, and no key of the environment goes there."""
    project.write("reconciler.yaml", CONFIG)
    with endpoint() as place:
        spoken = {"url": place.url, "model": "m"}
        project.manifest("text", task="completion", endpoint=spoken, parameters={"max_completion_tokens": 9})
        project.apply()
        insidellms("run", "text.yaml", "--run-dir", "../out", OPENAI_API_KEY="sk-another")
    ((path, authorization, body),) = place.asked
    assert (path, body["max_tokens"], body["model"]) == ("/v1/completions", 9, "m")
    assert "sk-another" not in str(authorization)


def test_insidellms_without_a_key_sends_none_of_another(project: Project, insidellms: InsideLlms) -> None:
    """A chat endpoint without a key never gets OPENAI_API_KEY: the run ends until NO_API_KEY is set."""
    project.write("reconciler.yaml", CONFIG)
    with endpoint() as place:
        project.manifest("chat", endpoint={"url": place.url, "model": "m"})
        project.apply()
        said = insidellms("run", "chat.yaml", "--run-dir", "../out", code=None, OPENAI_API_KEY="sk-another")
        assert (said.code, place.asked) == (1, [])
        assert "NO_API_KEY environment variable not set" in said.both
        insidellms("run", "chat.yaml", "--run-dir", "../there", NO_API_KEY="any", OPENAI_API_KEY="sk-another")
    assert [authorization for _, authorization, _ in place.asked] == ["Bearer any"]


def test_insidellms_runs_the_harness_over_all_models(project: Project, insidellms: InsideLlms) -> None:
    """The harness runs every model that is listed, with what the requests of all of them say."""
    project.write("reconciler.yaml", CONFIG)
    with endpoint() as place:
        spoken = {"url": place.url, "model": "one", "api_key": "${env:ACME_KEY}"}
        project.manifest("a", endpoint=spoken, parameters={"temperature": 0.5, "seed": 7})
        project.manifest("b", endpoint={**spoken, "model": "two"}, parameters={"temperature": 0.5, "seed": 8})
        project.manifest("c", endpoint={**spoken, "model": "three"}, registries={"ill": {"harness": False}})
        project.apply()
        insidellms("harness", "harness.yaml", "--run-dir", "../out", ACME_KEY="k")
    assert sorted(body["model"] for _, _, body in place.asked) == ["one", "two"]
    assert {body["temperature"] for _, _, body in place.asked} == {0.5}
    assert all("seed" not in body for _, _, body in place.asked)


def test_insidellms_still_lists_its_ten_models(insidellms: InsideLlms) -> None:
    """Its own types are what we know, and what we write next to them harms none."""
    listed = insidellms("list", "models").both
    assert all(name in listed for name in TYPES)
    program = "import json; from insideLLMs.registry import model_registry as r; print(json.dumps(sorted(r.list())))"
    assert insidellms.python(program) == sorted(TYPES)


def test_the_table_of_arguments_is_insidellms_own(insidellms: InsideLlms) -> None:
    """Every argument that we take is one of the constructor, and every one of the constructor but the key itself is taken."""
    found = insidellms.python(SIGNATURES)
    account = {"organization", "project", "timeout", "max_retries"}  # which openrouter hands on to openai
    for name, arguments in ARGUMENTS.items():
        signature = found[CLASSES[name]]
        own = set(arguments) - (account if name == "openrouter" else set())
        assert own == set(signature["args"]) - {"api_key"}, name
        assert [one for one, said in arguments.items() if said.required] == signature["required"], name
    assert account <= set(found["OpenAIModel"]["args"])
    assert {name for name in TYPES if found[CLASSES[name]]["open"]} == {"openrouter", "llamacpp"}
