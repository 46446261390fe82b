"""Our command line and a real NeMo server under stress: many at once, others who write, kills on either side, and 1,200 models."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from acceptance.nemo_place import (
    IN_IT,
    Once,
    Place,
    Together,
    listened,
    model,
    models,
    provider,
    references,
    secret,
)
from acceptance.test_processes import terminal
from programs import HANGS
from registry.nemo.judge import Judge
from registry.nemo.server import NemoServer, create_fileset, create_workspace
from registry.nemo.wire import wire
from registry.server_process import Running
from registry.test_nemo_server import upstream as upstream

LARGE: Final = 1200  # more than the server gives in one page
MANY: Final = 10  # applies at once
INTERRUPTED: Final = 80  # models of a run that is to be cut off in the middle


@pytest.fixture
def place(tmp_path: Path, nemo_server: Running, workspace: str, nemo_judge: Judge) -> Place:
    """An empty workspace, and a folder configured for it."""
    return place_in(tmp_path, nemo_server.url, workspace, nemo_judge)


def place_in(root: Path, url: str, workspace: str, judge: Judge) -> Place:
    place = Place(root, url, workspace, judge.at(url))
    place.configure()
    return place


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NemoServer]:
    """A server that a test may kill, with the models controller."""
    with NemoServer.private(tmp_path_factory.mktemp("fragile") / "nemo", controllers=["models"]) as server:
        yield server


# --- several at once ----------------------------------------------------------------------------------------------


def team(edition: str = "", count: int = 10) -> list[dict[str, Any]]:
    return [
        secret("llm-key"),
        provider("gateway", api_key_secret_name="llm-key", description=f"The gateway. {edition}"),
        *models(count, model_providers=["gateway"], description=f"Same for all. {edition}"),
    ]


def apply_at_once(place: Place, first: str) -> list[dict[str, Any]]:
    """The reports of MANY applies that all begin to write only when each of them is about to. `first` is what each writes first.

    A server under ten clients may not answer one of them at all: that run wrote nothing, says so, and has no report.
    """
    with listened(place.url, Together(first, MANY)) as proxy:
        through = place.by(proxy.url)
        started = [through.start("apply", "--yes", "--format", "json") for _ in range(MANY)]
        ended = [run.end() for run in started]
    place.configure()
    for code, out, err in ended:
        unread = code == 1 and json.loads(out).get("error", {}).get("code") == "registry"
        assert code in (0, 4, 5) or unread, (code, out, err)
    return [report for _, out, _ in ended if "summary" in (report := json.loads(out))]


def test_ten_applies_at_once_lose_nothing_and_make_nothing_twice(place: Place) -> None:
    """Each ends with 0 or says what it did not do; after one more apply all is as declared, everything was created exactly once."""
    place.declare(*team())
    reports = apply_at_once(place, "POST secrets")
    assert sum(report["summary"]["created"] for report in reports) >= 1
    written = place.written()
    assert {version for _, version in written.values()} == {1}
    place.apply()
    place.converged()
    assert place.written().keys() == {"Secret/llm-key", "Provider/gateway", *(f"Model/m{n:04}" for n in range(10))}
    assert written.items() <= place.written().items()  # what was there was neither written again nor replaced


def test_ten_updates_at_once_end_as_declared(place: Place) -> None:
    """The server lets one of ten updates through and answers 500 to nine: no run shows a bug, and nothing stays half done."""
    place.declare(*team(count=4))
    place.apply()
    before = place.written()
    place.declare(*team("Second edition.", count=4))
    apply_at_once(place, "PUT providers/gateway")
    place.apply()
    place.converged()
    after = place.written()
    assert {name: found[0] for name, found in after.items()} == {name: found[0] for name, found in before.items()}
    stored = place.stored("Model")["Model"]
    assert {row["description"] for row in stored.values()} == {"Same for all. Second edition."}


# --- a second writer ----------------------------------------------------------------------------------------------


@pytest.fixture
def three(place: Place) -> Place:
    """Three models, applied; the manifests now say something else."""
    place.declare(*models(3))
    place.apply()
    place.declare(*models(3, description="Declared."))
    return place


def edit(place: Place) -> None:
    place.judge.update("Model", place.workspace, "m0001", description="Somebody's.")


def untouched(place: Place) -> None:
    """The edit stands, and nothing was written after it."""
    descriptions = {name: row["description"] for name, row in place.stored("Model")["Model"].items()}
    assert descriptions == {"m0000": "Number 0.", "m0001": "Somebody's.", "m0002": "Number 2."}


def test_a_saved_plan_is_refused_after_somebody_s_edit(three: Place) -> None:
    """Exit 4 before the first write, and the object that moved is named."""
    three("plan", "--save", "plan.json")
    edit(three)
    refused = three("apply", "--plan", "plan.json", "--yes", code=4)
    assert "nemo/Model/m0001: it was changed" in refused.stderr
    untouched(three)
    three.apply()
    assert three.stored("Model")["Model"]["m0001"]["description"] == "Declared."


@pytest.mark.parametrize("how", ["deleted", "made again", "created"])
def test_a_saved_plan_is_refused_where_objects_came_or_went(three: Place, how: str) -> None:
    """An object that is gone, one that is another one under its name, and one that somebody else created: all are seen first."""
    judge, there = three.judge, three.workspace
    three.declare(*models(3, description="Declared."), model("new"))
    three("plan", "--save", "plan.json")
    if how == "created":
        judge.create("Model", there, "new", description="Somebody's.")
    else:
        judge.delete("Model", there, "m0001")
    if how == "made again":
        judge.create("Model", there, "m0001", description="Somebody's.")
    before = three.written()
    three("apply", "--plan", "plan.json", "--yes", code=4)
    assert three.written() == before


def test_an_edit_while_we_ask_is_not_written_over(three: Place) -> None:
    """Somebody writes while the question is on the screen: after the yes nothing is written, with 4."""
    with terminal(three, "apply") as screen:
        screen.wait_for("Apply these 3 changes?")
        edit(three)
        screen.type("y\n")
        assert screen.end() == 4, screen.seen
    assert "m0001: it was changed" in screen.seen
    untouched(three)


def test_an_edit_at_the_last_moment_is_not_written_over(three: Place) -> None:
    """Somebody writes after our last look at everything, and before the look at that one object: only the others are written."""
    last = Once("GET models/m0001", lambda: edit(three))
    with listened(three.url, last) as proxy:
        report = three.by(proxy.url).apply(code=5)
    assert last.done
    assert report["summary"] | {"updated": 2, "failed": 1} == report["summary"]
    descriptions = [row["description"] for _, row in sorted(three.stored("Model")["Model"].items())]
    assert descriptions == ["Declared.", "Somebody's.", "Declared."]


# --- kill -9 ------------------------------------------------------------------------------------------------------


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def begun(place: Place) -> None:
    """Waits until some models are there."""
    with wire(place.url, place.workspace) as nemo:
        until(lambda: len(nemo.names("models")) > 5, HANGS)


def settled(place: Place) -> dict[str, Any]:
    """What is there once the server has done what was under way when we died."""
    before, now = None, place.written()
    while now != before:
        time.sleep(1)
        before, now = now, place.written()
    return now


def finishes(place: Place) -> None:
    """A second apply does the rest, a third one nothing."""
    there = settled(place)
    assert 0 < len(there) < INTERRUPTED
    report = place.apply()
    assert report["summary"]["created"] == INTERRUPTED - len(there)
    written = place.written()
    assert written.keys() == {f"Model/m{number:04}" for number in range(INTERRUPTED)}
    assert there.items() <= written.items()
    place.apply()
    place.converged()
    assert place.written() == written


def test_kill_9_of_the_server_ends_in_a_report(fragile: NemoServer, tmp_path: Path, nemo_judge: Judge) -> None:
    """What was done is told, what was not is failed or skipped; when the server is back the next apply does the rest."""
    place = place_in(tmp_path, fragile.url, create_workspace(fragile.url), nemo_judge)
    place.declare(*models(INTERRUPTED))
    started = place.start("apply", "--yes", "--format", "json")
    begun(place)
    fragile.kill()
    code, out, err = started.end()
    fragile.start()
    report = json.loads(out)
    assert code == 5, err
    assert len(report["outcomes"]) == INTERRUPTED
    done = {one["address"].removeprefix("nemo/") for one in report["outcomes"] if one["status"] == "ok"}
    assert 0 < len(done) < INTERRUPTED
    assert done <= place.written().keys()  # nothing that was told is lost
    finishes(place)


def test_kill_9_of_us_is_finished_by_the_next_apply(place: Place) -> None:
    """Whatever moment we die at: a second apply does the rest, a third one nothing."""
    place.declare(*models(INTERRUPTED))
    started = place.start("apply", "--yes", "--concurrency", "4")
    begun(place)
    started.process.kill()
    started.end()
    finishes(place)


# --- 1,200 models -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, nemo_server: Running, nemo_judge: Judge) -> Place:
    """More models than one page has, created by us."""
    place = place_in(tmp_path_factory.mktemp("large"), nemo_server.url, create_workspace(nemo_server.url), nemo_judge)
    place.declare(*models(LARGE))
    assert place.apply("--concurrency", "16")["summary"]["created"] == LARGE
    return place


def test_1_200_models_are_there_and_stay_as_they_are(large: Place) -> None:
    """NVIDIA's client counts them, our plan of them is empty, an apply that has nothing to do writes nothing."""
    large.declare(*models(LARGE))
    stored = large.stored("Model")["Model"]
    assert [(name, row["description"]) for name, row in sorted(stored.items())] == [
        (one["key"], one["description"]) for one in models(LARGE)
    ]
    large.converged()
    written = large.written()
    assert large.apply()["summary"]["unchanged"] == LARGE
    assert large.written() == written


def test_a_prune_of_some_of_1_200_needs_a_word(large: Place) -> None:
    """Eight at the end of the second page are more than the guard allows: refused, and with the flag that it names only they go."""
    large.declare(*models(LARGE)[:-8])
    before = large.written()
    assert "--allow-deletes 8" in large("apply", "--yes", "--prune", code=4).stderr
    assert large.written() == before
    assert large.apply("--prune", "--allow-deletes", "8")["summary"]["deleted"] == 8
    gone = {f"Model/{one['key']}" for one in models(LARGE)[-8:]}
    assert large.written() == {name: found for name, found in before.items() if name not in gone}
    large.converged()


# --- round trips --------------------------------------------------------------------------------------------------

NAMES: Final = ("ab", "m" * 63, "a.b_c-d", "a..", "a-.", "no", "null", "true", "z9_")
REFUSED: Final = ("a", "m" * 64, "A1", "1a", "a--b", "ab-", "a@b", "a+b", "a/b", "ä-b")
ODD: Final[dict[str, Any]] = {
    "nothing": None,
    "": 1,
    "x.y/z~": 1e300,
    "$k": -0.0,
    "integer": 12345678901234567890,
    "whole": 1.0,
    "😀": "😀 模型\u00a0\u2028",
    "list": [None, {}, [], {"": None}],
    "empty": {},
    "words": ["no", "null", "~", "1e3", "2026-11-20", "0777", " padded ", "two\nlines\n"],
    "reference": "$${env:NOT_ME}",
}


def test_names_at_the_edges_of_the_rule(place: Place) -> None:
    """What the server takes is taken, what it refuses (or stores and chokes on) is an error before anything is sent."""
    place.declare(*map(model, NAMES))
    place.apply()
    place.converged()
    assert place.stored("Model")["Model"].keys() == set(NAMES)
    before = place.written()
    place.declare(*map(model, REFUSED), provider("a@b"))
    found = json.loads(place("validate", "--format", "json", code=1).stdout)["problems"]
    assert len({one["line"] for one in found}) == len(REFUSED) + 1  # each of them, and not only the first
    place("apply", "--yes", code=1)
    assert place.written() == before


def whole(files: str) -> list[dict[str, Any]]:
    """Something of every kind. `files` is a fileset."""
    parameters = {"temperature": 0.2, "stop": ["\n"], "seed": 7}
    return [
        {"kind": "nemo/Project", "key": "cx.team", "description": "Customer experience."},
        secret("llm-key", description="The gateway's."),
        provider(
            "gateway",
            api_key_secret_name="llm-key",
            required_extra_headers={"X-Tenant": "acme"},
            default_extra_body={"user": None, "deep": {"": [None]}},
            enabled_models=["m"],
        ),
        model("odd", custom_fields=ODD, ownership={"team": None, "": {}}),
        model(
            "served",
            project="cx.team",
            base_model="odd",
            model_providers=["gateway"],
            api_endpoint={"url": "HTTP://Example.COM:80", "model_id": "m"},
            prompt={"system_prompt": "Say: $${x}\n", "inference_params": parameters},
        ),
        {
            "kind": "nemo/Adapter",
            "key": "lora",
            "model": "odd",
            "fileset": files,
            "finetuning_type": "lora",
            "enabled": False,
            "lora_config": {"rank": 8},
        },
        {"kind": "nemo/Prompt", "key": "greet", "messages": [{"role": "system", "content": "{{ a }}"}], "tags": ["x"]},
        {
            "kind": "Model",
            "key": "chat",
            "display_name": "Chat",
            "endpoint": {"url": "https://llm.example.com/v1", "model": "m", "api_key": "${env:LLM_KEY}"},
            "parameters": {"temperature": 0.5},
            "metadata": {"": None, "x": 1e300},
        },
    ]


def test_what_is_exported_builds_the_workspace_again(place: Place, tmp_path: Path) -> None:
    """`export --all` of a workspace, applied to an empty one, gives equal objects, nulls, emoji and odd keys included."""
    create_fileset(place.url, place.workspace, "files")
    place.declare(*whole(f"{place.workspace}/files"))
    place.apply()
    place.converged()
    stored = place.stored()
    assert all(stored[kind] for kind in IN_IT)
    odd = {**ODD, "reference": "${env:NOT_ME}"}
    assert repr(sorted(stored["Model"]["odd"]["custom_fields"].items())) == repr(sorted(odd.items()))

    there = Place(tmp_path / "there", place.url, place.workspace, place.judge)
    there.configure()
    there("export", "--all", "-o", "manifests")
    named = references(there.root / "manifests")
    assert named
    again = there.at(create_workspace(place.url))
    create_fileset(again.url, again.workspace, "files")
    again("apply", "--yes", **dict.fromkeys(named, "sk-of-the-endpoint"))
    again.converged()
    assert again.stored() == stored
    assert {again.judge.secret(again.workspace, name) for name in stored["Secret"]} == {"sk-of-the-endpoint"}


# --- day to day ---------------------------------------------------------------------------------------------------


def test_drift_tells_edits_and_not_what_the_server_adds(place: Place) -> None:
    """What is not declared may change; a declared field, a deleted object and a new secret's value are told, each as what it is."""
    place.declare(
        secret("llm-key"), provider("gateway", api_key_secret_name="llm-key"), *models(3, model_providers=["gateway"])
    )
    place.apply()
    judge, there = place.judge, place.workspace
    endpoint = {"url": "http://127.0.0.1:9/v1", "model_id": "m0000"}
    links = [f"{there}/gateway", f"{there}/other"]
    judge.update("Model", there, "m0000", api_endpoint=endpoint, backend_format="OPENAI_CHAT", model_providers=links)
    judge.create("Model", there, "discovered", description="Auto-discovered model from provider gateway")
    place("drift")
    place.converged()
    judge.update("Model", there, "m0001", description="Somebody's.", custom_fields={})
    judge.delete("Model", there, "m0002")
    told = place.changes("drift", code=2)
    assert told.keys() == {"Model/m0001 update", "Model/m0002 create"}
    assert told["Model/m0001 update"] == ("/description",)
    before = place.written()
    place("plan")
    assert place.written() == before
    place.apply()
    place("drift")
    assert judge.get("Model", there, "m0000")["model_providers"] == links
    assert judge.get("Model", there, "discovered") is not None


def test_what_the_models_controller_writes_is_no_drift(
    fragile: NemoServer, tmp_path: Path, nemo_judge: Judge, upstream: str
) -> None:
    """It links a declared model with the provider that serves it: nothing to do for us, and what we write leaves the link alone."""
    place = place_in(tmp_path, fragile.url, create_workspace(fragile.url), nemo_judge)
    served = "acme-chat-1-5"  # what the endpoint calls acme/Chat-1.5
    place.declare(provider("acme", host_url=upstream), model(served, description="Ours."))
    place.apply()

    def linked() -> bool:
        return bool(place.stored("Model")["Model"][served].get("model_providers"))

    until(linked, HANGS)
    place("drift")
    place.converged()
    place.judge.update("Model", place.workspace, served, description="Somebody's.")
    assert place.changes("drift", code=2) == {f"Model/{served} update": ("/description",)}
    place.apply()
    place.converged()
    row = place.stored("Model")["Model"][served]
    assert (row["description"], row["model_providers"], row["backend_format"]) == ("Ours.", ["acme"], "OPENAI_CHAT")


def test_list_get_export_and_delete(place: Place) -> None:
    """Each tells what NVIDIA's client sees, and `delete` deletes what it names, with what was made beside it, and nothing else."""
    create_fileset(place.url, place.workspace, "files")
    place.declare(*whole("files"))
    place.apply()
    listed = json.loads(place("list", "--format", "json").stdout)["resources"]
    seen = {f"{kind}/{name}" for kind, rows in place.stored().items() for name in rows}
    assert {row["address"].removeprefix("nemo/") for row in listed if row["kind"] != "Workspace"} == seen
    got = json.loads(place("get", "nemo/Model/odd", "--format", "json").stdout)
    assert got["owner"] == "us"
    assert got["spec"]["custom_fields"] == {**ODD, "reference": "${env:NOT_ME}"}
    assert json.loads(place("export", "odd", "--format", "json").stdout)["custom_fields"] == ODD
    place("delete", "odd", "--yes", code=4)  # its adapter would go with it, unseen
    before = place.written()
    place("delete", "nemo/Model/chat", "--yes")
    gone = before.keys() - place.written().keys()
    assert "Model/chat" in gone
    assert gone <= {"Model/chat", "Provider/reconciler-chat", "Secret/reconciler-chat-api-key"}


def test_code_that_comes_with_a_checkpoint_needs_a_guard_lifted(place: Place) -> None:
    """`trust_remote_code` is shown as a tripped guard, refused, and applied only where the configuration allows it."""
    place.declare(model("trusting", trust_remote_code=True), model("plain"))
    planned = json.loads(place("plan", "--format", "json", code=4).stdout)
    (guard,) = planned["guards"]
    assert "trust_remote_code" in guard["message"]
    assert guard["override"] is None or "allow_trust_remote_code" in guard["override"]
    assert "allow_trust_remote_code" in place("apply", "--yes", code=4).stderr
    assert place.written() == {}
    place.configure(guards={"allow_trust_remote_code": True})
    place("plan")
    place.apply()
    place.converged()
    stored = place.stored("Model")["Model"]
    assert {name: row["trust_remote_code"] for name, row in stored.items()} == {"trusting": True, "plain": False}
    place.configure()
    place.converged()  # what is there already needs no word


# --- secrets ------------------------------------------------------------------------------------------------------

VALUES: Final = {
    "LLM_KEY": "sk-4f1c-of-the-gateway",
    "CHAT_KEY": "sk-77aa-of-a-model",
    "OTHER_KEY": "sk-e9b2-the-new-one",
    "FP": "fp-5d21-of-fingerprints",
    "NEMO_TOKEN": "token-91b3-of-nemo",
}


@contextmanager
def searched(place: Place) -> Iterator[None]:
    """At the end no value is in anything that was said or written, nor in what the server tells of its objects."""
    yield
    told = dict(enumerate(place.said)) | {
        str(path): path.read_text("utf-8", "replace") for path in place.root.rglob("*") if path.is_file()
    }
    with wire(place.url, place.workspace) as nemo:
        for plural in ("models", "providers", "secrets", "adapters", "prompts", "projects"):
            told[plural] = nemo.get(plural, verbose="true").raise_for_status().text
            told |= {f"{plural}/{name}": nemo.get(plural, name).text for name in nemo.names(plural)}
    for where, text in told.items():
        for value in VALUES.values():
            assert value not in text, where


def test_a_secret_is_in_the_secrets_service_and_nowhere_else(place: Place) -> None:
    """Through create, rotation, failure, export and deletion, with -vv, in every format, saved plan, backup and file."""
    place.configure(entry={"token": "${env:NEMO_TOKEN}"}, fingerprint_key="${env:FP}")
    chat = {"url": "https://llm.example.com/v1", "model": "m", "api_key": "${env:CHAT_KEY}"}
    place.declare(
        secret("llm-key"),
        provider("gateway", api_key_secret_name="llm-key"),
        {"kind": "Model", "key": "chat", "endpoint": chat},
        *models(2),
    )
    with searched(place):
        for form in ("text", "json", "markdown"):
            place("plan", "-vv", "--format", form, "--save", f"plan-{form}", "--output", f"json=o-{form}", **VALUES)
        place("apply", "--plan", "plan-text", "--yes", "-vv", **VALUES)
        place("apply", "--plan", "plan-json", "--yes", "-vv", code=4, **VALUES)
        assert place.judge.secret(place.workspace, "llm-key") == VALUES["LLM_KEY"]
        assert place.judge.secret(place.workspace, "reconciler-chat-api-key") == VALUES["CHAT_KEY"]
        rotated = VALUES | {"LLM_KEY": VALUES["OTHER_KEY"]}
        place("apply", "--yes", "-vv", "--rotate", "nemo/Secret/llm-key", **rotated)
        assert place.judge.secret(place.workspace, "llm-key") == VALUES["OTHER_KEY"]
        place.declare(secret("llm-key"), provider("gateway", api_key_secret_name="nobody/s"), *models(2))
        place("apply", "--yes", "-vv", "--format", "json", code=None, **VALUES)  # the server refuses that name
        for words in (("list",), ("get", "nemo/Secret/llm-key"), ("export", "--all"), ("drift",)):
            place(*words, "-vv", "--format", "json" if words[0] != "export" else "yaml", code=None, **VALUES)
        place("export", "--all", "-o", "out", **VALUES)
        place("apply", "--yes", "-vv", "--prune", "--allow-deletes", "5", "--backup", "kept", code=None, **VALUES)
        place.declare(secret("llm-key"), *models(2))
        place("delete", "nemo/Model/m0000", "--yes", "-vv", **VALUES)
    assert re.search(r"POST \S*/secrets", "".join(place.said))  # -vv did tell the requests
