"""`test` and `apply --test` from the command line: which endpoint is meant, what is told, and what is left out."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from cli.project import TERMINAL, Project, model
from endpoint.place import Place, place, serving
from endpoint.server import KEY
from registry.aigo.server import aigo

from reconciler.core.document.dump import dump_yaml

__all__ = ["place"]

REQUIRED = ("--require", "streaming")
ADAPTER = """\
kind: latticeflow/Adapter
key: mine
registry: aigo
display_name: Mine
process_input: {language: jinja, source_code: '{"ask": {{ input.messages[0].content | tojson }}}'}
process_output: {language: jinja, source_code: '{"said": "{{ body | json_escape }}"}'}
"""
TWO = """\
owner: us
registries:
  local: {driver: local, path: registry.db, default: true}
  aigo: {driver: latticeflow, url: 'http://127.0.0.1:9', api_key: '${env:NOBODY_SET_THIS}'}
"""


@pytest.fixture
def here(project: Project, place: Place, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("LLM_KEY", KEY)
    return project


def behind(place: Place, model: str, **fields: Any) -> dict[str, Any]:
    return {"url": place.url, "model": model, "api_key": "${env:LLM_KEY}", "timeout": 20, **fields}


def test_a_declared_endpoint_is_asked_without_any_registry(here: Project, place: Place) -> None:
    """By its manifest's key, its key in a registry, or its address; nothing is stored, and no registry need be there."""
    here.write("reconciler.yaml", TWO)
    here.manifest("chat", endpoint=behind(place, "plain"), registries={"aigo": {"key": "chat-v2"}, "local": {}})
    for key, address in (
        ("chat", "aigo/Model/chat-v2"),
        ("chat-v2", "aigo/Model/chat-v2"),
        ("local/Model/chat", "local/Model/chat"),
    ):
        answer = here.ok("test", key, "--format", "json")
        data = answer.json("test")
        assert (data["address"], data["ok"], data["endpoint"]) == (address, True, place.url)
    assert [check["name"] for check in data["checks"]] == ["connection", "inference", "streaming", "capabilities"]
    assert data["capabilities"] == dict.fromkeys(("max_completion_tokens", "temperature", "n", "top_p"), "accepted")
    assert set(data["figures"]) == {"latency_ms", "tokens_per_second", "time_to_first_token_ms"}
    assert not (here.root / "registry.db").exists()


def test_the_text_tells_each_check(here: Project, place: Place) -> None:
    """How it ended, how long it took, what there is to know; then the answer."""
    here.manifest("chat", endpoint=behind(place, "ignores-n"))
    answer = here.ok("test", "chat")
    lines = answer.out.splitlines()
    assert lines[0] == "local/Model/chat"
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["ok", name] for name in ("connection", "inference", "streaming", "capabilities")
    ]
    assert "n: ignored" in lines[4]
    assert json.loads(answer.out.partition("output:\n")[2])["choices"][0]["message"]["content"] == "Hello there."
    assert KEY not in answer.both


def test_a_failed_check_is_1(here: Project, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an answer all the same, in every format."""
    here.manifest("chat", endpoint=behind(place, "error-inside"))
    for form in ("text", "json", "junit"):
        answer = here.run("test", "chat", "--format", form)
        assert (answer.code, answer.err) == (1, "")
        assert "the model is out of order" in answer.out
    monkeypatch.delenv("LLM_KEY")
    assert "LLM_KEY is not set" in here.run("test", "chat").out


def test_with_registry_the_registry_is_asked(here: Project, place: Place) -> None:
    """And so is it where the model has no endpoint."""
    here.manifest("chat", endpoint=behind(place, "plain"))
    assert "nothing can be tested through local" in here.run("test", "chat", "--registry", "local").err
    here.manifest("hosted", endpoint=None, provider={"name": "openai", "model": "gpt-5-nano"})
    assert "nothing can be tested through local" in here.run("test", "hosted").err
    here.manifest("leaving", endpoint=behind(place, "plain"), state="absent")
    assert "nothing can be tested through local" in here.run("test", "leaving").err


def test_two_models_of_one_key(here: Project, place: Place) -> None:
    """In two registries: the address decides."""
    here.write("reconciler.yaml", TWO)
    for name, seen_as in (("aigo", "plain"), ("local", "older")):
        document = model("chat", endpoint=behind(place, seen_as), registries={name: {}})
        here.write(f"manifests/{name}.yaml", dump_yaml(document))
    answer = here.run("test", "chat")
    assert (answer.code, "'chat' names 2 models: aigo/Model/chat, local/Model/chat" in answer.err) == (64, True)
    here.ok("test", "local/Model/chat")
    assert place.seen("older")


def test_an_adapter_is_applied_here(here: Project, place: Place) -> None:
    """A custom format, step by step, from the manifests alone."""
    here.write("reconciler.yaml", TWO)
    here.write("manifests/adapter.yaml", ADAPTER)
    here.manifest(
        "own",
        display_name="Own",
        endpoint=behind(place, "gpt", url=f"{place.host}/own/", format="custom", adapter="mine"),
        registries={"aigo": {}},
    )
    here.write("in.json", '{"messages": [{"role": "user", "content": "hi"}]}')
    answer = here.ok("test", "own", "--input", "in.json")
    assert answer.out.partition("transform-input:\n")[2].splitlines() == [
        '  {"ask": "hi"}',
        "inference, status 200:",
        "  answer=HI&model=",
        "transform-output:",
        '  {"said": "answer=HI&model="}',
    ]
    data = here.ok("test", "own", "--input", "in.json", "--format", "json").json("test")
    assert [step["name"] for step in data["steps"]] == ["transform-input", "inference", "transform-output"]
    assert data["output"] == {"said": "answer=HI&model="}


def test_degraded_is_the_third_state(here: Project, place: Place, tools: Path) -> None:
    """0, in every format told apart from ok; 1 with --strict, and where what is degraded is required."""
    url, key = place.url, "${env:LLM_KEY}"
    here.write(
        "manifests/chat.yaml",
        f"kind: Model\nkey: chat\nendpoint:\n  url: {url}\n  model: refuses-n+unstreamed\n  api_key: {key}\n"
        "parameters:\n  temperature: 0.5\n  n: 2\n  seed: 3\n",
    )
    answer = here.ok("test", "chat")
    assert [row.split()[:2] for row in answer.out.splitlines()[1:5]] == [
        ["ok", "connection"],
        ["degraded", "inference"],
        ["degraded", "streaming"],
        ["ok", "capabilities"],
    ]
    assert "n refused (manifests/chat.yaml:9): unsupported parameter: n" in answer.out
    data = here.ok("test", "chat", "--format", "json").json("test")
    assert (data["ok"], data["state"]) == (True, "degraded")
    assert [(one["ok"], one["state"]) for one in data["checks"]] == [
        (True, "ok"),
        (True, "degraded"),
        (True, "degraded"),
        (True, "ok"),
    ]
    for words, code, failures, skipped in ((), 0, "0", "2"), (("--strict",), 1, "2", "0"), (REQUIRED, 1, "1", "1"):
        answer = here.run("test", "chat", "--format", "junit", *words)
        suite = ElementTree.fromstring(answer.out).find("testsuite")
        assert suite is not None
        assert (answer.code, suite.get("failures"), suite.get("skipped")) == (code, failures, skipped)
        assert len(suite.findall("testcase/skipped")) == int(skipped)
        check_junit(tools, here.write("junit.xml", answer.out))
    assert "1 model tested: 1 degraded\n" in here.ok("test", "--all").out
    assert here.run("test", "--all", "--strict", "--format", "json").code == 1


def test_what_cannot_stream_is_not_required_to(here: Project, place: Place) -> None:
    """Embeddings have no streams; a format of one's own may, and nobody knows."""
    here.manifest("vectors", endpoint=behind(place, "vectors"), task="embeddings")
    here.manifest("chat", endpoint=behind(place, "plain"))
    here.ok("test", "--all", *REQUIRED)
    here.manifest("own", endpoint=behind(place, "x", url=f"{place.host}/own/", format="custom"))
    here.write("in.json", '{"ask": "x"}')
    answer = here.run("test", "own", "--input", "in.json", *REQUIRED)
    assert (answer.code, "it is required, and a format of its own is not asked for it" in answer.out) == (1, True)


def test_what_is_degraded_is_in_nobody_s_way(here: Project, place: Place) -> None:
    """`apply --test` says so, and writes it."""
    here.manifest("chat", endpoint=behind(place, "refuses-n+unstreamed"), parameters={"n": 2})
    answer = here.ok("apply", "--yes", "--test")
    assert answer.err.startswith("test chat: degraded: inference: n refused (manifests/chat.yaml:")
    assert here.keys() == ["chat"]


def test_what_needs_an_input_says_so(here: Project, place: Place) -> None:
    """1, before anything is sent; a wrong one too."""
    here.manifest("own", endpoint=behind(place, "unsent", url=f"{place.host}/own/", format="custom"))
    answer = here.run("test", "own")
    assert (answer.code, "own: a model of a custom format needs an input of its own" in answer.err) == (1, True)
    here.manifest("chat", endpoint=behind(place, "unsent"))
    here.write("in.json", "[1]")
    for words in (("chat",), ("--all",)):
        assert "its input is an object, or a text" in here.run("test", *words, "--input", "in.json").err
    assert place.seen("unsent") == []


# --- all of them ---------------------------------------------------------------------------------------------------------


def declare(here: Project, place: Place) -> None:
    here.manifest("a", endpoint=behind(place, "plain"), labels={"team": "cx"})
    here.manifest("b", endpoint=behind(place, "error-inside"), labels={"team": "cx", "stage": "test"})
    here.manifest("c", endpoint=behind(place, "vectors"), task="embeddings", labels={"team": "ml"})
    here.manifest("d", endpoint=None, provider={"name": "openai", "model": "gpt-5-nano"})
    here.manifest("e", endpoint=behind(place, "x", url=f"{place.host}/own/", format="custom"))


def test_all_are_tested_and_one_failure_is_1(here: Project, place: Place) -> None:
    """Those with an endpoint, sorted; what needs an input is connected to."""
    declare(here, place)
    answer = here.run("test", "--all")
    assert answer.code == 1
    assert [line for line in answer.out.splitlines() if line.startswith("local/")] == [
        f"local/Model/{key}" for key in "abce"
    ]
    assert answer.out.endswith("\n4 models tested: 1 failed\n")
    data = here.run("test", "--all", "--format", "json").json("test")
    assert (data["ok"], [one["ok"] for one in data["results"]]) == (False, [True, False, True, True])
    assert "not asked" in data["results"][3]["checks"][0]["message"]
    assert KEY not in answer.both


def test_labels_select(here: Project, place: Place) -> None:
    """All must hold; a selection that matches nothing is a mistake: a gate that tested nothing must not be green."""
    declare(here, place)
    data = here.ok("test", "--all", "--select", "team=ml", "--format", "json").json("test")
    assert [one["address"] for one in data["results"]] == ["local/Model/c"]
    assert here.run("test", "--all", "--select", "team=cx", "--select", "stage=test").code == 1
    nothing = here.run("test", "--all", "--select", "team=none")
    assert (nothing.code, "--select team=none matches no declared model" in nothing.err) == (64, True)
    data = here.ok("test", "--all", "--select", "team!=cx,team", "--format", "json").json("test")
    assert [one["address"] for one in data["results"]] == ["local/Model/c"]


def test_junit_for_a_pipeline(here: Project, place: Place, tools: Path) -> None:
    """A suite for each model, a case for each check, valid under the schema."""
    declare(here, place)
    answer = here.run("test", "--all", "--format", "junit")
    suites = {suite.get("name"): suite for suite in ElementTree.fromstring(answer.out)}
    failure = suites["local/Model/b"].find("testcase/failure")
    assert failure is not None
    assert "out of order" in failure.get("message", "")
    assert (suites["local/Model/b"].get("tests"), suites["local/Model/b"].get("failures")) == ("2", "1")
    assert [case.get("name") for case in suites["local/Model/c"]] == ["connection", "inference"]
    check_junit(tools, here.write("junit.xml", answer.out))


def check_junit(tools: Path, file: Path) -> None:
    words = ["xmllint", "--noout", "--schema", str(tools / "junit-10.xsd"), str(file)]
    checked = subprocess.run(words, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_models_of_one_host_are_tested_one_after_the_other(here: Project, place: Place) -> None:
    """However the host is spelt: servers with one model at a time interrupt what they are doing. Hosts are tested at once."""
    for number in range(4):
        url = place.url if number % 2 else place.url.replace("127.0.0.1", "LOCALHOST")
        here.manifest(f"m{number}", endpoint=behind(place, f"slow+{number}", url=url), task="completion")
    with serving() as other:
        here.manifest("other", endpoint=behind(other, "slow+other"), task="completion")
        here.ok("test", "--all")
        assert (place.told()["most"], other.told()["most"]) == (1, 1)
        assert other.seen("slow+other")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say what to test: a KEY, or --all"),
        (("chat", "--all"), "--all tests every model"),
        (("--all", "--registry", "local"), "--all tests endpoints, and --registry leads elsewhere"),
        (("chat", "--select", "a=b"), "--select goes with --all"),
        (("--all", "--select", "=b"), "--select '=b': '=b' is no requirement"),
    ],
)
def test_what_contradicts_itself_is_a_usage_error(here: Project, words: tuple[str, ...], said: str) -> None:
    """64, before anything is read."""
    answer = here.run("test", *words)
    assert (answer.code, said in answer.err) == (64, True), answer.err


def test_all_wants_sound_manifests(here: Project, place: Place) -> None:
    """A gate that passes over a manifest would be none. One KEY is tested all the same."""
    here.manifest("chat", endpoint=behind(place, "plain"))
    here.write("manifests/broken.yaml", "kind: Model\nkey: [\n")
    answer = here.run("test", "--all", "--format", "json")
    assert (answer.code, answer.json("error")["error"]["code"]) == (1, "manifests")
    here.ok("test", "chat")


def test_a_model_s_words_obey_nobody(here: Project, place: Place) -> None:
    """Neither in a message nor in an output."""
    here.manifest("own", endpoint=behind(place, "x", url=f"{place.host}/own/", format="custom"))
    here.write("in.json", json.dumps({"ask": "\x1b[2J\u202e\nerror: x"}))
    for form in ("text", "json", "junit"):
        assert not TERMINAL & set(here.ok("test", "own", "--input", "in.json", "--format", form).out)


# --- apply --test --------------------------------------------------------------------------------------------------------


def test_what_fails_is_left_out_of_apply(here: Project, place: Place) -> None:
    """The others are written; 4, since something is left; mended, the next run writes it."""
    declare(here, place)
    here.remove("e")
    answer = here.run("apply", "--yes", "--test")
    assert answer.code == 4
    assert here.keys() == ["a", "c", "d"]
    assert "its endpoint failed the test: inference: it answers as if all were well" in answer.out
    told = [line.partition(":")[::2] for line in answer.err.splitlines() if line.startswith("test ")]
    assert [(name, rest.split(":")[0].strip()) for name, rest in told] == [
        ("test a", "ok"),
        ("test b", "failed"),
        ("test c", "ok"),
    ]
    here.manifest("b", endpoint=behind(place, "plain"))
    assert here.ok("apply", "--yes", "--test").err.splitlines() == ["test b: ok"]
    assert here.keys() == ["a", "b", "c", "d"]


def test_the_report_says_why(here: Project, place: Place) -> None:
    """`blocked`, `test-failed`, for machines; and a stored model stays as it was."""
    here.manifest("chat", endpoint=behind(place, "plain"))
    here.apply()
    here.manifest("chat", endpoint=behind(place, "error-inside"), description="new")
    answer = here.run("apply", "--yes", "--test", "--format", "json")
    (outcome,) = answer.json("apply")["outcomes"]
    assert (answer.code, outcome["status"], outcome["reason"]) == (4, "blocked", "test-failed")
    assert here.stored()["local/Model/chat"]["endpoint"]["model"] == "plain"


def test_what_stands_beside_a_model_is_left_out_with_it(
    here: Project, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its secret would be without use, and an old model must not get a new key; the others get theirs."""
    with aigo() as server:
        monkeypatch.setenv("AIGO_KEY", server.key)
        here.write(
            "reconciler.yaml",
            "owner: us\nregistries:\n  aigo: {driver: latticeflow, default: true, owns: ['*'],"
            f" url: '{server.url}', api_key: '${{env:AIGO_KEY}}'}}\n",
        )
        for key, name in (("bad", "error-inside"), ("good", "plain")):
            endpoint = {**behind(place, name), "timeout": None}
            here.manifest(key, display_name=key, endpoint=endpoint)
        answer = here.run("apply", "--yes", "--test", "--format", "json")
        data = answer.json("apply")
        ends = {one["address"]: f"{one['status']} {one['reason']}" for one in data["outcomes"]}
        assert (answer.code, ends) == (
            4,
            {
                "aigo/Secret/reconciler-bad-api-key": "blocked dependency",
                "aigo/Model/bad": "blocked test-failed",
                "aigo/Secret/reconciler-good-api-key": "ok new",
                "aigo/Model/good": "ok new",
                "aigo/Adapter/latticeflow$openai_chat_completion": "ok new",
            },
        )
        assert not [write for write in server.writes if "bad" in str(write)]


def test_a_no_op_tests_nothing(here: Project, place: Place) -> None:
    """What is as it should be is not asked, however ill it is; nor is what is only deleted."""
    here.manifest("chat", endpoint=behind(place, "error-inside"))
    here.apply()
    assert here.ok("apply", "--yes", "--test").err == ""
    here.manifest("chat", endpoint=None, state="absent")
    here.ok("apply", "--yes", "--test")
    assert here.keys() == []


def test_a_saved_plan_is_not_tested(here: Project, place: Place) -> None:
    """It is applied as it was reviewed: 64."""
    here.manifest("chat", endpoint=behind(place, "plain"))
    here.ok("plan", "--save", "plan.json")
    answer = here.run("apply", "--plan", "plan.json", "--test")
    assert (answer.code, "--test cannot be given with --plan" in answer.err) == (64, True)
    assert "reconciler test --all" in answer.err
