"""`explain`: every name that a user meets is explained, from the same declarations as the schema and the reference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import jsonschema
import pytest
import yaml
from cli.project import CONFIG as PROJECT
from cli.project import Project

from reconciler.applier.report import OUTCOME_REASONS
from reconciler.core.actions import ACTIONS, STATUSES
from reconciler.core.answer_words import CONDITION_MEANINGS
from reconciler.core.errors import UsageError
from reconciler.core.exit_codes import EXIT_CODES
from reconciler.core.problem_rules import RULES
from reconciler.core.rules import RULES as FIELD_RULES
from reconciler.core.rules import WriteOnly
from reconciler.core.schema.answers import OUTPUTS
from reconciler.manifest.native import check_native
from reconciler.planner.guards import GUARDS
from reconciler.planner.reasons import REASONS
from reconciler.project.explain.fields import Place, children
from reconciler.project.explain.find import Explanations
from reconciler.project.explain.kinds import CONFIG, PORTABLE
from reconciler.project.schemas import manifest_schema
from reconciler.registry import catalog
from reconciler.render.jsontext import answer_json
from reconciler.render.terminal import Style
from reconciler.render.topic_json import topics_data
from reconciler.render.topic_markdown import topics_markdown
from reconciler.render.topic_text import topics_text

EVERYTHING: Final = Explanations(catalog.built_in())
SUBJECTS: Final = EVERYTHING.subjects
VALID: Final = jsonschema.Draft202012Validator(OUTPUTS["explain"])


def _below(place: Place, depth: int = 8) -> Iterator[Place]:
    for one in children(place) if depth else ():
        yield one
        yield from _below(one, depth - 1)


def test_every_word_of_every_table_is_explained() -> None:
    """Rules, reasons, guards, outcomes, exit codes, field rules and kinds: none is missing, each in all its meanings."""
    names = EVERYTHING.names()
    assert set(RULES) <= set(names["rules"])
    assert set(REASONS) == set(names["reasons"])
    assert list(ACTIONS) == list(names["actions"])
    assert list(STATUSES) == list(names["states"])
    assert set(GUARDS) <= set(names["guards"])
    assert set(OUTCOME_REASONS) == set(names["outcomes"])
    assert set(CONDITION_MEANINGS) == set(names["conditions"])
    assert {str(code) for code in EXIT_CODES} == set(names["exit_codes"])
    assert {kind.__name__ for kind in FIELD_RULES} == set(names["field_rules"])
    assert set(manifest_schema(SUBJECTS.natives, None)["properties"]["kind"]["enum"]) == set(names["kinds"])
    for sort, members in names.items():
        for name in members:
            found = EVERYTHING.explain(name)
            meanings = sum(name.casefold() in map(str.casefold, others) for others in names.values())
            assert len([topic for topic in found if topic.name.casefold() == name.casefold()]) == meanings, (sort, name)
            assert all(topic.meaning for topic in found), name


@pytest.mark.parametrize("subject", SUBJECTS.names)
def test_every_field_is_found_by_its_path(subject: str) -> None:
    """Each field of each kind and of reconciler.yaml, in any case, as a path or a pointer; its facts in three formats."""
    root = SUBJECTS.root(subject)
    colon = ":" if subject == CONFIG else "."
    for place in _below(root):
        name = f"{subject}{colon}{place.name}"
        (topic,) = EVERYTHING.explain(name.swapcase())
        assert topic.name == name
        assert topic.field is not None
        assert topic.field.required is place.required
        assert bool(topic.field.secret) is (place.node.rule(WriteOnly) is not None)
        assert EVERYTHING.explain(f"{subject}:/{'/'.join(place.path)}") == (topic,)
        VALID.validate({"format_version": "1.0", **topics_data([topic])})
        for shown in (topics_text([topic], Style(color=False)), topics_markdown([topic]), answer_json({})):
            assert shown.strip()
        assert name in topics_text([topic], Style(color=False))


@pytest.mark.parametrize("name", SUBJECTS.kinds)
def test_the_example_of_a_kind_is_a_manifest(name: str) -> None:
    """What `explain` shows can be copied into a file."""
    (topic,) = EVERYTHING.explain(name)
    document = yaml.safe_load(topic.example)
    if name in PORTABLE:
        PORTABLE[name].model_validate(document)
        return
    _, found = check_native(SUBJECTS.natives[name], document)
    assert not found, found


@pytest.mark.parametrize("name", ["dependency", "registry", "secret", "immutable", "deadline"])
def test_a_word_with_several_meanings_is_explained_in_each(project: Project, name: str) -> None:
    """A reason of a plan and one of an outcome, a rule and a kind: nobody has to know which one it is."""
    topics = project.run("explain", name, "--format", "json").json("explain")["topics"]
    assert len({(topic["sort"], topic["name"]) for topic in topics}) == len(topics) > 1
    assert len({topic["sort"] for topic in topics}) > 1
    shown = project.ok("explain", name).out
    assert all(topic["sort"] in shown for topic in topics)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Model.endpoint.tls.ca", ["text", "${file:ca.pem}", "not by", "nemo: NeMo has no TLS settings"]),
        ("model.task", ["default", "chat_completion", "embeddings", "as the whole value"]),
        ("Model.parameters.top_p", ["at least 0; at most 1", "number", "0.95"]),
        ("Model.endpoint.api_key", ["always", "${env:NAME} or ${file:path}"]),
        ("Model.endpoint.headers.X-Token", ["where its value is a reference"]),
        ("Model.labels.team", ["Model.labels.*", "text"]),
        ("nemo/Model.project", ["Immutable", "A change means replace: the server never changes it."]),
        ("nemo/Model.spec.linear_layers[].name", ["nemo/Model.spec.linear_layers.*.name", "required", "yes"]),
        ("reconciler.yaml: guards.max_deletes", ["setting", "default", "5"]),
        ("reconciler.yaml:registries.nemo.workspace", ["setting"]),
        ("unknown-field", ["What to do", "rules.html#unknown-field"]),
        ("drifted", ["changed in the registry", "What to do"]),
        ("max-deletes", ["--allow-deletes N"]),
        ("4", ["Refused"]),
        ("not-stored", ["did not keep"]),
    ],
)
def test_what_is_asked_is_told(project: Project, name: str, shown: list[str]) -> None:
    """The facts that one needs to write a manifest, or to go on after an answer."""
    out = " ".join(project.ok("explain", name).out.split())
    for text in shown:
        assert text in out, out


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Model.endpont.url", "Model.endpoint.url"),
        ("unknow-field", "unknown-field"),
        ("Modell", "Model"),
        ("reconciler.yaml:guards.max_delete", "reconciler.yaml:guards.max_deletes"),
        ("temperature", "Model.parameters.temperature"),
        ("qqqq", "reconciler explain"),
        ("", "reconciler explain"),
        ("\x1b[31m", "reconciler explain"),
    ],
)
def test_what_is_not_known_is_wrong_usage_with_a_way_on(project: Project, name: str, hint: str) -> None:
    """64, and the name that was probably meant; a field that several kinds have is listed with its kinds."""
    answer = project.run("explain", name)
    assert answer.code == 64
    assert hint in answer.err
    assert "\x1b" not in answer.both
    assert project.run("explain", name, "--format", "json").json("error")["error"]["code"] == "usage"


@pytest.mark.parametrize(
    ("field", "value", "held"),
    [
        ("Model.endpoint.timeout", "{url: 'https://x.example.com/v1', model: m, timeout: 3}", {"local", "litellm"}),
        ("Model.limits.requests_per_minute", None, {"local", "litellm", "latticeflow"}),
    ],
)
def test_who_holds_a_field_is_what_validate_says(
    project: Project, field: str, value: str | None, held: set[str]
) -> None:
    """A registry that is said to hold a field takes a manifest with it, and one that is not is warned of."""
    registries = {
        one["driver"]: one["holds"]
        for one in project.run("explain", field, "--format", "json").json("explain")["topics"][0]["field"]["registries"]
    }
    assert held <= {name for name, holds in registries.items() if holds == "all"}
    assert set(registries) == set(catalog.names())
    part = (
        f"endpoint: {value}"
        if value
        else "endpoint: {url: 'https://x.example.com/v1', model: m}\nlimits: {requests_per_minute: 3}"
    )
    for name, entry in (("litellm", "token"), ("nemo", "token"), ("latticeflow", "api_key")):
        project.write(
            "reconciler.yaml",
            f"owner: us\nregistries:\n  r: {{driver: {name}, url: 'https://r.example.com', {entry}: '${{env:T}}', default: true}}\n",
        )
        project.write("manifests/m.yaml", f"kind: Model\nkey: m\n{part}\n")
        problems = project.run("validate", "--format", "json").json("validate")["problems"]
        refused = any(one["rule"] == "not-expressible" for one in problems)
        assert refused is (registries[name] != "all"), (name, problems)


def test_every_word_that_a_plan_shows_can_be_asked(project: Project) -> None:
    """The action and the reason of each line, and what is counted below: in text and in JSON."""
    for key in ("gone", "kept", "same"):
        project.manifest(key)
    project.apply()
    project.remove("gone")
    project.manifest("kept", description="changed")
    project.manifest("fresh")
    plan = project.run("plan", "--format", "json").json("plan")
    words = {*plan["summary"], *(change["action"] for change in plan["changes"])}
    words |= {change["reason"] for change in plan["changes"]} | {"orphan"}
    assert "orphan" in project.ok("plan").out
    report = project.run("apply", "--yes", "--format", "json").json("apply")
    words |= {outcome["status"] for outcome in report["outcomes"]}
    words |= {*project.run("drift", "--format", "json").json("plan")["summary"]}
    for word in words:
        topics = project.run("explain", word, "--format", "json").json("explain")["topics"]
        assert all(topic["name"] == word for topic in topics if topic["sort"] not in ("field", "kind"))
        assert topics[0]["sort"] not in ("field", "kind")


@pytest.mark.parametrize("name", ["endpoint", "provider", "Endpoint"])
def test_a_kind_of_a_driver_does_not_hide_the_models_field(project: Project, name: str) -> None:
    """Who asks for `endpoint` most likely means that of the Model: it comes first, and the kind of that name after it."""
    topics = project.run("explain", name, "--format", "json").json("explain")["topics"]
    assert topics[0]["name"] == f"Model.{name.lower()}"
    assert topics[1]["sort"] == "kind"


def test_a_word_names_the_fields_that_are_called_so(project: Project) -> None:
    """`blocked` is what a plan says, and a field of LiteLLM's; `model` alone is the kind, and lists no fields."""
    assert "Fields have this name, too: litellm/Model.blocked." in project.ok("explain", "blocked").out
    assert "Fields have this name" not in project.ok("explain", "Model").out


def test_it_needs_no_project_and_no_working_configuration(project: Project) -> None:
    """A beginner asks before there is anything, or because the configuration is broken."""
    for text in ("owner: [", "registries: {x: {driver: nope}}", PROJECT):
        project.write("reconciler.yaml", text)
        assert project.ok("explain", "unknown-field").err == ""
    (project.root / "reconciler.yaml").unlink()
    assert "Kinds:" in project.ok("explain").out
    names = project.run("explain", "--format", "json").json("explain")["names"]
    assert re.search(r"- \*\*exit codes\*\*: `130`", project.ok("explain", "--format", "markdown").out)
    assert "Model" in names["kinds"]


def test_a_name_that_begins_like_a_kind_is_no_field_of_it() -> None:
    """`Modelled` is no `Model`."""
    with pytest.raises(UsageError, match="nothing called 'Modelled'"):
        EVERYTHING.explain("Modelled")


def test_a_name_that_many_fields_have_is_the_portable_models() -> None:
    """Who asks for `key` or `tags` writes a Model; the others are named beside it. Where Model has none, all are named."""
    (topic,) = EVERYTHING.explain("tags")
    assert topic.name == "Model.tags"
    assert "Template.tags" in topic.notes[-1]
    with pytest.raises(UsageError, match="'base_url' names 2 fields"):
        EVERYTHING.explain("base_url")
