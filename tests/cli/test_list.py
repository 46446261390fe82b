"""`reconciler list`: what the registries hold, as a table for people and as JSON; it takes the place of `lf models`."""

from __future__ import annotations

import itertools
import json

import pytest
from cli.project import Project
from registry.memory import server
from registry.memory_server import Behaviour, Server

from reconciler.core.model import Model
from reconciler.project.model_facts import native_facts
from reconciler.registry.catalog import load_driver, names

_places = itertools.count(1)
TWO = """\
owner: us
registries:
  local: {driver: local, path: registry.db, default: true}
  mem: {driver: memory, url: 'memory://%s'}
"""


@pytest.fixture
def place(project: Project) -> Server:
    """The server of `mem`, with a provider and two models of which one is ours, beside a local registry with one."""
    name = f"list-{next(_places)}"
    project.write("reconciler.yaml", TWO % name)
    project.manifest(
        "chat", display_name="Support chat", tags=["support", "prod"], labels={"team": "cx"}, protected=True
    )
    project.write(
        "manifests/ours.yaml",
        "kind: Model\nkey: ours\nprovider: {name: openai, model: m}\nlabels: {team: ml}\nregistries: {mem: {}}\n",
    )
    there = server(f"memory://{name}")
    there.put("Provider", "openai", {"url": "https://api.example.com"})
    there.put("Model", "theirs", {"display_name": "Theirs"})
    project.apply()
    return there


def rows(project: Project, *words: str) -> list[dict[str, object]]:
    return list(project.ok("list", *words, "--format", "json").json("list")["resources"])


def addresses(project: Project, *words: str) -> list[object]:
    return [row["address"] for row in rows(project, *words)]


def test_a_table_says_what_each_object_is(project: Project, place: Server) -> None:
    """Its name, where it is served, its tags, and whether it is protected; `-o wide` adds labels, owner and time."""
    answer = project.ok("list")
    assert answer.out.splitlines() == [
        "ADDRESS              NAME          URL OR MODEL                TAGS           PROTECTED",
        "local/Model/chat     Support chat  https://llm.example.com/v1  support, prod  yes",
        "mem/Model/ours       -             -                           -              -",
        "mem/Model/theirs     Theirs        -                           -              -",
        "mem/Provider/openai  -             -                           -              -",
    ]
    assert answer.err == ""
    title, chat, ours, *_ = project.ok("list", "-o", "wide").out.splitlines()
    assert title.split()[-3:] == ["LABELS", "OWNER", "UPDATED"]
    assert ("team=cx" in chat, "us" in chat.split(), "team=ml" in ours) == (True, True, True)


def test_json_carries_the_whole_object(project: Project, place: Server) -> None:
    """display_name, spec, protected and labels beside the address: no `get` for each row is needed."""
    chat = rows(project)[0]
    assert {name: chat[name] for name in ("display_name", "url", "provider", "model", "protected", "owner")} == {
        "display_name": "Support chat",
        "url": "https://llm.example.com/v1",
        "provider": "openai",
        "model": "m",
        "protected": True,
        "owner": "us",
    }
    assert (chat["tags"], chat["labels"]) == (["support", "prod"], {"team": "cx"})
    got = project.ok("get", "local/Model/chat", "--format", "json").json("get")
    assert chat["spec"] == got["spec"]


def test_protection_and_labels_are_known_where_the_registry_has_no_room(project: Project, place: Server) -> None:
    """The manifest says what it protects and what it is labelled, also where no mark is; without it, nobody knows."""
    project.write("manifests/n.yaml", "kind: memory/Note\nkey: n\ntext: hello\nprotected: true\n")
    place.put("Note", "n", {"text": "hello"})
    (note,) = rows(project, "--kind", "Note")
    assert note["protected"] is True
    (ours,) = rows(project, "--select", "team=ml")
    assert (ours["address"], ours["labels"]) == ("mem/Model/ours", {"team": "ml"})
    project.remove("n", "chat")
    assert rows(project, "--kind", "Note")[0]["protected"] is False
    assert rows(project, "--kind", "local/Model")[0]["protected"] is True, "the mark outlives the manifest"


def test_secrets_are_no_part_of_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """References stay, values never come; what was entered in the registry itself shows no credential either."""
    monkeypatch.setenv("KEY", "sk-Zx81qLmW")
    project.manifest("chat", endpoint={"url": "https://x.example.com/v1", "model": "m", "api_key": "${env:KEY}"})
    project.apply()
    assert rows(project)[0]["spec"]["endpoint"]["api_key"] == "${env:KEY}"  # type: ignore[index]
    project.spoil(
        "chat",
        endpoint={
            "url": "https://user:pw-Zx81qLmW@x.example.com/v1?api_key=Zx81qLmW",
            "headers": {"X-Token": "Zx81qLmW"},
        },
        description="it was sk-abcdefghijklmnop1234 once",
        metadata={"secret": "hunter2", "note": "https://x.example.com/?token=Zx81qLmW"},
    )
    for words in (("list",), ("list", "-o", "wide"), ("list", "--format", "json"), ("get", "chat")):
        answer = project.ok(*words)
        assert "Zx81qLmW" not in answer.both, words
        assert "sk-abcdefghijklmnop1234" not in answer.both, words
    assert rows(project)[0]["url"] == "https://x.example.com/v1"


def test_what_no_kind_declares_is_there_and_hidden_where_it_may_be_secret(project: Project, place: Server) -> None:
    """As `get` shows it: `***` in the place of what may be a secret."""
    place.put("Model", "odd", {"display_name": "Odd", "colour": "red", "api_key": "Zx81qLmW"})
    (odd,) = [row for row in rows(project) if row["key"] == "odd"]
    assert odd["unmanaged"] == {"colour": "red", "api_key": "***"}
    assert not any("Zx81qLmW" in answer.both for answer in project.runs)


# --- a part of it --------------------------------------------------------------------------------------------------------


def test_only_some_kinds(project: Project, place: Server) -> None:
    """By the native kind, with its driver or without; several are any of them, and an empty kind is no error."""
    place.put("Note", "n", {"text": "hello"})
    assert addresses(project, "--kind", "Note") == ["mem/Note/n"]
    assert addresses(project, "--kind", "memory/Model") == ["mem/Model/ours", "mem/Model/theirs"]
    assert addresses(project, "--kind", "Note", "--kind", "local/Model") == ["local/Model/chat", "mem/Note/n"]
    assert len(addresses(project, "--kind", "Model")) == 3
    assert project.ok("list", "--kind", "Secret").out == "Nothing is there.\n"


@pytest.mark.parametrize(
    ("kind", "hint"), [("model", "did you mean 'Model'?"), ("zzz", "Note"), ("memory/Nope", "memory/Note")]
)
def test_an_unknown_kind_is_a_usage_error(project: Project, place: Server, kind: str, hint: str) -> None:
    """64, with the kinds that there are; of one registry alone, its own."""
    answer = project.run("list", "--kind", kind)
    assert (answer.code, answer.out, "no registry here has a kind" in answer.err) == (64, "", True)
    assert hint in answer.err
    assert project.run("list", "--registry", "local", "--kind", "Note").code == 64


def test_a_registry_without_the_kind_is_not_read(project: Project, place: Server) -> None:
    """It cannot fail, and costs nothing."""
    before = list(place.calls)
    project.ok("list", "--kind", "local/Model")
    assert place.calls == before


def test_only_what_a_selector_meets(project: Project, place: Server) -> None:
    """The selectors of plan, over what each row shows as labels; one that matches nothing is a usage error."""
    assert addresses(project, "--select", "team=cx") == ["local/Model/chat"]
    assert addresses(project, "--select", "team,team!=cx") == ["mem/Model/ours"]
    assert addresses(project, "--select", "!team") == ["mem/Model/theirs", "mem/Provider/openai"]
    for words in (("--select", "team=nobody"), ("--select", "team=cx", "--kind", "memory/Model")):
        answer = project.run("list", *words, "--format", "json")
        assert (answer.code, answer.json("error")["error"]["code"]) == (64, "usage")
        assert "matches no object" in answer.err
    assert "labels of the objects: team=cx, team=ml" in project.run("list", "--select", "team=nobody").err
    before = list(place.calls)
    assert project.run("list", "--select", "a=b=!c,").code == 64
    assert place.calls == before, "a selector that is none is told before anything is read"


@pytest.mark.parametrize("word", ["json", "yaml", "Wide"])
def test_another_layout_is_told_with_the_option_that_is_meant(project: Project, word: str) -> None:
    """`-o json` of other tools is `--format json`."""
    answer = project.run("list", "-o", word)
    assert (answer.code, "--format json" in answer.err) == (64, True)


# --- what cannot be read -------------------------------------------------------------------------------------------------


def broken(project: Project, name: str, entry: str) -> None:
    """One more registry in reconciler.yaml."""
    config = (project.root / "reconciler.yaml").read_text()
    project.write("reconciler.yaml", f"{config}  {name}: {entry}\n")


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("{driver: local, path: folder.db}", "could not be read"),
        ("{driver: latticeflow, url: 'http://127.0.0.1:1', api_key: '${env:NOT_THERE}'}", "NOT_THERE is not set"),
        ("{driver: nemo, url: 'http://127.0.0.1:1'}", "could not be read"),
    ],
    ids=["unreadable", "no credential", "nobody there"],
)
def test_a_registry_that_cannot_be_read_does_not_hide_the_others(
    project: Project, place: Server, entry: str, why: str
) -> None:
    """What could be read is on stdout, the error is told with its hint, and the exit code is 1."""
    (project.root / "folder.db").mkdir()
    broken(project, "bad", entry)
    answer = project.run("list")
    assert (answer.code, len(answer.out.splitlines())) == (1, 5)
    assert (answer.err.count("error: bad could not be read: "), why in answer.err) == (1, True)
    answer = project.run("list", "--format", "json")
    data = answer.json("list")
    assert (answer.code, len(data["resources"])) == (1, 4)
    assert [row["registry"] for row in data["failed"]] == ["bad"]
    assert data["error"]["message"].startswith("bad could not be read: ")
    assert answer.json("error")["error"] == data["error"]
    project.ok("list", "--registry", "local", "--registry", "mem")
    answer = project.run("list", "--registry", "bad", "--format", "json")
    assert (answer.code, set(json.loads(answer.out))) == (1, {"format_version", "error"})


def test_every_registry_that_fails_is_told(project: Project, place: Server) -> None:
    """Each with its own hint; where nothing at all could be read, there is no list."""
    (project.root / "folder.db").mkdir()
    broken(project, "bad", "{driver: local, path: folder.db}")
    place.become(Behaviour(fail_at=1))
    answer = project.run("list")
    assert (answer.code, len(answer.out.splitlines())) == (1, 2)
    assert [line.split(" could")[0] for line in answer.err.splitlines() if "could not be read" in line] == [
        "error: bad",
        "error: mem",
    ]
    place.become(Behaviour(fail_at=1))
    answer = project.run("list", "--registry", "bad", "--registry", "mem")
    assert (answer.code, answer.out, "bad could not be read: " in answer.err) == (1, "", True)


def test_what_was_selected_may_be_where_nobody_could_read(project: Project, place: Server) -> None:
    """The failure is told, not that nothing matches: 1 and not 64."""
    place.become(Behaviour(fail_at=1))
    answer = project.run("list", "--select", "team=ml")
    assert (answer.code, answer.out) == (1, "Nothing is there that can be read.\n")
    assert "mem could not be read" in answer.err


def test_a_row_that_cannot_be_read_is_told_by_its_kind(project: Project, place: Server) -> None:
    """With --kind, one of another kind is not; one without a kind may be of any."""
    place.become(Behaviour(broken=frozenset({"theirs"}), nameless=True))
    data = project.ok("list", "--kind", "Note", "--format", "json").json("list")
    assert [row["kind"] for row in data["unreadable"]] == [None]
    data = project.ok("list", "--kind", "Model", "--format", "json").json("list")
    assert [row["key"] for row in data["unreadable"]] == [None, "theirs"]


def test_manifests_that_are_not_valid_are_mentioned(project: Project, place: Server) -> None:
    """What they protect is not known."""
    project.write("manifests/broken.yaml", "kind: Model\nkey: [\n")
    assert project.ok("list").err.count("warning: some manifests are not valid") == 1


# --- every driver --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
def test_what_a_model_says_is_what_its_object_shows(name: str) -> None:
    """Its name, its address or provider, its tags and labels come back from what a driver makes of it, unless that has no room."""
    driver = load_driver(name)
    said = {"display_name": "Chat", "tags": ["a", "b"], "labels": {"team": "cx"}}
    sources = (
        {"endpoint": {"url": "https://llm.example.com/v1", "model": "m"}},
        {"provider": {"name": "openai", "model": "m"}},
    )
    for source in sources:
        model = Model.model_validate({"kind": "Model", "key": "chat", **said, **source})
        compiled = driver.compile(model, "chat")
        lost = {item.pointer for item in compiled.inexpressible}
        if lost & {"/endpoint", "/provider"} or any(item.fatal for item in compiled.inexpressible):
            continue
        facts = native_facts(compiled.model.key, compiled.model.kind, compiled.model.spec, driver)
        beside = [native_facts(one.key, one.kind, one.spec, driver) for one in compiled.derived]
        assert facts.name == "Chat" or "/display_name" in lost
        assert list(facts.tags or ()) == ["a", "b"] or "/tags" in lost
        assert dict(facts.labels or {}) == {"team": "cx"} or "/labels" in lost
        urls = {one.url for one in (facts, *beside) if one.url}
        assert all(url.startswith("https://llm.example.com/v1") for url in urls)
        assert bool(urls) is ("endpoint" in source)
        assert {one.model for one in (facts, *beside)} & {"m", "chat"}
