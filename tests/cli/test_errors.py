"""The exit codes, in the order of the contract, and how errors read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from cli.every_command import EVERY
from cli.project import TERMINAL, Project, argv

from reconciler.cli import main
from reconciler.cli.options import GLOBAL_OPTIONS

PLAIN_USAGE = [
    (),
    ("nope",),
    ("plan", "--nope"),
    ("plan", "--format", "yaml"),
    ("plan", "--allow-deletes", "-1"),
    ("plan", "--allow-deletes", "many"),
    ("plan", "--prune", "manifests"),
    ("plan", "--prune", "-"),
    ("plan", "--prune", "--select", "a=b"),
    ("plan", "--select", "nolabel"),
    ("plan", "--select", "=value"),
    ("plan", "--registry", "lokal"),
    ("plan", "--rotate", "nobody"),
    ("plan", "--env", "prod"),
    ("plan", "--output", "json"),
    ("plan", "--output", "yaml=x"),
    ("plan", "--output", "json="),
    ("apply", "--plan", "p.json", "manifests"),
    ("apply", "--plan", "p.json", "--env", "prod"),
    ("apply", "--plan", "p.json", "--prune"),
    ("apply", "--plan", "p.json", "--registry", "local"),
    ("apply", "--plan", "p.json", "--select", "a=b"),
    ("apply", "--plan", "p.json", "--allow-deletes", "0"),
    ("apply", "--plan", "p.json", "--rotate", "a"),
    ("--env", "prod", "apply", "--plan", "p.json"),
    ("apply", "--concurrency", "0", "--yes"),
    ("apply", "-"),
    ("validate", "-", "manifests"),
    ("list", "--registry", "nope"),
    ("get",),
    ("export",),
    ("export", "a", "--all"),
    ("drift", "--prune"),
]


@pytest.mark.parametrize("words", PLAIN_USAGE, ids=" ".join)
def test_a_wrong_command_line_is_64_and_says_what_is_wrong(project: Project, words: tuple[str, ...]) -> None:
    """Wrong usage is told from bad input by its exit code, in words, without a traceback, and nothing is written."""
    project.manifest("a")
    answer = project.run(*words)
    assert (answer.code, answer.out) == (64, ""), answer.both
    assert answer.err.strip()
    assert "Traceback" not in answer.err
    assert not (project.root / "registry.db").exists()


@pytest.mark.parametrize("words", PLAIN_USAGE[2:], ids=" ".join)
def test_a_wrong_command_line_is_told_in_json_too(project: Project, words: tuple[str, ...]) -> None:
    """A pipeline that asked for JSON gets one JSON object, whatever is wrong with the rest of the command line."""
    project.manifest("a")
    command = [*words, "--format", "json"] if "--format" not in words else ["plan", "--format=json", "--nope"]
    answer = project.run(*command)
    assert answer.code == 64, answer.both
    assert answer.json("error")["error"]["code"] == "usage"


def test_a_close_command_is_suggested(project: Project) -> None:
    """A typo in a command's name costs one look."""
    for typo, meant in (("plann", "plan"), ("aply", "apply"), ("valdate", "validate"), ("lst", "list")):
        assert f"Did you mean '{meant}'?" in project.run(typo).err


@pytest.mark.parametrize("name", ["", *main.COMMANDS, *EVERY])
def test_every_help_names_every_option(project: Project, name: str) -> None:
    """`--help` of each command ends with 0, explains itself, and fits a terminal."""
    answer = project.ok(*name.split(), "--help")
    assert answer.err == ""
    for option in GLOBAL_OPTIONS:
        assert option().opts[-1] in answer.out
    assert all(len(line) <= 110 for line in answer.out.splitlines())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_full_disk_is_told_whatever_the_answer(project: Project) -> None:
    """Help and version are answers too: 1 with a message, never a bug; an error in JSON keeps its own exit code."""
    for words, code in (
        (("--help",), 1),
        (("--version",), 1),
        (("plan", "--help"), 1),
        (("plan", "--version"), 1),
        (("list",), 1),
        (("get", "nope", "--format", "json"), 1),
        (("plan", "--nope", "--format", "json"), 64),
    ):
        with Path("/dev/full").open("wb") as full:
            ran = subprocess.run(argv(*words), cwd=project.root, stdout=full, stderr=subprocess.PIPE, text=True)
        assert ran.returncode == code, (words, ran.stderr)
        assert "Traceback" not in ran.stderr
        assert "error: " in ran.stderr
        assert ("cannot be written to stdout: No space left" in ran.stderr) == ("json" not in words)


def test_a_bug_is_3_with_a_traceback_and_where_to_report_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours never looks like one of the user's."""
    monkeypatch.setattr("reconciler.cli.validate.find_workspaces", lambda options, paths: 1 / 0)
    answer = project.run("validate", "--format", "json")
    assert answer.code == 3
    assert answer.json("error")["error"]["code"] == "bug"
    assert "Traceback" in answer.err
    assert "ZeroDivisionError" in answer.err
    assert main.ISSUES in answer.err


def test_a_traceback_obeys_no_stranger(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even the text of a bug cannot drive the terminal."""

    def broken(options: object, paths: object) -> None:
        raise RuntimeError("\x1b[2Jowned\u202e")

    monkeypatch.setattr("reconciler.cli.validate.find_workspaces", broken)
    assert not TERMINAL & set(project.run("validate").err)


def test_an_interrupt_is_130(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is told to people and to machines, and not as a bug."""

    def interrupted(options: object, paths: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reconciler.cli.validate.find_workspaces", interrupted)
    answer = project.run("validate", "--format=json")
    assert answer.code == 130
    assert answer.json("error")["error"]["code"] == "interrupted"
    assert "Traceback" not in answer.err


def test_the_last_format_counts(project: Project) -> None:
    """`--format json --format text` is text, in failure as in success."""
    assert project.run("get", "nope", "--format", "json", "--format", "text").out == ""
    assert json.loads(project.run("get", "nope", "--format=text", "--format=json").out)
    assert project.run("plan", "--", "--format", "json").out == ""


def test_bad_input_comes_before_conflicts(project: Project) -> None:
    """1 stands before 4: with invalid manifests nothing was even planned."""
    project.manifest("a")
    project.apply()
    project.write(
        "reconciler.yaml", "owner: them\nregistries: {local: {driver: local, path: registry.db, default: true}}"
    )
    assert project.run("plan").code == 4
    project.write("manifests/broken.yaml", "kind: Model\nkey: [\n")
    assert project.run("plan").code == 1


def test_a_conflict_comes_before_pending_changes(project: Project) -> None:
    """4 stands before 2: apply would leave something."""
    project.manifest("a")
    project.apply()
    project.write(
        "reconciler.yaml", "owner: them\nregistries: {local: {driver: local, path: registry.db, default: true}}"
    )
    project.manifest("b")
    assert project.run("plan", "--detailed-exitcode").code == 4
    assert project.run("plan", "--detailed-exitcode", "manifests/b.yaml").code == 2
    assert project.run("plan", "manifests/b.yaml").code == 0
    assert project.run("drift").code == 4
    assert project.run("apply", "--yes").code == 4
    assert project.run("plan", "--detailed-exitcode", "manifests/b.yaml").code == 0


def test_a_file_name_in_a_usage_error_is_made_safe(project: Project) -> None:
    """pre-commit passes strangers' file names; none of them drives the terminal."""
    answer = project.run("get", "a", "\x1b[2J.yaml")
    assert answer.code == 64
    assert not TERMINAL & set(answer.err)


def test_python_dash_m_is_the_command(project: Project) -> None:
    """`python -m reconciler` is the same program, for machines without its folder in PATH."""
    answer = project.command("--version")
    assert answer.stdout.startswith("reconciler")
    assert sys.executable


@pytest.mark.parametrize("command", ["get", "history", "export", "delete --yes", "test", "info"])
@pytest.mark.parametrize("key", ["nope", "local/Model/nope"])
def test_a_key_that_is_nowhere_is_bad_input(project: Project, command: str, key: str) -> None:
    """1 in every command that takes KEY, whatever its drivers can do: nothing was used wrongly."""
    project.manifest("chat")
    project.apply()
    name, *options = command.split()
    answer = project.run(name, key, *options)
    assert (answer.code, repr(key) in answer.err) == (1, True), answer.both


@pytest.mark.parametrize("command", ["plan", "validate", "list", "apply --yes", "schema --check"])
@pytest.mark.parametrize("file", ["nofile", "folder", "dangling"])
def test_a_configuration_that_cannot_be_read_is_told_once(project: Project, command: str, file: str) -> None:
    """One message, with the rule that it breaks."""
    (project.root / "folder").mkdir()
    (project.root / "dangling").symlink_to("nowhere")
    answer = project.run(*command.split(), "--config", file)
    assert (answer.code, answer.err.count("cannot be read: ")) == (1, 1)
    assert answer.err.startswith(f"{file}:1:1: error[unreadable]: ")


def test_a_misnamed_configuration_is_told_once(project: Project) -> None:
    """The message and what to do, each once."""
    (project.root / "reconciler.yaml").rename(project.root / "reconciler.yml")
    answer = project.run("plan")
    assert answer.code == 1
    assert answer.err.count("the configuration is called reconciler.yaml") == 1
    assert answer.err.count("rename it to reconciler.yaml") == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "p.json:1:1: "),
        (b"not json", "p.json:1:1: "),
        (b'{"a": 1,\n}', "p.json:2:1: "),
        (b'{"format_version": "1.0", "changes": [', "p.json:1:39: "),
        (b"[" * 200_000, "holds a number or a nesting that no plan has"),
        (b"1" * 10_000, "holds a number or a nesting that no plan has"),
        (b"[1]", "is not a plan file"),
        (b"\xff\xfe", "is not UTF-8 text"),
    ],
    ids=["empty", "no json", "trailing comma", "cut off", "deep", "long number", "no map", "no text"],
)
def test_a_file_that_is_no_plan_is_told_in_our_words(project: Project, data: bytes, said: str) -> None:
    """With the place, and what to do next; none of Python's words."""
    project.write("p.json", data)
    answer = project.run("apply", "--plan", "p.json", "--yes")
    assert (answer.code, said in answer.err) == (1, True), answer.err
    for words in ("Expecting", "char ", "recursion", "set_int_max_str_digits", "Traceback"):
        assert words not in answer.err


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--env", ""),
        ("plan", "--registry", ""),
        ("plan", "--take-ownership", ""),
        ("plan", "--rotate", " "),
        ("plan", "--changed-since", ""),
        ("apply", "--yes", ""),
        ("validate", ""),
        ("fmt", ""),
    ],
)
def test_what_an_unset_variable_leaves_is_never_taken_for_all(project: Project, words: Sequence[str]) -> None:
    """`--env "$ENV"` with nothing in it would plan the base, `fmt "$FILES"` would write the whole folder."""
    answer = project.run(*words)
    assert answer.code == 64
    assert "it is empty: leave it out, or set the variable that it comes from" in answer.err


@pytest.mark.parametrize("words", [("completion",), ("compare",), ("compare", "a"), ("get",), ("import",)])
def test_a_missing_argument_is_told_in_plain_text(project: Project, words: tuple[str, ...]) -> None:
    """With the usage line, under the name that the usage line has, and without escapes of what we ourselves wrote."""
    answer = project.run(*words)
    assert answer.code == 64
    assert answer.err.startswith(f"Usage: reconciler {words[0]} "), answer.err
    assert "\\t" not in answer.err
    assert "\t" not in answer.err
    assert "environments" not in answer.err


@pytest.mark.parametrize(
    ("output", "said"), [("html", "<title>Plan: failed</title>"), ("markdown", "### Plan: failed")]
)
def test_a_page_of_a_failure_goes_to_stdout_too(project: Project, output: str, said: str) -> None:
    """`plan --format html > plan.html` leaves no empty page: it holds what `--output html=FILE` holds."""
    project.write("manifests/bad.yaml", "kind: Modle\nkey: a\n")
    answer = project.run("plan", "--format", output, "--output", f"{output}=page")
    assert answer.code == 1
    assert said in answer.out
    assert answer.out == (project.root / "page").read_text()
    assert "error[unknown-kind]" in answer.err
