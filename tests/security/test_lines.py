"""Lines of the threat model in SECURITY.md that no other test holds."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.project import Project
from programs import BIN, run

from reconciler.core.spec import digest

VALUE = "value-that-nobody-names"


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A port of loopback where a request would be heard."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system [touch ran]",
        "!!python/name:os.system",
        "!!python/object/new:pathlib.Path [ran]",
        "!Ref x",
        "!!binary eA==",
    ],
)
def test_a_tag_makes_no_object(project: Project, tag: str) -> None:
    """A tag that is none of YAML's own for JSON is a problem of its line, and nothing runs."""
    project.write("manifests/a.yaml", f"kind: Model\nkey: a\ndescription: {tag}\n")
    answer = project.run("validate")
    assert answer.code == 1, answer.both
    assert "manifests/a.yaml:3:14: error[unknown-tag]" in answer.both
    assert not (project.root / "ran").exists()


def test_no_address_of_a_manifest_is_asked_by_a_plan_or_apply(project: Project, listening: socket.socket) -> None:
    """Whoever writes a manifest cannot use us to reach an address that only we can reach."""
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    project.manifest("a", endpoint={"url": url, "model": "m"})
    project.ok("validate")
    project.run("plan")
    project.apply()
    project.run("drift")
    with pytest.raises(BlockingIOError):
        listening.accept()


def test_no_module_of_the_project_is_imported(project: Project) -> None:
    """Files that are called like modules lie in the project; the installed command and its processes pass them by."""
    for name in ("json", "yaml", "sqlite3", "cel_expr_python", "jinja2", "sitecustomize", "reconciler", "encodings"):
        project.write(f"{name}.py", "open('ran', 'w').close()\n")
    project.manifest("a")
    project.write(
        "reconciler.yaml",
        "owner: us\npolicies: [policies]\nregistries: {local: {driver: local, path: r.db, default: true}}\n",
    )
    project.write("policies/p.yaml", "name: named\nmessage: name it\ncel: manifest.key != ''\n")
    for words in (("validate",), ("plan",), ("apply", "--yes")):
        run(BIN / "reconciler", *words, cwd=project.root)
    assert not (project.root / "ran").exists()


@pytest.mark.parametrize("declared", [{}, {"/description": "${env:ANOTHER}"}], ids=["as text", "as a secret"])
def test_no_plan_file_reads_a_secret_into_an_open_field(
    project: Project, monkeypatch: pytest.MonkeyPatch, declared: dict[str, str]
) -> None:
    """A reference that somebody wrote into a plan, whether it says that it is a secret or not, is refused: the plan does not show it."""
    monkeypatch.setenv("ANOTHER", VALUE)
    project.manifest("a")
    project.run("plan", "--save", "plan.json")
    data: dict[str, Any] = json.loads((project.root / "plan.json").read_text("utf-8"))
    del data["digest"]
    (write,) = data["saved"]["writes"].values()
    write["desired"]["spec"]["description"] = "${env:ANOTHER}"
    write["desired"]["secrets"] = declared
    project.write("plan.json", json.dumps(data | {"digest": digest(data)}))
    answer = project.run("apply", "--plan", "plan.json", "--yes")
    assert answer.code == 4, answer.both
    assert "nothing was written" in answer.err
    stored = b"".join(path.read_bytes() for path in project.root.rglob("*") if path.is_file())
    assert VALUE.encode() not in stored + answer.both.encode()


def test_what_lies_in_the_own_folder_is_never_run(project: Project) -> None:
    """Programs, modules and stale files in .reconciler/ are passed by."""
    project.manifest("a")
    project.apply()
    for name in ("hook.sh", "sitecustomize.py", "cache/x.py", "cache/x.pickle", "__init__.py"):
        path = project.write(f".reconciler/{name}", "#!/bin/sh\ntouch ran\nopen('ran', 'w').close()\n")
        path.chmod(0o755)
    for words in (("validate",), ("plan",), ("apply", "--yes"), ("history", "a"), ("drift",)):
        project.run(*words)
    assert [path.name for path in project.root.rglob("ran")] == []


def test_a_variable_that_nobody_names_is_neither_shown_nor_stored(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither what commands print nor any file that they write holds the value, not even of one called like a secret."""
    monkeypatch.setenv("OPENAI_API_KEY", VALUE)
    monkeypatch.setenv("UNNAMED", VALUE)
    project.manifest("a")
    for words in (("validate",), ("plan", "--save", "plan.json"), ("apply", "--yes"), ("get", "a"), ("info",)):
        project.run(*words)
    written = b"".join(path.read_bytes() for path in project.root.rglob("*") if path.is_file())
    assert VALUE.encode() not in written
    assert VALUE not in "".join(answer.both for answer in project.runs)
    assert os.environ["UNNAMED"] == VALUE
