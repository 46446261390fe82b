"""A secret's value is nowhere: not in an answer, a log, an error, a traceback, a plan, a backup or the registry's file, in no encoding."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
from collections.abc import Iterator
from typing import Any, Final

import pytest
from cli.project import Project, environment
from loopback import serving
from test_redaction import FORMS

VALUES = {
    "FP": "fp-7d1c0f59-0123456789abcdef",
    "KEY": "key-5b7e2a11-Zx81qLmW",
    "TOKEN": "token-0c9d8e77+/=pQ",
    "OTHER": "other-\u00e9-4f3a2b1c\"'\\",
}
IN_FILE = "file-99aabbcc-1122334455"
UNUSED = "unused-12ab34cd-5566778899"
CONFIG = """\
owner: us
fingerprint_key: ${env:FP}
registries: {local: {driver: local, path: registry.db, default: true}}
"""
_FORMS: Final = {name: form for name, form in FORMS.items() if name != "base64 of JSON"}


def forms_of(value: str) -> set[str]:
    """A value in every encoding that is cheaply undone, its parts, and its hashes."""
    forms = {form(value) for form in _FORMS.values()} | {value.upper(), value.lower(), value[:12], value[-8:]}
    forms |= {
        hashlib.new(name, value.encode(), usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256")
    }
    return forms


def leaks(text: str, values: list[str]) -> list[str]:
    return [form for value in values for form in forms_of(value) if form in text]


@pytest.fixture
def secretive(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project full of secrets; at its end, all that was ever said and every file but theirs is searched for the values."""
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("UNUSED_SECRET", UNUSED)
    project.write("reconciler.yaml", CONFIG)
    project.write("manifests/secret.txt", IN_FILE + "\n")
    headers = {"X-Token": "${env:TOKEN}", "X-Tenant": "acme", "X-Other": "${env:OTHER}"}
    project.manifest("a", endpoint={"url": "https://x.example.com", "api_key": "${env:KEY}", "headers": headers})
    project.manifest("b", endpoint={"url": "https://x.example.com", "api_key": "${file:secret.txt}"})
    yield project
    values = [*VALUES.values(), IN_FILE, UNUSED]
    for answer in project.runs:
        assert leaks(answer.both, values) == []
    for path in project.root.rglob("*"):
        if path.is_file() and path.name != "secret.txt":
            assert leaks(path.read_bytes().decode("utf-8", "replace"), values) == [], path


def test_no_command_says_a_secret(secretive: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command, in every format, with -v, through create, rotation, rename and deletion."""
    project = secretive
    for output in ("text", "json", "markdown"):
        project.run("plan", "-v", "--format", output, "--save", f"plan-{output}", "--output", f"json=o-{output}.json")
    assert project.run("apply", "--yes", "-v").code == 0
    monkeypatch.setenv("KEY", VALUES["TOKEN"])
    for output in ("text", "json", "markdown"):
        assert "rotate" in project.run("plan", "-v", "--format", output).out
        project.run("drift", "--format", output)
    project.run("apply", "--yes", "--format", "json")
    for output in ("text", "json", "github", "sarif", "junit", "codequality"):
        project.run("validate", "--format", output)
    for words in (("list",), ("get", "a"), ("history", "a"), ("export", "a"), ("info", "a")):
        project.run(*words)
        project.run(*words, "--format", "json")
    project.ok("export", "--all", "-o", "out")
    project.remove("a")
    project.manifest("c", previous_keys=["a"], endpoint={"url": "https://x.example.com", "api_key": "${env:KEY}"})
    project.run("apply", "--yes", "--backup", "kept")
    project.ok("delete", "b", "--yes")
    project.ok("schema")


def test_no_failure_says_a_secret(secretive: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing values, stale plans, conflicts, broken files and bugs."""
    project = secretive
    project.ok("plan", "--save", "plan.json")
    project.apply()
    project.run("apply", "--plan", "plan.json", "-v")
    monkeypatch.delenv("KEY")
    project.run("apply", "--yes", "--rotate", "a")
    monkeypatch.setenv("KEY", "")
    project.manifest(
        "d", endpoint={"url": "https://x.example.com", "api_key": "${env:KEY}", "headers": {"X-Token": "${env:TOKEN}"}}
    )
    assert project.run("apply", "--yes", "--format", "json").code == 1
    project.write("manifests/broken.yaml", 'kind: Model\nkey: e\nendpoint: {url: x, api_key: ["${env:KEY}"}\n')
    project.run("validate")
    (project.root / "manifests/broken.yaml").unlink()
    project.write("registry.db", "no database")
    project.run("apply", "--yes")

    def broken(*given: object, **more: object) -> None:
        raise RuntimeError("a bug")

    (project.root / "registry.db").unlink()
    monkeypatch.setenv("KEY", VALUES["KEY"])
    monkeypatch.setattr("reconciler.registry.local.store.Store.create", broken)
    answer = project.run("apply", "--yes")
    assert (answer.code, "Traceback" in answer.err) == (3, True)


def test_a_secret_that_is_no_utf_8_is_no_bug(secretive: Project) -> None:
    """The environment holds bytes; ours are taken as they are."""
    ran = secretive.command("apply", "--yes", env={**os.environb, b"KEY": b"caf\xe9-\xff"})
    assert ran.returncode == 0, ran.stderr


def test_a_secret_in_a_variable_is_refused(project: Project) -> None:
    """`variables` cannot smuggle the environment into a description."""
    project.write(
        "reconciler.yaml", 'variables: {x: "${env:KEY}"}\nregistries: {local: {driver: local, default: true}}'
    )
    project.manifest("a", description="${var:x}")
    answer = project.run("plan")
    assert (answer.code, "bad-reference" in answer.err) == (1, True)


def test_the_value_reaches_nobody_without_being_asked_for(project: Project) -> None:
    """validate and plan never look at the environment: they do the same with and without the values."""
    project.manifest("a", endpoint={"url": "https://x.example.com", "api_key": "${env:SOME_KEY}"})
    for command in (("validate",), ("plan", "--format", "json")):
        without, with_value = (
            project.command(*command, env=environment(**more)) for more in ({}, {"SOME_KEY": "hunter2"})
        )
        assert (without.returncode, without.stdout) == (with_value.returncode, with_value.stdout)


# --- servers that repeat what they were sent ---------------------------------------------------------------------


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with all that it was sent, in the encoding `form`, with `status`."""

    form = staticmethod(str)
    status = 400

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        sent = [*(value for name, value in self.headers.items()), self.path, self.rfile.read(length).decode()]
        sent += [value.partition(" ")[2] for value in sent]
        said = " | ".join(self.form(text) for text in sent if text)
        body = json.dumps({"message": said, "choices": [{"message": {"role": "assistant", "content": said}}]}).encode()
        self.send_response(self.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815  # the names that http.server calls

    def log_message(self, *words: Any) -> None:
        """Nothing."""


@pytest.fixture
def echo() -> Iterator[str]:
    with serving(Echo) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("status", [200, 400, 401])
def test_no_command_says_what_a_server_repeats(
    secretive: Project, echo: str, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """A registry and an endpoint that are hostile, and whose addresses are secrets themselves."""
    project = secretive
    monkeypatch.setattr(Echo, "status", status)
    monkeypatch.setenv("WHERE", f"{echo}/{UNUSED}")
    project.write(
        "reconciler.yaml",
        'owner: us\nregistries: {far: {driver: watsonx, url: "${env:WHERE}/v1", token: "${env:TOKEN}", default: true}}\n',
    )
    project.manifest("a", endpoint={"url": f"{echo}/v1", "model": "m", "api_key": "${env:KEY}"})
    project.remove("b")
    for form in FORMS.values():
        monkeypatch.setattr(Echo, "form", staticmethod(form))
        project.run("test", "a", "--format", "json")
    for name in ("plain", "base64", "JSON in JSON", "percent, small letters"):
        monkeypatch.setattr(Echo, "form", staticmethod(FORMS[name]))
        for words in (
            *(("plan", "-vv", "--format", output, "--output", f"markdown={name}.md") for output in ("text", "json")),
            *(("apply", "--yes", "-vv", "--format", output) for output in ("text", "json")),
            *((command, "-vv") for command in ("drift", "list", "validate")),
            *(
                ("get", "a", "-vv"),
                ("export", "a"),
                ("delete", "a", "--yes"),
                ("test", "a", "-vv"),
                ("info", "a", "--live"),
            ),
        ):
            project.run(*words)
    assert all(answer.code != 3 for answer in project.runs)


def test_an_address_of_the_environment_stands_in_no_plan(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saved plan knows it by a hash, and still notices that it leads elsewhere."""
    monkeypatch.setenv("LF_URL", f"https://{UNUSED}.example.com")
    monkeypatch.setenv("LF_API_KEY", VALUES["KEY"])
    project.write(
        "reconciler.yaml",
        'owner: us\nregistries: {aigo: {driver: latticeflow, owns: ["*"]}, local: {driver: local, path: r.db, default: true}}\n',
    )
    project.manifest("a")
    answer = project.run("plan", "--registry", "local", "--save", "plan.json", "-v")
    assert answer.code == 0, answer.both
    assert leaks(answer.both + (project.root / "plan.json").read_text(), [UNUSED]) == []
    assert "${env:LF_URL} (sha256:" in answer.err
