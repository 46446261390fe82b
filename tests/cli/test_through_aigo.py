"""`test` through AI GO!: what becomes of an input on its way to the endpoint and back, in every format, without secrets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cli.project import Project
from registry.aigo.server import Server, aigo

BEFORE = '{"ask": {{ input.messages[0].content | tojson }}}'
AFTER = '{"said": "{{ body | json_escape }}"}'
ADAPTER = f"""\
kind: latticeflow/Adapter
key: mine
display_name: Mine
process_input: {{language: jinja, source_code: '{BEFORE}'}}
process_output: {{language: jinja, source_code: '{AFTER}'}}
"""
MODEL = """\
kind: latticeflow/Model
key: own
display_name: Own
config: {url: 'https://llm.example.com/own', adapter: {key: mine}, model_key: m}
"""
CONFIG = """\
owner: us
registries:
  aigo: {{driver: latticeflow, default: true, owns: ['*'], url: '{url}', api_key: '${{env:AIGO_KEY}}'}}
"""
STEPS = [
    {"name": "transform-input", "text": '{"ask": "Hello!"}', "template": BEFORE},
    {"name": "run-inference", "text": "Hi.", "status": 200},
    {"name": "transform-output", "text": '{"said": "Hi."}', "template": AFTER},
]


@pytest.fixture
def server(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """AI GO! with a model behind an adapter of its own."""
    with aigo() as running:
        monkeypatch.setenv("AIGO_KEY", running.key)
        project.write("reconciler.yaml", CONFIG.format(url=running.url))
        project.write("manifests/adapter.yaml", ADAPTER)
        project.write("manifests/own.yaml", MODEL)
        project.ok("apply", "--yes")
        running.behaviour.inference_output = "Hi."
        yield running


def test_json_shows_the_whole_transformation(project: Project, server: Server) -> None:
    """The templates, what they made, and the endpoint's answer with its status."""
    data = project.ok("test", "own", "--format", "json").json("test")
    assert data["steps"] == STEPS
    assert (data["output"], data["state"]) == ({"said": "Hi."}, "ok")


def test_text_shows_it_where_it_is_asked_for(project: Project, server: Server) -> None:
    """With -v; without, a line for each check and the output are enough."""
    assert "transform-input:" not in project.ok("test", "own").out
    out = project.ok("test", "own", "-v").out
    assert '\ntransform-input:\n  {"ask": "Hello!"}\nrun-inference, status 200:\n  Hi.\ntransform-output:\n' in out


@pytest.mark.parametrize(
    ("broken", "step"), [("process_input", "transform-input"), ("process_output", "transform-output")]
)
def test_a_failed_step_shows_its_template(project: Project, server: Server, broken: str, step: str) -> None:
    """Always, with what it had been given: the step before it."""
    template = "{{ nothing.at.all }}"
    source = BEFORE if broken == "process_input" else AFTER
    project.write("manifests/adapter.yaml", ADAPTER.replace(source, template))
    project.ok("apply", "--yes")
    answer = project.run("test", "own")
    assert answer.code == 1
    assert f"{step}, template:\n  {template}\n" in answer.out
    if step == "transform-output":
        assert "run-inference, status 200:\n  Hi.\n" in answer.out


def test_a_failed_inference_shows_what_was_sent_and_answered(project: Project, server: Server) -> None:
    """Without the credentials that the endpoint repeats."""
    server.behaviour.inference_status = 401
    server.behaviour.inference_output = "no such key"
    answer = project.run("test", "own")
    assert answer.code == 1
    assert 'transform-input:\n  {"ask": "Hello!"}\nrun-inference, status 401:\n  no such key\n' in answer.out
    assert server.key not in answer.both


def test_streams_can_be_required_only_where_they_are_tested(project: Project, server: Server) -> None:
    """AI GO! does not test them: what is required and not tested has failed."""
    answer = project.run("test", "own", "--require", "streaming")
    assert (answer.code, "it is required, and aigo does not test it" in answer.out) == (1, True)
