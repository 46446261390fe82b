"""`reconciler test` and `-vv`: what was checked, what was answered, and which object is meant."""

from __future__ import annotations

import io
import itertools
import json
import logging
import subprocess
import sys
import types
from dataclasses import replace
from typing import Final
from xml.etree import ElementTree

import pytest
from cli.project import TERMINAL, Project
from programs import HANGS
from registry.memory import server
from registry.memory_server import Behaviour, Server

from reconciler.cli import traffic
from reconciler.render.result_text import checks_text
from reconciler.render.terminal import Style

_places = itertools.count(1)
HOSTED: Final = {"endpoint": None}  # nothing to ask without a registry


@pytest.fixture
def place(project: Project) -> Server:
    """The server of `mem`, a registry that can test, with the model `chat`. Beside it there is a local one."""
    url = f"memory://test-{next(_places)}"
    project.write(
        "reconciler.yaml",
        "owner: us\nregistries:\n  local: {driver: local, path: registry.db, default: true}\n"
        f"  mem: {{driver: memory, url: '{url}'}}\n",
    )
    there = server(url)
    there.put("Model", "chat", {"display_name": "Chat"})
    return there


def test_every_check_has_its_line(project: Project, place: Server) -> None:
    """Ended how, called what, how long, and what to know; then what the model answered. Nothing is written."""
    answer = project.ok("test", "chat")
    assert answer.out.splitlines()[:4] == [
        "mem/Model/chat",
        "  ok      connection   12 ms",
        "  ok      inference   250 ms",
        "output:",
    ]
    assert json.loads(answer.out.partition("output:\n")[2]) == {
        "asked": {"messages": [{"role": "user", "content": "Hello!"}]}
    }
    assert (answer.err, place.writes) == ("", [])


def test_json_follows_its_schema(project: Project, place: Server) -> None:
    """The same for machines, with the address that was meant."""
    data = project.ok("test", "mem/Model/chat", "--format", "json").json("test")
    assert (data["format_version"], data["address"], data["ok"]) == ("1.0", "mem/Model/chat", True)
    assert data["checks"] == [
        {"name": "connection", "ok": True, "state": "ok", "message": "", "duration_ms": 12},
        {"name": "inference", "ok": True, "state": "ok", "message": "", "duration_ms": 250},
    ]


def test_a_failed_check_is_1(project: Project, place: Server) -> None:
    """The check says why, in words that no terminal obeys; there is an answer all the same."""
    place.become(Behaviour(unwell={"chat": "401: no such\x1b[2J key\nerror: x"}))
    answer = project.run("test", "chat")
    assert (answer.code, answer.err) == (1, "")
    assert answer.out == "mem/Model/chat\n  failed  connection  1,500 ms  401: no such\\x1b[2J key\\nerror: x\n"
    answer = project.run("test", "chat", "--format", "json")
    assert answer.code == 1
    data = answer.json("test")
    assert (data["ok"], data["output"], len(data["checks"])) == (False, None, 1)


@pytest.mark.parametrize("says", ["two\nlines\x1b[31m\x85 \u202eand", {"choices": ["\x9b2J"]}, [], 0, False, ""])
def test_what_a_model_answers_obeys_nobody(project: Project, place: Server, says: object) -> None:
    """A text is shown line by line, set in, so that it passes for no line of ours; anything else as JSON."""
    place.become(Behaviour(says=says))
    answer = project.ok("test", "chat")
    assert not TERMINAL & set(answer.out)
    shown = answer.out.partition("output:\n")[2].splitlines()
    assert all(line.startswith("  ") or not line for line in shown)
    if isinstance(says, str):
        assert shown == (["  two", "  lines\\x1b[31m\\x85 \\u202eand"] if says else [""])
    assert project.ok("test", "chat", "--format", "json").json("test")["output"] == says


def test_a_terminal_gets_colour() -> None:
    """Green, yellow and red only there; the text is the same."""
    check = {"name": "connection", "ok": True, "state": "ok", "message": "m", "duration_ms": 1}
    checks = [check, check | {"state": "degraded"}, check | {"ok": False, "state": "failed"}]
    data = {"address": "a/Model/b", "checks": checks, "output": None}
    coloured = checks_text(data, Style(color=True))
    assert "\x1b[32mok      \x1b[0m" in coloured
    assert "\x1b[33mdegraded\x1b[0m" in coloured
    assert "\x1b[31;1mfailed  \x1b[0m" in coloured
    assert "\x1b" not in checks_text(data, Style(color=False))


# --- what is sent --------------------------------------------------------------------------------------------------------


def test_the_input_is_json_from_a_file_or_stdin(
    project: Project, place: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the file is called, and whatever JSON value it holds."""
    project.write("input.txt", '\ufeff{"text": ["ünï", 1.5, null]}')
    sent = project.ok("test", "chat", "--input", "input.txt", "--format", "json").json("test")["output"]
    assert sent == {"asked": {"text": ["ünï", 1.5, None]}}
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(b"false")))
    assert project.ok("test", "chat", "--input", "-", "--format", "json").json("test")["output"] == {"asked": False}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "in.json:1:1: the file is empty; JSON needs a value"),
        ('{"a": 1,\n "b": }', "in.json:2:7: "),
        ("{'a': 1}", "in.json:1:2: JSON wants double quotes"),
        ('{"a": 1, "a": 2}', "in.json:1:10: the key 'a' is given twice"),
        ("NaN", "in.json:1:1: "),
        (b"\xff", "in.json:1:1: cannot be read: "),
        ("null", "in.json holds null, which is no input"),
    ],
)
def test_an_input_that_is_no_json_is_told_with_its_place(
    project: Project, place: Server, text: str | bytes, said: str
) -> None:
    """1, before the registry is asked anything."""
    project.write("in.json", text)
    answer = project.run("test", "chat", "--input", "in.json")
    assert (answer.code, answer.out, said in answer.err, "hint: " in answer.err) == (1, "", True, True), answer.err
    error = project.run("test", "chat", "--input", "in.json", "--format", "json").json("error")["error"]
    assert (error["code"], said in error["message"]) == ("input", True)
    assert place.calls == []


def test_an_input_that_is_not_there(project: Project, place: Server) -> None:
    """Missing, a folder: said in words."""
    for name in ("nothing.json", "."):
        answer = project.run("test", "chat", "--input", name)
        assert (answer.code, f"{name}:1:1: cannot be read: " in answer.err) == (1, True), answer.err


def test_an_object_that_needs_an_input_says_so(project: Project, place: Server) -> None:
    """The driver knows; its words and its hint arrive."""
    place.put("Note", "n", {"text": "x"})
    answer = project.run("test", "n")
    assert (answer.code, "mem/Note/n needs an input of its own" in answer.err) == (1, True)
    project.write("in.json", "{}")
    project.ok("test", "n", "--input", "in.json")


# --- which object --------------------------------------------------------------------------------------------------------


def test_a_manifest_s_key_counts_where_the_registry_has_another(project: Project, place: Server) -> None:
    """`test support` finds what the manifest `support` became, under whatever key, and not what stands beside it."""
    project.manifest("support", registries={"mem": {"key": "support-v2"}, "local": {}}, **HOSTED)
    project.apply()
    for key in ("support", "support-v2", "mem/Model/support-v2"):
        assert project.ok("test", key, "--format", "json").json("test")["address"] == "mem/Model/support-v2"


def test_a_key_that_names_several_lists_them(project: Project, place: Server) -> None:
    """Also where one of them bears the key and the other only in its manifest; --registry or the address decides."""
    other = f"memory://other-{next(_places)}"
    config = (project.root / "reconciler.yaml").read_text()
    project.write("reconciler.yaml", f"{config}  two: {{driver: memory, url: '{other}'}}\n")
    project.manifest("chat", registries={"two": {"key": "chat-v2"}}, **HOSTED)
    project.apply()
    answer = project.run("test", "chat")
    assert (answer.code, "names 2 objects: mem/Model/chat, two/Model/chat-v2" in answer.err) == (64, True), answer.err
    for words, address in (
        (("chat", "--registry", "two"), "two/Model/chat-v2"),
        (("chat", "--registry", "mem"), "mem/Model/chat"),
        (("mem/Model/chat",), "mem/Model/chat"),
    ):
        assert project.ok("test", *words, "--format", "json").json("test")["address"] == address


def test_what_is_declared_and_not_stored_yet_says_so(project: Project, place: Server) -> None:
    """The next step is to apply; but not where the manifest wants it gone."""
    project.manifest("new", registries={"mem": {}}, **HOSTED)
    answer = project.run("test", "new")
    assert (answer.code, "'new' is declared, and no registry holds it yet" in answer.err) == (1, True)
    assert "`reconciler apply` creates it" in answer.err
    project.manifest("new", registries={"mem": {}}, endpoint=None, state="absent")
    assert "no registry that can test holds 'new'" in project.run("test", "new").err


@pytest.mark.parametrize("driver", ["memory", "local"])
def test_a_model_whose_manifest_has_a_mistake_is_told_of_the_mistake(
    project: Project, place: Server, driver: str
) -> None:
    """Not that no manifest declares it; with and without a registry that has a test of its own."""
    if driver == "local":
        project.write("reconciler.yaml", "registries:\n  mem: {driver: local, default: true}\n")
    project.manifest("new", display_name="${var:MISSING}", **HOSTED)
    answer = project.run("test", "new")
    assert (answer.code, "error[unset-variable]" in answer.err, "/new.yaml:" in answer.err) == (1, True, True)
    assert "no manifest declares" not in answer.err


def test_a_model_is_meant_where_something_else_bears_its_key(project: Project, place: Server) -> None:
    """What is not a model is tested by its address."""
    place.put("Adapter", "chat", {"code": "x = 1"})
    assert project.ok("test", "chat").out.startswith("mem/Model/chat\n")
    answer = project.run("test", "mem/Adapter/chat")
    assert (answer.code, "mem/Adapter/chat needs an input" in answer.err) == (1, True)


def test_registry_leads_past_the_endpoint(project: Project, place: Server) -> None:
    """A model with an endpoint is tested there, unless a registry is named."""
    project.manifest("open", registries={"mem": {}}, endpoint={"url": "http://127.0.0.1:9/v1"})
    project.apply()
    assert project.ok("test", "open", "--registry", "mem", "--format", "json").json("test")["output"]["asked"]
    answer = project.run("test", "open", "--format", "json")
    assert (answer.code, answer.json("test")["endpoint"]) == (1, "http://127.0.0.1:9/v1")


def test_a_registry_s_test_is_junit_too(project: Project, place: Server) -> None:
    """The same suite, whoever tests."""
    place.become(Behaviour(unwell={"chat": "401"}))
    answer = project.run("test", "chat", "--format", "junit")
    assert answer.code == 1
    suite = ElementTree.fromstring(answer.out).find("testsuite")
    assert suite is not None
    assert (suite.get("name"), suite.get("failures")) == ("mem/Model/chat", "1")


def test_what_is_nowhere_is_told(project: Project, place: Server) -> None:
    """Looked for where a test is to be had; where it is not, that is said."""
    project.manifest("mine", **HOSTED)
    project.apply()
    answer = project.run("test", "mine")
    assert (answer.code, "no registry that can test holds 'mine'" in answer.err) == (1, True)
    assert "nothing can be tested through local (driver local)" in answer.err
    for words in (("mem/Model/no",), ("no", "--registry", "mem")):
        answer = project.run("test", *words)
        assert (answer.code, f"no registry holds {words[0]!r}" in answer.err) == (1, True), answer.err


@pytest.mark.parametrize("words", [("local/Model/mine",), ("mine", "--registry", "local")])
def test_a_registry_without_tests_is_a_usage_error(project: Project, place: Server, words: tuple[str, ...]) -> None:
    """64, in words and in JSON: the object is there, and its registry tests nothing."""
    project.manifest("mine", **HOSTED)
    project.apply()
    answer = project.run("test", *words)
    assert (answer.code, "nothing can be tested through local (driver local)" in answer.err) == (64, True)
    answer = project.run("test", *words, "--format", "json")
    assert answer.json("error")["error"]["code"] == "usage"


def test_an_unknown_registry_is_a_usage_error(project: Project, place: Server) -> None:
    """With what was probably meant."""
    answer = project.run("test", "chat", "--registry", "memm")
    assert (answer.code, "did you mean 'mem'?" in answer.err) == (64, True)


def test_a_registry_that_fails_is_named(project: Project, place: Server) -> None:
    """What the registry does wrong is no failed check: while it is read, and while it tests."""
    for number, said in ((1, "mem could not be read: list * failed"), (2, "mem: try Model/chat failed")):
        place.become(replace(place.behaviour, fail_at=number))
        answer = project.run("test", "chat")
        assert (answer.code, answer.out, said in answer.err) == (1, "", True), answer.err


def test_broken_manifests_are_in_nobody_s_way(project: Project, place: Server) -> None:
    """A test looks into manifests for keys only."""
    project.write("manifests/broken.yaml", "kind: Model\nkey: [\n")
    project.ok("test", "chat")


# --- -vv -----------------------------------------------------------------------------------------------------------------

ODD = "a\x1b[2J\nerror: x"


@pytest.mark.parametrize("where", ["before", "after", "twice"])
def test_twice_verbose_tells_every_request(project: Project, place: Server, where: str) -> None:
    """On stderr, each on one line that no terminal obeys; nobody else's lines; stdout stays the same."""
    place.put("Model", ODD, {})
    words = ("test", f"mem/Model/{ODD}")
    quiet = project.ok(*words)
    answer = project.ok(*{"before": ("-vv", *words), "after": (*words, "-vv"), "twice": (*words, "-v", "-v")}[where])
    assert (quiet.err, answer.out) == ("", quiet.out)
    assert answer.err.splitlines()[-2:] == ["GET mem", "POST mem/Model/a\\x1b[2J\\nerror: x/test"]
    assert "configuration: reconciler.yaml, environment: none" in answer.err
    assert "somebody else" not in answer.err


def test_once_verbose_tells_none(project: Project, place: Server) -> None:
    """-v is what it was."""
    assert "GET" not in project.ok("list", "-v").err


def test_nothing_is_left_behind(project: Project, place: Server) -> None:
    """Neither a handler nor a level, also after a run that failed."""
    logger = logging.getLogger(traffic.LOGGER)
    before = (list(logger.handlers), logger.level, logger.propagate)
    project.ok("list", "-vv")
    assert project.run("get", "nothing", "-vv").code == 1
    assert project.run("list", "-vv", "--registry", "nope").code == 64
    assert (list(logger.handlers), logger.level, logger.propagate) == before
    assert "GET" not in project.ok("list").err


def test_nobody_pays_for_what_is_not_asked(project: Project) -> None:
    """Each command imports what it needs: without -vv there is no logging of ours, and `test` needs no other command."""
    code = (
        "import sys; from reconciler.cli import main; main.run(['test', 'x', '-v']); main.run(['--version']);"
        "print(sorted(name for name in sys.modules if name.startswith('reconciler.cli.')))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True, timeout=HANGS)
    loaded = ran.stdout.splitlines()[-1]
    assert "'reconciler.cli.test'" in loaded
    assert not [name for name in ("traffic", "models", "catalogue", "apply") if f"'reconciler.cli.{name}'" in loaded]


def test_a_selection_that_matches_nothing_is_no_success(project: Project) -> None:
    """A gate that tested nothing must not be green."""
    project.manifest("a", labels={"team": "cx"})
    said = project.run("test", "--all", "--select", "team=typo")
    assert said.code == 64
    assert "--select team=typo matches no declared model" in said.err
