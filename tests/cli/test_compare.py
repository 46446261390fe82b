"""Two environments side by side: what one alone has, and in what the others differ; as declared, and as stored."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from cli.project import Project
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.resource import Address
from reconciler.planner.comparison import Comparison, Item, Pair, compare
from reconciler.planner.diff import FieldChange
from reconciler.registry.catalog import load_driver
from reconciler.render.comparison import fold, render_markdown, render_text
from reconciler.render.plan_view import MANY
from reconciler.render.room import BUDGET
from reconciler.render.terminal import Style

CONFIG: Final = """\
owner: team
variables: {host: llm.example.com, key: DEV}
registries:
  local: {driver: local, path: registry.db, default: true}
environments:
  dev: {registries: {local: {path: dev.db}}}
  prod:
    registries: {local: {path: prod.db}, second: {driver: local, path: second.db}}
    variables: {host: llm.prod.example.com}
    manifests: [manifests, prod]
"""
KIND: Final = load_driver("local").kinds["Model"]


@pytest.fixture
def two(project: Project) -> Project:
    project.write("reconciler.yaml", CONFIG)
    project.manifest("chat", endpoint={"url": "https://${var:host}/v1", "model": "m"}, labels={"team": "cx"})
    project.manifest("same")
    project.write("prod/.keep", "")
    return project


def compared(project: Project, *words: str) -> dict[str, Any]:
    answer = project.run("compare", "dev", "prod", "--format", "json", *words)
    assert answer.code == 0, answer.both
    return answer.json("compare")


def fields(data: dict[str, Any]) -> dict[str, list[Any]]:
    return {
        pair["address"]: [(one["path"], one.get("before"), one.get("after")) for one in pair["fields"]]
        for pair in data["differing"]
    }


def test_a_failure_is_in_every_format(two: Project) -> None:
    """It is no comment that a bot looks for, and still says what went wrong."""
    answer = two.run("compare", "dev", "nope", "--output", "markdown=x.md", "--output", "json=x.json")
    assert answer.code == 64, answer.both
    told = (two.root / "x.md").read_text("utf-8")
    assert told.startswith("### Compare: failed")
    assert "nope" in told
    assert "nope" in (two.root / "x.json").read_text("utf-8")


def test_what_differs_is_told_field_by_field(two: Project) -> None:
    """In the order in which the environments are named."""
    two.write("prod/only.yaml", "kind: Model\nkey: only\nprovider: {name: openai, model: m}\n")
    data = compared(two)
    assert fields(data) == {
        "local/Model/chat": [("/endpoint/url", "https://llm.example.com/v1", "https://llm.prod.example.com/v1")]
    }
    assert data["only_second"] == [{"address": "local/Model/only", "source": {"file": "prod/only.yaml", "line": 1}}]
    assert data["summary"] == {"only_first": 0, "only_second": 1, "differing": 1, "equal": 1}
    backward = two.run("compare", "prod", "dev", "--format", "json").json("compare")
    assert [one["address"] for one in backward["only_first"]] == ["local/Model/only"]


def test_the_exit_code_tells_only_if_asked(two: Project) -> None:
    assert two.run("compare", "dev", "prod").code == 0
    assert two.run("compare", "dev", "prod", "--detailed-exitcode").code == 2
    two.manifest("chat")
    answer = two.run("compare", "dev", "prod", "--detailed-exitcode")
    assert (answer.code, answer.out) == (0, "dev and prod declare the same (2 equal).\n")


def test_what_is_to_be_absent_is_not_there(two: Project) -> None:
    two.write("prod/only.yaml", "kind: Model\nkey: only\nstate: absent\n")
    assert compared(two)["summary"]["only_second"] == 0


def test_a_part_is_compared(two: Project) -> None:
    """By path, by registry, by label; a selector must match in one of the two."""
    assert compared(two, "manifests/same.yaml")["summary"]["equal"] == 1
    assert compared(two, "--select", "team=cx")["summary"] == {
        "only_first": 0,
        "only_second": 0,
        "differing": 1,
        "equal": 0,
    }
    assert compared(two, "--registry", "second")["summary"]["equal"] == 0
    two.write("prod/only.yaml", "kind: Model\nkey: only\nprovider: {name: openai, model: m}\nlabels: {tier: gold}\n")
    assert compared(two, "--select", "tier=gold")["summary"]["only_second"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dev", "prd"], "did you mean 'prod'?"),
        (["dev", "dev"], "does not differ from itself"),
        (["dev"], "ENV"),
        (["dev", "prod", "--env", "dev"], "--env"),
        (["dev", "prod", "--live", "manifests"], "PATH"),
        (["dev", "prod", "--live", "--select", "team=cx"], "--select"),
        (["dev", "prod", "--registry", "locl"], "'locl'"),
        (["dev", "prod", "--select", "team=cy"], "matches no manifest"),
        (["dev", "prod", "--select", "="], "no requirement"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(words: list[str], said: str, two: Project) -> None:
    answer = two.run("compare", *words)
    assert (answer.code, said in answer.err or said.lower() in answer.err) == (64, True), answer.err


def test_the_variable_for_the_environment_is_no_contradiction(two: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILER_ENV", "dev")
    assert two.run("compare", "dev", "prod").code == 0


def test_a_problem_says_in_which_environment(two: Project) -> None:
    two.write("prod/wrong.yaml", "kind: Model\nkey: wrong\ncolour: red\n")
    answer = two.run("compare", "dev", "prod", "--format", "json")
    assert answer.code == 1
    assert {found["environment"] for found in json.loads(answer.out)["problems"]} == {"prod"}


def test_references_are_compared_and_secrets_are_not_there(two: Project) -> None:
    """The name of a variable is what the manifest says; nothing resolves it."""
    two.write("reconciler.yaml", CONFIG.replace("manifests: [manifests, prod]", "manifests: [prod]"))
    endpoint = {"url": "https://llm.example.com/v1", "model": "m", "api_key": "${env:DEV_KEY}"}
    two.manifest("chat", endpoint=endpoint)
    text = (two.root / "manifests/chat.yaml").read_text(encoding="utf-8")
    two.write("prod/chat.yaml", text.replace("DEV_KEY", "PROD_KEY"))
    assert fields(compared(two))["local/Model/chat"] == [("/endpoint/api_key", "${env:DEV_KEY}", "${env:PROD_KEY}")]


# --- live ------------------------------------------------------------------------------------------------


def test_live_compares_what_is_stored(two: Project) -> None:
    """Not what is declared, and whoever owns it: the owners of two environments always differ."""
    for name in ("dev", "prod"):
        two.apply("--env", name)
    assert fields(compared(two, "--live")) == fields(compared(two))
    two.manifest("same", description="new")
    assert set(fields(compared(two, "--live"))) == {"local/Model/chat"}
    two.apply("--env", "dev")
    assert fields(compared(two, "--live"))["local/Model/same"] == [("/description", "new", None)]


def test_live_is_complete_or_an_error(two: Project) -> None:
    """A registry that cannot be read, or a row of it, may be where they differ."""
    two.apply("--env", "dev")
    two.write("prod.db", "this is no database, and longer than its header would have to be" * 10)
    answer = two.run("compare", "dev", "prod", "--live")
    assert (answer.code, answer.out) == (1, "")


# --- pure ------------------------------------------------------------------------------------------------


def item(key: str, *, of: str = "", driver: str = "local", **spec: Any) -> Item:
    return Item(Address("local", "Model", key), driver, KIND, of or key, spec)


def test_an_object_whose_key_follows_from_other_fields_is_one_object() -> None:
    """It is found by the manifest's key, where each side has one of it."""
    (pair,) = compare(("a", "b"), [item("v1", of="chat", x=1)], [item("v2", of="chat", x=1)], live=False).differing
    assert (pair.address.key, pair.other.key, pair.fields) == ("v1", "v2", (FieldChange("/key", "v1", "v2"),))
    found = compare(("a", "b"), [item("v1", of="chat")], [item("v2", of="chat"), item("v3", of="chat")], live=False)
    assert (len(found.only_first), len(found.only_second), found.differing) == (1, 2, ())


def test_registries_of_other_drivers_have_nothing_in_common() -> None:
    found = compare(("a", "b"), [item("chat", driver="nemo")], [item("chat")], live=False)
    assert (len(found.only_first), len(found.only_second)) == (1, 1)


ITEMS: Final = st.dictionaries(
    st.sampled_from("abcdef"), st.dictionaries(st.sampled_from(["display_name", "description"]), st.sampled_from("xy"))
)


@given(ITEMS, ITEMS)
def test_comparing_backward_is_the_mirror(first: dict[str, Any], second: dict[str, Any]) -> None:
    """And every object is counted once on its side."""
    sides = [[item(key, **spec) for key, spec in side.items()] for side in (first, second)]
    forward = compare(("a", "b"), *sides, live=False)
    backward = compare(("b", "a"), *reversed(sides), live=False)
    assert forward.only_first == backward.only_second
    assert [pair.address for pair in forward.differing] == [pair.address for pair in backward.differing]
    assert len(forward.only_first) + len(forward.differing) + forward.equal == len(first)
    assert {pair.address.key for pair in forward.differing} == {
        key for key in first.keys() & second.keys() if first[key] != second[key]
    }


# --- text ------------------------------------------------------------------------------------------------


def many(number: int, **own: str) -> Comparison:
    """Objects that differ alike in one field, and those of `own` in one more."""
    pairs = [
        Pair(
            Address("local", "Model", f"m{index}"),
            Address("local", "Model", f"m{index}"),
            (
                FieldChange("/endpoint/url", "https://dev", "https://prod"),
                *([FieldChange("/description", "", own[f"m{index}"])] if f"m{index}" in own else []),
            ),
        )
        for index in range(number)
    ]
    return Comparison("dev", "prod", False, (), (), tuple(pairs), 0)


def test_what_many_objects_have_in_common_is_told_once() -> None:
    """And what one has of its own stays in view; nothing is lost."""
    found = fold(many(6, m3="odd").differing)
    assert [(one.field.path, len(one.pairs)) for one in found.shared] == [("/endpoint/url", 6)]
    assert [(pair.address.key, [one.path for one in pair.fields]) for pair in found.rest] == [("m3", ["/description"])]
    assert len(fold(many(MANY - 1).differing).rest) == MANY - 1
    text = render_text(many(6, m3="odd"), Style(color=False))
    assert (text.count("https://dev"), "local/Model/m5" in text, "odd" in text) == (1, True, True)


def test_every_format_is_safe() -> None:
    """Values of a stranger's do not rule a terminal, a table or a runner."""
    evil = "\x1b[2J|\n::error::`<b>@team"
    comparison = many(1, m0=evil)
    assert "\x1b" not in render_text(comparison, Style(color=False))
    rendered = render_markdown(comparison, Style(color=False))
    (row,) = [line for line in rendered.split("\n") if "/description" in line]
    assert "::error" not in rendered
    assert row.count("|") - row.count("\\|") == 5


def test_markdown_fits_into_a_comment() -> None:
    """And says how much is left out."""
    long = {f"m{index}": f"{index}" * 200 for index in range(2_000)}
    rendered = render_markdown(many(2_000, **long), Style(color=False))
    assert len(rendered) < BUDGET + 500
    assert "more rows: `--format json` has them all." in rendered
