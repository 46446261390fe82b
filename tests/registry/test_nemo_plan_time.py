"""What NeMo refuses and we can know is said before anything is written: offline where we can, else at plan. Each row was asked of the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from cli.project import Answer, Project
from registry.nemo.server import create_fileset, create_workspace
from registry.nemo.wire import Wire, wire
from registry.nemo_contract import proxy as proxy
from registry.nemo_proxy import Passed, Proxy, writes
from registry.server_process import Running

from reconciler.core.document.dump import dump_yaml

PATHS: Final = {"Model": "models", "Provider": "providers", "Prompt": "prompts"}
LONG: Final = "x" * 256

REFUSED: Final = (
    *(
        ("Model", {"api_endpoint": {"url": url}})
        for url in (
            "not-a-url",
            "llm.example.com/v1",
            "//llm.example.com/v1",
            "/v1",
            "http://",
            "https://llm example.com",
            "http://[::1",
            "http://llm.example.com:99999/",
        )
    ),
    *(("Model", {"fileset": name}) for name in ("a/b/c", "/files", "files/")),
    *(
        ("Provider", {"host_url": "http://x", "auth_header_format": form})
        for form in (
            "x-api-key",
            "x-api-key: key",
            "{{ auth_secret }}",
            "x-api-key:{{ auth_secret }}",
            ": {{ auth_secret }}",
            "A: {{ auth_secret }} {{ auth_secret }}",
            "A: {{ other }}",
            "A: {{ auth_secret }}{{ other }}",
            "A: {{- auth_secret }}",
            "A: {{ auth_secret",
            "",
        )
    ),
    *(("Prompt", {"tool_choice": choice}) for choice in (5, True, ["auto"])),
    ("Prompt", {"tools": [{"type": "function", "function": {"name": LONG}}]}),
    ("Prompt", {"inference_params": {"temperature": 3}}),
    ("Prompt", {"inference_params": {"max_tokens": 1, "max_completion_tokens": 1}}),
    ("Model", {"description": "x" * 1001}),
)
TAKEN: Final = (
    *(
        ("Model", {"api_endpoint": {"url": url}})
        for url in (
            "http:/llm.example.com",
            "HTTP://LLM.example.com:80",
            "urn:x",
            "localhost:8000",
            " https://x ",
            "http://☃/",
        )
    ),
    *(
        ("Provider", {"host_url": "http://x", "auth_header_format": form})
        for form in (
            "x-api-key: {{ auth_secret }}",
            "Authorization: Token {{auth_secret|upper}}",
            "A: t {{- auth_secret -}} ",
            "A: {# the key, not auth_secret itself #}{{ auth_secret }}",
            'A: {{ "v1 " }}{{ auth_secret }}',
            "{{ auth_secret }}: value",
        )
    ),
    ("Prompt", {"tool_choice": "auto"}),
    ("Prompt", {"tool_choice": {}}),
)
CONFIG: Final = """\
owner: us
registries:
  nemo: {{driver: nemo, url: '{url}', workspace: {workspace}, default: true}}
"""


@pytest.fixture
def server(nemo_server: Running, workspace: str) -> Iterator[Wire]:
    with wire(nemo_server.url, workspace) as server:
        yield server


@pytest.fixture
def here(project: Project, proxy: Proxy, workspace: str) -> Project:
    """A project for the workspace, through the proxy."""
    project.write("reconciler.yaml", CONFIG.format(url=proxy.url, workspace=workspace))
    return project


def declare(project: Project, *documents: dict[str, Any]) -> None:
    project.write("manifests/all.yaml", "---\n".join(map(dump_yaml, documents)))


def native(kind: str, key: str, **fields: Any) -> dict[str, Any]:
    return {"kind": f"nemo/{kind}", "key": key, **fields}


def validated(project: Project, kind: str, fields: dict[str, Any]) -> Answer:
    declare(project, native(kind, "one-object", **fields))
    return project.run("validate")


def test_what_the_server_refuses_is_refused_offline(here: Project, proxy: Proxy, server: Wire) -> None:
    """Each value that it answers with 422 or 400 is an error of `validate`, at the value's place."""
    wrong = []
    for number, (kind, fields) in enumerate(REFUSED):
        answer = server.post(PATHS[kind], f"m{number}", **fields)
        said = validated(here, kind, fields)
        if not (answer.is_client_error and said.code == 1 and "manifests/all.yaml:" in said.out):
            wrong.append((kind, fields, answer.status_code, said.both))
    assert not wrong
    assert not proxy.passed  # `validate` asked nobody


def test_what_the_server_takes_is_not_refused(here: Project, server: Wire) -> None:
    """No check of ours is stricter than the server: what it answers with 201 is valid."""
    wrong = []
    for number, (kind, fields) in enumerate(TAKEN):
        answer = server.post(PATHS[kind], f"m{number}", **fields)
        said = validated(here, kind, fields)
        if (answer.status_code, said.code) != (201, 0):
            wrong.append((kind, fields, answer.status_code, said.both))
    assert not wrong


def test_a_portable_model_is_held_to_the_same(here: Project) -> None:
    """What it compiles to and what it overrides, at the place in its manifest."""
    here.manifest("chat", registries={"nemo": {"api_endpoint": {"url": "llm.example.com/v1"}}})
    answer = here.run("validate", "--format", "json")
    (problem,) = answer.json("validate")["problems"]
    assert (problem["rule"], problem["pointer"]) == ("registry-limit", "/registries/nemo/api_endpoint/url")
    assert "https://llm.example.com/v1" in problem["message"]


def test_a_fileset_that_is_not_there_is_found_at_plan(
    here: Project, proxy: Proxy, server: Wire, nemo_server: Running
) -> None:
    """In the own workspace, in another one and in none; the plan says how it comes to be, and nothing is written."""
    other = create_workspace(nemo_server.url)
    create_fileset(nemo_server.url, server.workspace, "files")
    create_fileset(nemo_server.url, other, "files")
    there = (native("Model", "m1", fileset="files"), native("Model", "m2", fileset=f"{other}/files"))
    own = native("Model", "m3", fileset=f"{server.workspace}/files")
    declare(here, *there, own)
    here.ok("plan")
    filesets = [one.path for one in proxy.passed if one.kind == "filesets"]
    assert filesets == [path(server.workspace), path(other, "files")]  # one read, and one for each elsewhere
    lost = {"m4": "nope", "m5": f"{other}/nope", "m6": "no-workspace/files"}
    adapter = native("Adapter", "a1", model="m1", fileset="nope", finetuning_type="lora")
    declare(here, *there, *(native("Model", key, fileset=name) for key, name in lost.items()), adapter)
    for command in (("plan",), ("apply", "--yes"), ("drift",)):
        answer = here.run(*command)
        assert answer.code == 1, answer.both
        assert answer.err.count("error[dangling-reference]") == len(lost) + 1
        for key, name in lost.items():
            assert (
                f"nemo/Model/{key} /fileset refers to nemo/Fileset/{name}, which the registry does not have"
                in answer.err
            )
        assert "create the fileset with its files first" in answer.err
    assert not [one for one in proxy.passed if writes(one)]
    assert server.post("models", "m4", fileset="nope").status_code == 400  # what apply would have met


def path(workspace: str, name: str = "") -> str:
    return f"/apis/files/v2/workspaces/{workspace}/filesets" + (f"/{name}" if name else "")


def of_filesets(request: Passed) -> bool:
    return request.kind == "filesets"


@pytest.mark.parametrize("status", [404, 403, 405])
def test_without_the_service_filesets_are_not_looked_up(here: Project, proxy: Proxy, status: int) -> None:
    """A platform that has it not answers 404 to its list, one whose token may not see it 403, another server something else: the plan goes on."""
    proxy.answer(status, "Not Found", times=9, of=of_filesets)
    declare(here, native("Model", "m1", fileset="nope"))
    assert here.plan() == {"nemo/Model/m1": "create new"}


def test_who_names_no_fileset_reads_none(here: Project, proxy: Proxy) -> None:
    """The service is asked only where a manifest needs it."""
    declare(here, native("Model", "m1", description="d"))
    here.ok("plan")
    assert not list(filter(of_filesets, proxy.passed))


def test_get_shows_what_the_server_alone_says(here: Project, server: Wire, nemo_server: Running) -> None:
    """A model's id, when it was made, and its adapters, as text and as JSON; of an adapter, which has no id, the rest."""
    create_fileset(nemo_server.url, server.workspace, "files")
    server.post("models", "m1", description="d")
    server.post("adapters", "a1", model="m1", fileset="files", finetuning_type="lora").raise_for_status()
    stored = server.stored("models", "m1")
    facts = here.ok("get", "nemo/Model/m1", "--format", "json").json("get")["server_facts"]
    assert facts.keys() == {"id", "created_at", "adapters"}
    assert (facts["id"], facts["created_at"]) == (stored["id"], stored["created_at"])
    assert [one["name"] for one in facts["adapters"]] == ["a1"]
    text = here.ok("get", "nemo/Model/m1").out
    assert json.loads(text.partition("Said by the registry alone:\n")[2]) == facts
    adapter = here.ok("get", "nemo/Adapter/a1", "--format", "json").json("get")
    assert adapter["server_facts"] == {"created_at": server.stored("adapters", "a1")["created_at"]}
    assert not facts.keys() & adapter["spec"].keys()
