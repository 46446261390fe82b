"""stderr and stdout on terminals, in pipes and for machines: colour, width, and the JSON log."""

from __future__ import annotations

import io
import itertools
import json
from datetime import datetime
from typing import Any

import pytest
from cli.project import Project
from cli.terminal import terminal

from reconciler.cli.streams import log_format, say
from reconciler.cli.terminal import wants_color, width_of

COLOUR = ("NO_COLOR", "FORCE_COLOR", "TERM")


class _Stream(io.StringIO):
    def __init__(self, *, tty: bool) -> None:
        super().__init__()
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty


def _expected(flag: bool, no_color: str | None, force: str | None, term: str, tty: bool) -> bool:
    """The table of docs/terminal.md: the first row that holds decides."""
    if flag or no_color:
        return False
    if force in ("0", "false"):
        return False
    if force:
        return True
    return tty and term != "dumb"


@pytest.mark.parametrize("tty", [True, False])
@pytest.mark.parametrize("flag", [True, False])
def test_colour_follows_the_whole_table(monkeypatch: pytest.MonkeyPatch, flag: bool, tty: bool) -> None:
    """--no-color, NO_COLOR, FORCE_COLOR, TERM and what the stream is: every combination."""
    for no_color, force, term in itertools.product(
        (None, "", "1", "0"), (None, "", "1", "true", "0", "false"), ("xterm", "dumb")
    ):
        for name, value in zip(COLOUR, (no_color, force, term), strict=True):
            monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
        wanted = wants_color(_Stream(tty=tty), no_color=flag)
        assert wanted is _expected(flag, no_color, force, term, tty), (flag, no_color, force, term, tty)


@pytest.mark.parametrize("words", [("plan",), ("get", "nope"), ("validate",)])
def test_both_streams_follow_the_variables(
    project: Project, monkeypatch: pytest.MonkeyPatch, words: tuple[str]
) -> None:
    """A pipe has no escape sequence, FORCE_COLOR brings them to answers and errors, NO_COLOR and JSON take them away."""
    project.manifest("chat")
    assert "\x1b[" not in project.run(*words).both
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in project.run(*words).both
    for more in (("--no-color",), ("--format", "json")):
        assert "\x1b[" not in project.run(*words, *more).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in project.run(*words).both


@pytest.mark.parametrize(
    ("said", "columns"),
    [("72", 72), ("0", 100), ("-5", 100), ("many", 100), ("", 100), ("²", 100), ("9" * 5000, 999999)],
)
def test_columns_says_how_wide_the_output_is(monkeypatch: pytest.MonkeyPatch, said: str, columns: int) -> None:
    """COLUMNS counts in a pipe too; what is no number is as good as absent."""
    monkeypatch.setenv("COLUMNS", said)
    assert width_of(_Stream(tty=False)) == columns


def test_a_quoted_line_is_as_wide_as_columns_says(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer itself respects it."""
    project.write("manifests/bad.yaml", f"kind: Model\nkey: bad\ndescription: [{'word ' * 60}]\n")
    for width in (60, 100, 160):
        monkeypatch.setenv("COLUMNS", str(width))
        quoted = next(line for line in project.run("validate").out.splitlines() if "word word" in line)
        assert width - 20 < len(quoted) <= width


def _records(text: str) -> list[dict[str, Any]]:
    """stderr as the objects that it must be, one on each line."""
    found = [json.loads(line) for line in text.splitlines()]
    for record in found:
        assert datetime.fromisoformat(record["time"]).tzinfo is not None
        assert record["level"] in ("debug", "info", "warning", "error")
        assert isinstance(record["message"], str)
        assert record["message"].strip()
        assert "\x1b" not in json.dumps(record, ensure_ascii=False)
    return found


LOGGED = [
    (("plan",), 0, "info"),
    (("apply", "--yes", "--format", "json"), 0, "info"),
    (("apply",), 64, "error"),
    (("get", "nope"), 1, "error"),
    (("plan", "--nope"), 64, "error"),
    (("aply",), 64, "error"),
    (("delete", "chat", "--yes"), 1, "error"),
    (("plan", "--registry", "nope"), 64, "error"),
]


@pytest.mark.parametrize(
    ("words", "code", "level"), LOGGED, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
@pytest.mark.parametrize("verbose", [(), ("-vv",)], ids=["", "-vv"])
def test_the_json_log_is_one_object_a_line(
    project: Project, words: tuple[str, ...], code: int, level: str, verbose: tuple[str, ...]
) -> None:
    """Whatever a command says on stderr, every line is a record, and stdout is the same as ever."""
    project.manifest("chat")
    plain = project.run(*words)
    if words[0] == "apply" and code == 0:
        project.remove("chat")
        project.manifest("chat", description="new")
    logged = project.run(*words, "--log-format", "json", *verbose)
    assert logged.code == plain.code == code, logged.both
    records = _records(logged.err)
    if level == "error":
        assert [record["level"] for record in records][-1] == "error"
        assert records[-1]["code"]
        assert logged.out == plain.out


def test_problems_are_records_with_their_place(project: Project) -> None:
    """A manifest's problem has its file, line and rule beside the message, for whoever reads the log."""
    project.write("manifests/bad.yaml", "kind: Model\nkey: bad\ncolour: red\n")
    records = _records(project.run("plan", "--log-format", "json").err)
    found = next(record for record in records if record.get("rule") == "unknown-field")
    assert (found["file"], found["line"], found["level"]) == ("manifests/bad.yaml", 3, "error")
    assert records[-1]["code"] == "manifests"


def test_the_option_may_stand_before_the_command(project: Project) -> None:
    """As every global option."""
    assert _records(project.run("--log-format=json", "get", "nope").err)


def test_a_record_obeys_no_stranger(capsys: pytest.CaptureFixture[str]) -> None:
    """Line breaks, escapes and commands of a pipeline's runner stay inside their string."""
    with log_format("json"):
        say("a\n::error::b\x1b[2J\u202e##[command]", "warning", detail="\n{}")
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert not {"\x1b", "\u202e"} & set(text)
    assert "::error" not in text
    assert "##[" not in text
    assert json.loads(text)["detail"] == "\n{}"


ENVIRONMENTS = """\
owner: us
registries:
  local: {driver: local, path: registry.db, default: true}
environments:
  dev: {registries: {local: {path: dev.db}}}
  prod: {registries: {local: {path: prod.db}}}
"""


@pytest.mark.parametrize(
    ("variable", "words", "made"),
    [
        (None, [], "registry.db"),
        ("", [], "registry.db"),
        ("dev", [], "dev.db"),
        ("dev", ["--env", "prod"], "prod.db"),
        ("nope", ["--env", "prod"], "prod.db"),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_the_variable_is_the_environment_unless_a_flag_says_another(
    project: Project, monkeypatch: pytest.MonkeyPatch, variable: str | None, words: list[str], made: str, before: bool
) -> None:
    """A flag wins over RECONCILER_ENV, also where it stands before the command's name."""
    project.write("reconciler.yaml", ENVIRONMENTS)
    project.manifest("chat")
    if variable is not None:
        monkeypatch.setenv("RECONCILER_ENV", variable)
    project.ok(*([*words, "apply", "--yes"] if before else ["apply", "--yes", *words]))
    assert [path.name for path in project.root.glob("*.db")] == [made]


def test_a_configuration_named_before_the_command_wins_over_the_variable(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for --config and RECONCILER_CONFIG."""
    monkeypatch.setenv("RECONCILER_CONFIG", "missing.yaml")
    project.manifest("chat")
    project.ok("--config", "reconciler.yaml", "validate")
    project.ok("validate", "--config", "reconciler.yaml")
    assert "missing.yaml" in project.run("validate").err


@pytest.mark.parametrize(("planned", "variable", "code"), [("dev", "dev", 0), ("dev", "prod", 64), (None, "dev", 64)])
def test_a_saved_plan_is_not_applied_by_the_job_of_another_environment(
    project: Project, monkeypatch: pytest.MonkeyPatch, planned: str | None, variable: str, code: int
) -> None:
    """RECONCILER_ENV beside `apply --plan` must be the plan's own; nothing is written where it is not."""
    project.write("reconciler.yaml", ENVIRONMENTS)
    project.manifest("chat")
    project.ok("plan", "--save", "plan.json", *(["--env", planned] if planned else []))
    monkeypatch.setenv("RECONCILER_ENV", variable)
    answer = project.run("apply", "--plan", "plan.json")
    assert answer.code == code, answer.both
    if code:
        assert "RECONCILER_ENV" in answer.err
        assert not [path for path in project.root.glob("*.db") if path.stat().st_size and "prod" in path.name]


def test_a_dumb_terminal_has_no_escape_sequence(project: Project) -> None:
    """TERM=dumb on a real pseudo-terminal: the same text without colour."""
    project.manifest("chat")
    with terminal(project, "plan", TERM="dumb") as screen:
        assert screen.end() == 0
    assert "\x1b" not in screen.seen
    with terminal(project, "plan", TERM="xterm", NO_COLOR="") as screen:
        assert screen.end() == 0
    assert "\x1b[" in screen.seen
