"""Files that are plainly somebody else's: one error that says whose, and the way out."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from importing.imports import imported

from reconciler.core.document import load
from reconciler.core.errors import Problem
from reconciler.manifest.load import Reader
from reconciler.manifest.recognise import recognise, recognise_text

FOREIGN = {
    "a Kubernetes object": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Service\n",
    "a Kubernetes object of our own group, in a later version": "apiVersion: models.reconciler.dev/v9\nkind: Model\nmetadata: {name: a}\n",
    "a Kustomize file": "resources: [a.yaml]\nnamePrefix: dev-\n",
    "a Helm chart's Chart.yaml": "apiVersion: v2\nname: chart\nversion: 0.1.0\n",
    "Helm values": "replicaCount: 1\nimage: {repository: nginx, tag: x}\nservice: {port: 80}\n",
    "Helm values, few": "image: {repository: nginx}\nsecrets: {dbPassword: hunter2}\nconfig: {logLevel: debug}\n",
    "a template of a Helm chart": "metadata:\n  name: {{ .Values.name }}\n{{- if .Values.x }}\n  a: 1\n{{- end }}\n",
    "a Compose file": "services: {app: {image: app, models: [llm]}}\nmodels: {llm: {model: ai/some}}\n",
    "a GitHub workflow": "on: [push]\njobs: {a: {runs-on: ubuntu-latest, steps: []}}\n",
    "a GitHub action": "name: x\nruns: {using: composite, steps: []}\n",
    "a GitLab pipeline": "stages: [test]\ntest: {stage: test, script: [make]}\n",
    "a Dependabot configuration": "version: 2\nupdates: []\n",
    "a pre-commit configuration": "repos: [{repo: local, hooks: []}]\n",
    "a package.json": '{"name": "x", "version": "1.0.0", "scripts": {"test": "jest"}}',
    "an OpenAPI description": "openapi: 3.1.0\ninfo: {title: x}\n",
    "a JSON Schema": '{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}',
    "an MCP configuration": '{"mcpServers": {}}',
    "a Continue": "name: A\nversion: 0.0.1\nschema: v1\nmodels: [{name: GPT, provider: openai, model: gpt-x}]\n",
    "an MLflow model's MLmodel": "flavors: {}\nartifact_path: model\n",
    "a Hugging Face config.json": '{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}',
    "a request to a chat completion API": '{"model": "m", "messages": []}',
    "reconciler's own configuration": "owner: us\nregistries: {local: {driver: local, path: x.db}}\n",
}
IMPORTABLE = {
    "a LiteLLM configuration": "model_list: [{model_name: a, litellm_params: {model: openai/a}}]\n",
    "IBM's ADK": "spec_version: v1\nkind: model\nname: openai/x\n",
    "watsonx Orchestrate's API": '{"name": "virtual-model/openai/x", "provider_config": {}, "model_type": "chat"}',
    "NeMo's models service": '{"name": "llama", "fileset": "default/x"}',
    "a run config of insideLLMs": "model: {type: openai, args: {model_name: m}}\nprobe: {type: logic}\n",
    "a harness of insideLLMs": "models: [{type: openai, args: {model_name: m}}]\nprobes: []\n",
    "run config of lf": "key: a\ndisplay_name: A\nconfig: {url: u, model_key: m}\n",
}
WORDS = (
    "apiVersion", "args", "config", "data", "image", "jobs", "key", "kind", "model", "model_list", "models", "name", "policy",
    "provider_config", "registries", "repos", "resources", "runs", "secrets", "services", "type", "version",
)  # fmt: skip
OURS = (
    "key: chat\nendpoint: {url: https://llm.example.com/v1}\n",
    "key: chat\nprovider: {name: openai, model: m}\ntags: [a]\n",
    "name: chat\nendpoint: {url: https://llm.example.com/v1}\n",
    "kind: Modle\nkey: chat\n",
    "kind: nemo/Model\nkey: chat\n",
    "kind: Template\nkey: chat\n",
    "{}\n",
    "a: 1\n",
)


def problems(folder: Path, text: str) -> tuple[Problem, ...]:
    return Reader(folder, {}).read_stdin(text.encode(), folder).problems


@pytest.mark.parametrize("title", [*FOREIGN, *IMPORTABLE])
def test_it_is_one_error_that_names_whose_it_is(tmp_path: Path, title: str) -> None:
    """However many documents and fields the file has."""
    text = {**FOREIGN, **IMPORTABLE}[title]
    (problem,) = problems(tmp_path, text)
    assert problem.rule == "foreign-file"
    assert title.partition(",")[0].partition(" of our")[0] in problem.message
    importable = title in IMPORTABLE
    assert ("reconciler import <stdin>" in str(problem.suggestion)) == importable
    assert "move it out of the manifests folder" in str(problem.suggestion)


@pytest.mark.parametrize("title", IMPORTABLE)
def test_what_the_message_says_can_be_imported_can(tmp_path: Path, title: str) -> None:
    """The way out that is named leads somewhere."""
    made = imported(tmp_path, {"file.yaml": IMPORTABLE[title]})
    assert not made.errors
    assert made.manifests


@pytest.mark.parametrize("text", OURS)
def test_a_manifest_with_a_mistake_is_not_somebody_elses(tmp_path: Path, text: str) -> None:
    """A field that is missing or mistyped is told as that."""
    assert recognise(load(text, "x.yaml").documents[0].value) is None
    assert "foreign-file" not in {problem.rule for problem in problems(tmp_path, text)}


@pytest.mark.parametrize("text", ["a: {{ b }}\n", "a: [\n", "{% if x %}\n"])
def test_a_text_that_is_no_yaml_is_not_taken_for_a_chart(text: str) -> None:
    """Only what Helm writes, and nothing else does."""
    assert recognise_text(text) is None


def test_what_stands_beside_it_is_checked_all_the_same(tmp_path: Path) -> None:
    """One foreign document hides no mistake of ours."""
    text = dedent("""\
        apiVersion: v1
        kind: Service
        ---
        kind: Model
        key: a
        endpont: {}
        ---
        apiVersion: v1
        kind: Service
        """)
    assert [(one.line, one.rule) for one in problems(tmp_path, text)] == [(1, "foreign-file"), (6, "unknown-field")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_anything_can_be_looked_at(data: Any) -> None:
    """Whatever stands where a format has something else: an answer, and no bug of ours."""
    found = recognise(data)
    assert found is None or isinstance(data, dict)
