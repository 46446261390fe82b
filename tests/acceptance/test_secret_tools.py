"""Secrets where teams keep them: encrypted by age and by SOPS, decrypted by a command for one apply, or before it to a file."""

from __future__ import annotations

import itertools
import json
import shlex
import subprocess
from pathlib import Path

import pytest
from cli.project import Project, argv
from programs import HANGS
from registry.memory import server

SOPS = str(Path(__file__).parents[2] / ".cache/tools/sops/bin/sops")
VALUE = "s3cret-of-the-team"
_places = itertools.count(1)


def ran(*words: str, given: str | None = None) -> str:
    """What a program prints."""
    done = subprocess.run(words, input=given, check=True, capture_output=True, text=True, timeout=HANGS)
    return done.stdout


@pytest.fixture
def encrypted(project: Project, monkeypatch: pytest.MonkeyPatch) -> str:
    """A project with encrypted secrets and the key to them; gives the address of its registry."""
    ran("age-keygen", "-o", "identity.txt")
    recipient = ran("age-keygen", "-y", "identity.txt").strip()
    (project.root / "secrets").mkdir()
    ran("age", "--recipient", recipient, "--output", "secrets/chat.age", given=f"{VALUE}\n")
    (project.root / "plain.json").write_text(json.dumps({"team": {"chat": VALUE}}))
    (project.root / "secrets/all.json").write_text(ran(SOPS, "--encrypt", "--age", recipient, "plain.json"))
    (project.root / "plain.json").unlink()
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", "identity.txt")
    url = f"memory://tools-{next(_places)}"
    project.write(
        "reconciler.yaml",
        "owner: us\n"
        "secret_commands:\n"
        '  age: [age, --decrypt, --identity, identity.txt, "secrets/{name}.age"]\n'
        f'  sops: [{SOPS}, --decrypt, --extract, \'["team"]["{{name}}"]\', secrets/all.json]\n'
        f"registries:\n  mem: {{driver: memory, url: '{url}', default: true}}\n",
    )
    return url


def declare(project: Project, api_key: str) -> None:
    project.manifest("chat", endpoint={"url": "https://llm.example.com/v1", "model": "m", "api_key": api_key})


def sent(url: str) -> bool:
    return repr(VALUE) in repr(server(url).rows)


@pytest.mark.parametrize("reference", ["${cmd:age/chat}", "${cmd:sops/chat}"])
def test_it_is_decrypted_for_one_apply(project: Project, encrypted: str, reference: str) -> None:
    """The registry gets the value; it is in nothing that was said, and in no file."""
    declare(project, reference)
    project.apply("--backup", "backup")
    assert sent(encrypted)
    assert VALUE not in "".join(answer.both for answer in project.runs)
    assert not [path for path in project.root.rglob("*") if path.is_file() and VALUE.encode() in path.read_bytes()]


@pytest.mark.parametrize("tool", ["age", "sops"])
def test_a_key_that_does_not_fit_writes_nothing(project: Project, encrypted: str, tool: str) -> None:
    """The program's own status is told, and its words are not."""
    (project.root / "identity.txt").unlink()
    ran("age-keygen", "-o", "identity.txt")
    declare(project, f"${{cmd:{tool}/chat}}")
    answer = project.run("apply", "--yes")
    assert answer.code == 1
    assert f"${{cmd:{tool}/chat}}: the command {tool} ended with status" in answer.err
    assert "identity" not in answer.both.replace("identity.txt", "")
    assert not sent(encrypted)


def test_a_file_that_sops_decrypted_is_a_file(project: Project, encrypted: str) -> None:
    """As pipelines do it: `sops --decrypt` to a file, apply, remove; `validate` says where it is gone."""
    extract = ["--decrypt", "--extract", '["team"]["chat"]', "--output", "secrets/chat.key"]
    ran(SOPS, *extract, "secrets/all.json")
    declare(project, "${file:../secrets/chat.key}")
    project.apply()
    assert sent(encrypted)
    (project.root / "secrets/chat.key").unlink()
    assert "missing-file" in project.run("validate").both


def test_sops_gives_it_to_one_command(project: Project, encrypted: str) -> None:
    """`sops exec-env` is a variable like any other."""
    (project.root / "plain.json").write_text(json.dumps({"CHAT_KEY": VALUE}))
    recipient = ran("age-keygen", "-y", "identity.txt").strip()
    (project.root / "env.json").write_text(ran(SOPS, "--encrypt", "--age", recipient, "plain.json"))
    project.write("reconciler.yaml", "owner: us\nfingerprint_key: ${env:CHAT_KEY}\n")
    declare(project, "${env:CHAT_KEY}")
    said = ran(SOPS, "exec-env", "env.json", shlex.join(argv("apply", "--yes")))
    assert "Applied: 1 created." in said
    assert VALUE not in said
