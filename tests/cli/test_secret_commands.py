"""`${cmd:NAME/REST}` through the commands: when a command runs, and what is said of it."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import pytest
from cli.project import Project
from registry.memory import server

_places = itertools.count(1)
REFERENCE = "${cmd:vault/team/chat}"
ENDPOINT = {"url": "https://llm.example.com/v1", "model": "m", "api_key": REFERENCE}


class Vault:
    """A program that prints what is asked for, and notes that it ran."""

    def __init__(self, project: Project) -> None:
        self._log = project.root / "asked"
        self.value("s3cret-one")
        project.write(
            "vault.py",
            "import pathlib, sys\n"
            "with open('asked', 'a') as log: log.write(sys.argv[1] + '\\n')\n"
            "value = pathlib.Path('vault.txt').read_text()\n"
            "print('s3cret-noise', file=sys.stderr)\n"
            "print(value)\n"
            "sys.exit(not value)\n",
        )

    def value(self, text: str) -> None:
        Path("vault.txt").write_text(text)

    def asked(self) -> list[str]:
        """What it was asked for since the last time."""
        lines = self._log.read_text().split() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return lines


def configure(project: Project, *lines: str) -> str:
    url = f"memory://commands-{next(_places)}"
    commands = json.dumps({"vault": [sys.executable, "vault.py", "{name}"]})
    project.write(
        "reconciler.yaml",
        "\n".join(
            [
                "owner: us",
                f"secret_commands: {commands}",
                f"registries:\n  mem: {{driver: memory, url: '{url}', default: true}}",
                *lines,
                "",
            ]
        ),
    )
    return url


@pytest.fixture
def vault(project: Project) -> Vault:
    configure(project)
    return Vault(project)


def told(project: Project) -> str:
    return "".join(answer.both for answer in project.runs)


def test_a_command_runs_when_apply_needs_the_secret_and_never_before(project: Project, vault: Vault) -> None:
    """`validate`, `plan` and a plan that is saved run none; apply runs it once; unchanged, none."""
    project.manifest("chat", endpoint=ENDPOINT)
    project.ok("validate", "--strict")
    project.ok("plan", "--save", "p.plan")
    assert REFERENCE in (project.root / "p.plan").read_text()
    assert vault.asked() == []
    project.ok("apply", "--plan", "p.plan", "--yes")
    assert vault.asked() == ["team/chat"]
    assert project.plan() == {}
    project.ok("drift")
    project.ok("export", "mem/Model/chat")
    assert vault.asked() == []
    assert "s3cret" not in told(project)


def test_the_value_is_what_is_sent(project: Project) -> None:
    """Without the line end that the program prints."""
    url = configure(project)
    Vault(project)
    project.manifest("chat", endpoint=ENDPOINT)
    project.apply()
    assert "s3cret-one" in repr(server(url).rows.values())


def test_with_a_fingerprint_key_the_plan_asks_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it looks at a variable: to compare fingerprints it needs the value, once in each run."""
    configure(project, "fingerprint_key: ${env:PRINTS}")
    vault = Vault(project)
    monkeypatch.setenv("PRINTS", "p" * 32)
    project.manifest("chat", endpoint=ENDPOINT)
    project.apply()
    assert vault.asked() == ["team/chat"]
    assert project.plan() == {}
    assert vault.asked() == ["team/chat"]
    vault.value("")
    assert project.run("plan").code == 0, "a value that cannot be had is unknown, and not new"
    assert "s3cret" not in told(project)


def test_a_failure_names_the_place_the_command_and_the_way_on(project: Project, vault: Vault) -> None:
    """File, line and column; nothing that it printed; nothing was written."""
    vault.value("")
    project.write(
        "manifests/chat.yaml",
        "kind: Model\nkey: chat\nendpoint:\n  url: https://llm.example.com/v1\n  model: m\n  api_key: ${cmd:vault/team/chat}\n",
    )
    answer = project.run("apply", "--yes")
    assert answer.code != 0
    assert "manifests/chat.yaml:6:12: mem/" in answer.err
    assert "${cmd:vault/team/chat}: the command vault ended with status 1 (run it by hand" in answer.err
    assert "s3cret" not in told(project)
    assert project.keys() == []


def test_where_only_the_reference_is_kept_no_command_runs(project: Project) -> None:
    """The embedded registry stores the text."""
    project.write("reconciler.yaml", "secret_commands: {vault: [no-such-program, '{name}']}\n")
    project.manifest("chat", endpoint=ENDPOINT)
    project.apply()
    assert REFERENCE in project.ok("get", "chat").out
    exported = project.ok("export", "chat", "-o", "out/chat.yaml", "--force")
    assert REFERENCE in (project.root / "out/chat.yaml").read_text()
    assert "left out" not in exported.err


@pytest.mark.parametrize(
    ("reference", "rule", "suggestion"),
    [
        ("${cmd:vualt/a}", "unknown-command", "vault"),
        ("${cmd:vault}", "bad-reference", None),
        ("${cmd:vault/--help}", "bad-reference", None),
        ("${cmd:vault/../../root}", "bad-reference", None),
        ("Bearer ${cmd:vault/a}", "literal-secret", None),
    ],
)
def test_validate_finds_a_wrong_reference(
    project: Project, vault: Vault, reference: str, rule: str, suggestion: str | None
) -> None:
    """At its place, without running anything."""
    project.manifest("chat", endpoint={**ENDPOINT, "api_key": reference})
    answer = project.run("validate", "--format", "json")
    assert answer.code == 1
    (problem,) = answer.json("validate")["problems"]
    assert (problem["rule"], problem["pointer"], problem["suggestion"]) == (rule, "/endpoint/api_key", suggestion)
    assert vault.asked() == []


def test_only_secret_fields_take_one(project: Project, vault: Vault) -> None:
    """Anywhere else a plan would print it: in a description, in metadata, in an address."""
    project.manifest("a", description="x ${cmd:vault/a}")
    project.manifest("b", metadata={"deep": [{"er": "${cmd:vault/a}"}]})
    project.manifest("c", endpoint={**ENDPOINT, "url": "https://${cmd:vault/a}/v1"})
    rows = project.run("validate", "--format", "json").json("validate")["problems"]
    assert [(row["file"], row["rule"]) for row in rows] == [
        ("manifests/a.yaml", "command-outside-secret"),
        ("manifests/b.yaml", "command-outside-secret"),
        ("manifests/c.yaml", "bad-reference"),
    ]
    assert vault.asked() == []


@pytest.mark.parametrize(
    ("lines", "rule", "pointer"),
    [
        ("secret_commands: {vault: vault}", "wrong-type", "/secret_commands/vault"),
        ("secret_commands: {vault: []}", "bad-command", "/secret_commands/vault"),
        ("secret_commands: {vault: [vault, get]}", "bad-command", "/secret_commands/vault"),
        ("secret_commands: {vault: [sh, -c, 'get {name}']}", "bad-command", "/secret_commands/vault"),
        ("secret_commands: {'a/b': [get, '{name}']}", "bad-name", "/secret_commands/a~1b"),
        ("fingerprint_key: ${cmd:vualt/a}\nsecret_commands: {vault: [get, '{name}']}", "unknown-command", "/fingerprint_key"),
        ("registries: {l: {driver: litellm, url: 'https://x', token: '${cmd:v/a}'}}", "unknown-command", "/registries/l/token"),
        ("registries: {l: {driver: litellm, url: 'https://x/${cmd:v/a}', token: '${env:T}'}}", "bad-reference", "/registries/l/url"),
        (
            "registries: {l: {driver: litellm, url: 'https://x', token: '${env:T}', headers: {X-Team: 'a ${cmd:v/a}'}}}",
            "bad-reference",
            "/registries/l/headers/X-Team",
        ),
        (
            "secret_commands: {v: [get, '{name}']}\nenvironments: {prod: {secret_commands: {v: [get]}}}",
            "bad-command",
            "/environments/prod/secret_commands/v",
        ),
    ],
)  # fmt: skip
def test_the_configuration_is_checked(project: Project, lines: str, rule: str, pointer: str) -> None:
    """Its commands, and what it refers to itself, each at its place."""
    project.write("reconciler.yaml", f"owner: us\n{lines}\n")
    project.manifest("a")
    answer = project.run("validate", "--format", "json")
    assert answer.code == 1
    assert (rule, pointer) in [(row["rule"], row["pointer"]) for row in json.loads(answer.out)["problems"]]


def test_an_environment_has_its_own_command(project: Project) -> None:
    """A list replaces; a command that only one environment has is unknown in the others."""
    configure(project, "environments: {prod: {secret_commands: {vault: [nowhere, '{name}'], other: [get, '{name}']}}}")
    vault = Vault(project)
    project.manifest("chat", endpoint=ENDPOINT)
    assert "the command vault cannot be started" in project.run("apply", "--yes", "--env", "prod").err
    project.apply()
    assert vault.asked() == ["team/chat"]
    project.manifest("other", endpoint={**ENDPOINT, "api_key": "${cmd:other/x}"})
    assert project.run("validate", "--env", "prod").code == 0
    assert project.run("validate").code == 1


def test_a_credential_of_a_registry_may_come_from_one(project: Project) -> None:
    """It is run when the registry is opened, and not by `validate`."""
    project.write(
        "reconciler.yaml",
        "owner: us\nsecret_commands: {vault: [no-such-program, '{name}']}\n"
        "registries:\n  lite: {driver: litellm, url: 'http://127.0.0.1:9', token: '${cmd:vault/lite}', default: true}\n",
    )
    project.manifest("chat", endpoint=ENDPOINT)
    project.ok("validate")
    answer = project.run("plan")
    assert answer.code == 1
    assert "${cmd:vault/lite}: the command vault cannot be started" in answer.err


def test_a_command_is_no_way_around_the_bounds(project: Project) -> None:
    """`secrets.allow` counts for what a command prints, already in `validate`."""
    configure(project, "secrets: {allow: {'cmd:vault/team/*': [llm.example.com, 'commands-*']}}")
    vault = Vault(project)
    project.manifest("chat", endpoint=ENDPOINT)
    project.ok("validate")
    project.manifest("chat", endpoint={**ENDPOINT, "url": "https://evil.example/v1"})
    answer = project.run("validate", "--format", "json")
    (problem,) = answer.json("validate")["problems"]
    assert problem["rule"] == "secret-destination"
    assert "cmd:vault/team/chat may not be sent to evil.example" in problem["message"]
    assert vault.asked() == []


def test_a_registry_that_keeps_the_name_of_a_variable_takes_none(project: Project) -> None:
    """insideLLMs looks into its own environment: an error of `validate`."""
    project.write(
        "reconciler.yaml",
        "owner: us\nsecret_commands: {vault: [get, '{name}']}\n"
        "registries:\n  inside: {driver: insidellms, path: models, default: true}\n",
    )
    project.manifest("chat", endpoint=ENDPOINT)
    answer = project.run("validate")
    assert answer.code == 1
    assert "write ${env:NAME}" in answer.both
