"""Completion: what may follow, from the project, quickly, and without a word where anything is wrong."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import click
import pytest
from cli.every_command import EVERY
from cli.project import UNHURRIED, Project
from programs import HANGS

from reconciler.cli.completer import COMPLETERS, answer
from reconciler.cli.completion import SCRIPTS
from reconciler.cli.main import COMPLETING
from reconciler.project.known_names import Budget, known_names
from reconciler.project.workspace import open_workspace

CONFIG: Final = """\
owner: us
registries:
  local: {driver: local, path: r.db, default: true}
  other: {driver: local, path: o.db}
environments: {dev: {}, prod: {registries: {third: {driver: local, path: t.db}}}}
"""
MODEL: Final = 'endpoint: {url: "https://x.example.com/v1", model: m, api_key: "${env:TOP_SECRET}"}\n'
BIN: Final = Path(sys.executable).parent


@pytest.fixture
def names(project: Project) -> Project:
    """A project with two models in one file and names that a shell would obey in another."""
    project.write("reconciler.yaml", CONFIG)
    project.write(
        "manifests/a.yaml",
        f"kind: Model\nkey: chat\nlabels: {{team: cx, tier: gold}}\n{MODEL}---\n"
        f"kind: Model\nkey: chess\nlabels: {{team: ops}}\n{MODEL}registries: {{other: {{key: chess-2}}}}\n",
    )
    hostile = [
        "$(touch pwned)",
        "a;touch pwned",
        "`touch pwned`",
        "a b",
        "a'b",
        "-rf",
        "~",
        "a\tb",
        "a\nb",
        "!!",
        "a\\b",
    ]
    text = "---\n".join(f"kind: Model\nkey: {json.dumps(key)}\nlabels: {{x: {json.dumps(key)}}}\n" for key in hostile)
    project.write("manifests/hostile.yaml", text)
    return project


def _answers(shell: str, typed: str) -> list[str]:
    words = typed if shell == "bash" else typed.replace(" ", "\n")
    found = answer(shell, {"_RECONCILER_WORDS": words, "_RECONCILER_BREAKS": " \t\n\"'><=;|&(:"})
    return [line.split("\t")[1] if line.startswith("plain") else line for line in found]


TABLE = [
    ("pl", ["plan"]),
    ("get ", ["chat", "chess"]),
    ("get local/Model/c", ["local/Model/chat"]),
    ("get other/", ["other/Model/chess-2"]),
    ("delete ch", ["chat", "chess"]),
    ("export chat che", ["chess"]),
    ("apply --rotate c", ["chat", "chess"]),
    ("history ches", ["chess"]),
    ("--env ", ["dev", "prod"]),
    ("plan --env p", ["prod"]),
    ("plan --registry ", ["local", "other"]),
    ("--env prod plan --registry ", ["local", "other", "third"]),
    ("plan --env prod --registry th", ["third"]),
    ("plan --select ", ["team=", "tier=", "x="]),
    ("plan --select t", ["team=", "tier="]),
    ("plan --select !te", ["!team"]),
    ("list --kind Mo", ["Model"]),
    ("list -o ", ["wide"]),
    ("explain drif", ["drifted"]),
    ("explain Model.endpoint.tl", ["Model.endpoint.tls"]),
    ("models open", ["openai", "openai-oauth2-client-creds", "openai_like", "openrouter"]),
    ("plan --format ", ["text", "json", "markdown", "html"]),
    ("plan --detailed", ["--detailed-exitcode"]),
    ("completion ", ["bash", "zsh", "fish"]),
    ("controller r", ["run"]),
    ("controller run --all", ["--all-namespaces"]),
    ("controller run --namespace ", []),
    ("plan ma", ["file"]),
    ("apply --plan ", ["file"]),
    ("--config ", ["file"]),
    ("plan --output markdown=", ["file"]),
    ("plan --output mark", ["markdown="]),
    ("plan --save plan.json --prune --allow-deletes ", []),
    ("plan --nope ", ["file"]),
]


@pytest.mark.parametrize("shell", SCRIPTS)
@pytest.mark.parametrize(("typed", "expected"), TABLE, ids=[typed for typed, _ in TABLE])
def test_what_may_follow(names: Project, shell: str, typed: str, expected: list[str]) -> None:
    """Commands, options, keys, addresses, registries, environments, kinds, labels, files; options before the command too."""
    assert _answers(shell, f"reconciler {typed}") == expected


@pytest.mark.parametrize(
    ("typed", "whole", "bash"),
    [
        ("plan --registry=o", "--registry=other", "other"),
        ("plan --select team=", "team=cx", "cx"),
        ("plan --select=team=c", "--select=team=cx", "cx"),
        ("plan --select team!=o", "team!=ops", "ops"),
        ("plan --select team=cx,ti", "team=cx,tier=", "cx,tier="),
    ],
)
def test_words_with_equals_signs(names: Project, typed: str, whole: str, bash: str) -> None:
    """zsh and fish replace the whole word; bash only what is behind the last `=`, which is a word of its own there."""
    assert whole in _answers("zsh", f"reconciler {typed}")
    assert whole in _answers("fish", f"reconciler {typed}")
    assert bash in _answers("bash", f"reconciler {typed}")


def test_every_parameter_is_completed_or_says_that_it_is_not() -> None:
    """A new option of a new command stands in the table, unless it is a flag, a choice or a path."""
    missing = []
    for name, command in EVERY.items():
        for param in command.params:
            plain = isinstance(param, click.Option) and (param.is_flag or param.count)
            if not plain and not isinstance(param.type, click.Choice | click.Path) and param.name not in COMPLETERS:
                missing.append((name, param.name))
    assert missing == []


def _ask(project: Project, typed: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The program as a script asks it."""
    environment = {**os.environ, COMPLETING: "bash", "_RECONCILER_WORDS": f"reconciler {typed}", **variables}
    return project.command(unhurried=True, env=environment)


@pytest.mark.parametrize(
    "broken",
    [
        {"reconciler.yaml": "owner: ["},
        {"reconciler.yaml": "registries: {x: {driver: nope}}"},
        {"manifests/a.yaml": "kind: Model\nkey: [\n", "manifests/hostile.yaml": "\x00"},
        {
            "reconciler.yaml": "registries: {aigo: {driver: latticeflow, url: '${env:NOT_SET}', api_key: '${env:NOT_SET}'}}"
        },
    ],
    ids=["config", "driver", "manifests", "no environment"],
)
def test_what_is_broken_completes_nothing_and_says_nothing(names: Project, broken: dict[str, str]) -> None:
    """No traceback, no warning and no secret on either stream, exit code 0, and the rest is completed all the same."""
    for name, text in broken.items():
        names.write(name, text)
    for typed in ("get ", "plan --registry ", "plan --select ", "--env ", "list --kind "):
        ran = _ask(names, typed, TOP_SECRET="s3cr3t-value")
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "Traceback" not in ran.stdout
        assert "s3cr3t" not in ran.stdout
    assert "plan" in _ask(names, "pl").stdout


def test_reading_ends_with_the_budget(names: Project) -> None:
    """Files, bytes and time are bounded, counted and not timed: what was read until then is completed."""
    for number in range(20):
        names.write(f"manifests/m{number:02}.yaml", f"kind: Model\nkey: m{number:02}\n{MODEL}")
    workspace = open_workspace(cwd=names.root)
    whole = known_names(workspace).keys
    assert {f"m{number:02}" for number in range(20)} < whole
    assert known_names(workspace, Budget(files=1)).keys == {"chat", "chess"}
    assert known_names(workspace, Budget(size=1)).keys == {"chat", "chess"}
    assert known_names(workspace, Budget(goes_on=lambda: False)).keys == frozenset()


def _environment(folder: Path = BIN) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("_RECONCILER")}
    return {**kept, "PATH": f"{folder}:{os.environ['PATH']}", "TERM": "xterm", "PS1": "> "}


def _typed(project: Project, shell: list[str], setup: str, keys: str, ready: str) -> str:
    """What a real shell on a terminal puts into its command line for these keys: `echo` shows the words in the end."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        shell, cwd=project.root, stdin=slave, stdout=slave, stderr=slave, env=_environment(), start_new_session=True
    )
    os.close(slave)
    seen = ""

    def until(text: str) -> None:
        nonlocal seen
        deadline = time.monotonic() + HANGS
        while text not in seen and time.monotonic() < deadline:
            seen += os.read(master, 65536).decode(errors="replace")
        assert text in seen, seen

    try:
        os.write(master, f"{setup}; echo {ready[:2]}''{ready[2:]}\n".encode())
        until(ready)
        os.write(master, f"{keys}\n".encode())  # a key that comes while the shell waits for the program waits, too
        os.write(master, b"echo e''nd\n")
        until("end\r")
        return seen
    finally:
        process.kill()
        process.wait()
        os.close(master)


def _words(project: Project) -> list[str]:
    return (project.root / "words").read_text(encoding="utf-8").split()


RECORD: Final = (
    '#!/bin/sh\nif [ -n "$_RECONCILER_COMPLETE" ]; then exec {python} {program} "$@"; fi\necho "$@" > words\n'
)
REAL: Final = [
    ("reconciler get chat", "reconciler ge\tcha\t", ["get", "chat"]),
    ("labels", "reconciler plan --select team=c\t", ["plan", "--select", "team=cx"]),
    ("an equals sign", "reconciler plan --registry=oth\t", ["plan", "--registry=other"]),
    (
        "a file behind a format",
        "reconciler plan --output markdown=recon\t",
        ["plan", "--output", "markdown=reconciler.yaml"],
    ),
    (
        "before the command",
        "reconciler --env pro\tplan --registry th\t",
        ["--env", "prod", "plan", "--registry", "third"],
    ),
    ("an address", "reconciler get local/Model/ch\t", ["get", "local/Model/chat"]),
]


def _stand_in(project: Project) -> None:
    """A `reconciler` that completes, and otherwise notes the words that it is called with."""
    program = project.write(".bin/reconciler", RECORD.format(python=sys.executable, program=UNHURRIED))
    program.chmod(0o755)


@pytest.mark.parametrize(("keys", "words"), [row[1:] for row in REAL], ids=[row[0] for row in REAL])
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_real_shell_puts_the_words_into_its_line(names: Project, shell: str, keys: str, words: list[str]) -> None:
    """bash and zsh on a terminal: Tab, then Enter; a stand-in for the program notes the words that it is called with."""
    folder = names.root / ".bin"
    _stand_in(names)
    start = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}[shell]
    script = names.write(f".bin/script.{shell}", SCRIPTS[shell])
    load = (
        "autoload -Uz compinit; compinit -u -D; unsetopt zle_bracketed_paste"
        if shell == "zsh"
        else "bind 'set enable-bracketed-paste off'"
    )
    _typed(names, start, f"export PATH={folder}:$PATH; {load}; . {script}", keys, "ready!")
    assert _words(names) == words


@pytest.mark.parametrize(("typed", "expected"), [
    ("reconciler ge", ["get"]),
    ("reconciler get ch", ["chat", "chess"]),
    ("reconciler plan --select team=", ["team=cx", "team=ops"]),
    ("reconciler plan --registry=o", ["--registry=other"]),
    ("reconciler plan --output markdown=recon", ["markdown=reconciler.yaml"]),
    ("reconciler --env pro", ["prod"]),
])  # fmt: skip
def test_a_real_fish_offers_the_words(names: Project, typed: str, expected: list[str]) -> None:
    """fish tells what it would offer."""
    script = names.write(".bin/script.fish", SCRIPTS["fish"])
    _stand_in(names)
    fish = shutil.which("fish")
    assert fish is not None, "tests/tools.sh installs it"
    ran = subprocess.run(
        [fish, "--no-config", "-c", f"source {script}; complete -C {json.dumps(typed)}"],
        cwd=names.root, env=_environment(names.root / ".bin"), capture_output=True, text=True, timeout=HANGS, check=True,
    )  # fmt: skip
    assert [line.split("\t")[0] for line in ran.stdout.splitlines()] == expected
    assert ran.stderr == ""


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_script_is_right_for_its_shell(project: Project, shell: str) -> None:
    """`completion SHELL` prints it, and the shell itself finds no mistake in it."""
    script = project.write("script", project.ok("completion", shell).out)
    ran = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, timeout=HANGS)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_nothing_hostile_reaches_a_command_line(names: Project) -> None:
    """A key or label that a shell would obey is never offered, in no shell."""
    for shell in SCRIPTS:
        for typed in ("get ", "get -", "get $", "get a", "plan --select x="):
            for word in _answers(shell, f"reconciler {typed}"):
                assert not set(word) & set("$`;|&<>()'\"\\!~ \t\n"), word
                assert typed != "get -" or word != "-rf"
