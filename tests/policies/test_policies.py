"""Policies from the command line: where they are read, what stops, what is told where, and what waivers lift."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
from cli.project import CONFIG, Project

from reconciler.core import document

OWNER: Final = """\
name: owner-label
message: every model names its owner
cel: "has(manifest.labels) && 'owner' in manifest.labels"
"""
EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples" / "policies"
TWO: Final = "owner: us\nregistries:\n" + "".join(
    f"  {name}: {{driver: local, path: {name}.db, default: true}}\n" for name in ("one", "two")
)
TODAY: Final = datetime.now(UTC).date()
Row = tuple[str, str, int]  # rule, file, line


def problems(project: Project, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project.run("validate", "--format", "json", *words).json("validate")["problems"]
    return found


def rows(project: Project, *words: str) -> list[Row]:
    return [(found["rule"], found["file"], found["line"]) for found in problems(project, *words)]


def waiver(policy: str = "owner-label", days: int = 30) -> dict[str, str]:
    return {"policy": policy, "reason": "it is decided in January", "until": str(TODAY + timedelta(days=days))}


@pytest.fixture
def owned(project: Project) -> Project:
    """A project whose models must name their owner, and one that does not."""
    project.write("policies/owner.yaml", OWNER)
    project.manifest("chat")
    return project


# --- what a broken policy does ---------------------------------------------------------------------------


def test_a_broken_policy_is_an_error_at_the_document(owned: Project) -> None:
    """With the message, and the place of the policy for whoever doubts it."""
    (found,) = problems(owned)
    assert (found["rule"], found["file"], found["line"], found["severity"]) == (
        "policy/owner-label",
        "manifests/chat.yaml",
        1,
        "error",
    )
    assert found["message"] == "every model names its owner (policies/owner.yaml:1, registry local)"
    assert owned.run("validate").code == 1


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_an_error_of_a_policy_stops_before_anything_is_written(command: str, owned: Project) -> None:
    answer = owned.run(command, *(["--yes"] if command == "apply" else []))
    assert (answer.code, "policy/owner-label" in answer.both) == (1, True)
    assert not (owned.root / "registry.db").exists()


def test_a_warning_of_a_policy_stops_nothing(owned: Project) -> None:
    """But is told: by `validate`, and in a plan, whose approver sees it."""
    owned.write("policies/owner.yaml", OWNER + "severity: warning\n")
    assert (owned.run("validate").code, owned.run("validate", "--strict").code) == (0, 1)
    plan = owned.run("plan", "--format", "json").json("plan")
    assert [found["rule"] for found in plan["problems"]] == ["policy/owner-label"]
    owned.apply()


def test_drift_asks_no_policy(owned: Project) -> None:
    """It tells what changed in the registry; a policy of today must not hide that."""
    (owned.root / "policies/owner.yaml").rename(owned.root / "aside.yaml")
    owned.apply()
    owned.spoil("chat", description="changed")
    (owned.root / "aside.yaml").rename(owned.root / "policies/owner.yaml")
    assert owned.run("drift").code == 2


def test_a_saved_plan_was_judged_when_it_was_made(owned: Project) -> None:
    """What was approved is applied: a policy that came later judges the next plan."""
    policy = owned.root / "policies/owner.yaml"
    policy.write_text(OWNER + "severity: warning\n", encoding="utf-8")
    owned.ok("plan", "--save", "plan.json")
    policy.write_text(OWNER, encoding="utf-8")
    owned.apply("--plan", "plan.json")
    assert owned.run("plan").code == 1


def test_a_registry_and_its_override_are_told_apart(project: Project) -> None:
    """One problem for what both registries have, at the manifest's field; one at the override that one has alone."""
    project.write("reconciler.yaml", TWO)
    project.write(
        "policies/p.yaml",
        "name: short\nmessage: short names\nschema: {properties: {display_name: {maxLength: 5}, description: {maxLength: 5}}}\n",
    )
    project.manifest("chat", display_name="too long", registries={"one": {}, "two": {"description": "also too long"}})
    found = {found["pointer"]: found["message"] for found in problems(project)}
    assert found == {
        "/display_name": "short names (policies/p.yaml:1, registries one, two)",
        "/registries/two/description": "short names (policies/p.yaml:1, registry two)",
    }


def test_a_field_that_is_named_otherwise_in_a_registry_is_told_where_the_manifest_has_it(project: Project) -> None:
    project.write("reconciler.yaml", CONFIG + '  nemo: {driver: nemo, url: "http://localhost:1"}\n')
    project.write(
        "policies/p.yaml",
        "name: https\nmessage: https only\nmatch: {kinds: [nemo/Provider]}\nschema: {properties: {host_url: {pattern: '^https:'}}}\n",
    )
    project.manifest("chat", endpoint={"url": "http://llm.example.com/v1", "model": "m"}, registries={"nemo": {}})
    assert [found["pointer"] for found in problems(project) if found["rule"] == "policy/https"] == ["/endpoint/url"]


def test_a_problem_of_one_environment_says_which(owned: Project) -> None:
    """And one of all is told once."""
    owned.write(
        "reconciler.yaml",
        CONFIG
        + "environments: {dev: {registries: {local: {path: d.db}}}, prod: {registries: {local: {path: p.db}}}}\n",
    )
    owned.write("policies/prod.yaml", "name: only-prod\nmessage: m\nmatch: {environments: [prod]}\ncel: 'false'\n")
    assert [(found["rule"], found["environment"]) for found in problems(owned)] == [
        ("policy/only-prod", "prod"),
        ("policy/owner-label", None),
    ]
    owned.write("policies/prod.yaml", "name: only-prod\nmessage: m\ncel: environment != 'prod'\n")
    assert ("policy/only-prod", "prod") in [(found["rule"], found["environment"]) for found in problems(owned)]
    assert "policy/only-prod" not in owned.run("plan", "--env", "dev").both
    assert "policy/only-prod" in owned.run("plan", "--env", "prod").both


@pytest.mark.parametrize(
    ("match", "broken"),
    [
        ("kinds: [Model]", True),
        ("kinds: [local/Model]", True),
        ("kinds: ['local/*']", True),
        ("labels: {team: 'c*'}", True),
        ("labels: {team: cy}", False),
        ("labels: {other: '*'}", False),
        ("registries: [local]", True),
        ("registries: ['l*'], labels: {team: x}", False),
    ],
)
def test_conditions_must_all_hold(match: str, broken: bool, owned: Project) -> None:
    owned.manifest("chat", labels={"team": "cx"})
    owned.write("policies/owner.yaml", f"{OWNER}match: {{{match}}}\n")
    assert (owned.run("validate").code == 1) is broken


def test_what_is_to_be_absent_breaks_nothing(owned: Project) -> None:
    owned.write("manifests/chat.yaml", "kind: Model\nkey: chat\nstate: absent\n")
    assert rows(owned) == []


def test_every_format_of_validate_tells_a_broken_policy(owned: Project) -> None:
    """With a link to the page on policies where a format has one."""
    for name in ("text", "json", "github", "sarif", "junit"):
        assert "policy/owner-label" in owned.run("validate", "--format", name).out
    sarif = json.loads(owned.run("validate", "--format", "sarif").out)
    (rule,) = sarif["runs"][0]["tool"]["driver"]["rules"]
    assert rule["helpUri"].endswith("/policies.html")


# --- nothing fails open ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "rule"),
    [
        ("policies: [nowhere]", "no-such-path"),
        ("policies: [empty]", "no-policy"),
        ("policies: [manifests/../empty]", "no-policy"),
    ],
)
def test_configured_policies_that_are_not_there_are_an_error(config: str, rule: str, project: Project) -> None:
    """Whoever names a folder believes that something is checked."""
    project.manifest("chat")
    (project.root / "empty").mkdir()
    project.write("reconciler.yaml", f"{CONFIG}{config}\n")
    assert [found[0] for found in rows(project)] == [rule]
    assert project.run("plan").code == project.run("apply", "--yes").code == 1


@pytest.mark.parametrize("name", ["more.ymal", "more.yaml~", "more.yaml.j2"])
def test_a_file_that_is_nearly_a_policy_is_an_error(name: str, owned: Project) -> None:
    """Beside others that are read, too."""
    owned.manifest("chat", labels={"owner": "cx"})
    owned.write(f"policies/{name}", OWNER.replace("owner-label", "other"))
    assert [found[0] for found in rows(owned)] == ["ignored-file"]
    assert owned.run("validate").code == 1


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "no-policy"),
        ("# nothing\n", "no-policy"),
        ("- a\n", "wrong-type"),
        ("name: [\n", "syntax"),
        (b"\xff\xfea", "encoding"),
    ],
)
def test_a_file_that_holds_no_policy_is_an_error(text: str | bytes, rule: str, owned: Project) -> None:
    owned.manifest("chat", labels={"owner": "cx"})
    owned.write("policies/more.yaml", text)
    assert rule in [found[0] for found in rows(owned)]


def test_an_unreadable_policy_is_an_error(owned: Project) -> None:
    """A link to nowhere is what even root cannot read."""
    owned.manifest("chat", labels={"owner": "cx"})
    os.symlink("nowhere.yaml", owned.root / "policies/linked.yaml")
    assert owned.run("validate").code == 1


def test_the_folder_is_found_without_being_named(owned: Project) -> None:
    """An empty list says that there is no policy; so does a folder that holds nothing like one."""
    owned.write("reconciler.yaml", CONFIG + "policies: []\n")
    assert rows(owned) == []
    owned.write("reconciler.yaml", CONFIG)
    assert owned.run("validate").code == 1
    (owned.root / "policies/owner.yaml").rename(owned.root / "policies/owner.rego")
    assert rows(owned) == []


def test_policies_among_the_manifests_are_no_manifests(project: Project) -> None:
    project.write("reconciler.yaml", CONFIG + "manifests: [all]\npolicies: [all/policies]\n")
    project.write("all/policies/owner.yaml", OWNER)
    project.write("all/chat.yaml", "kind: Model\nkey: chat\nprovider: {name: openai, model: m}\n")
    assert rows(project) == [("policy/owner-label", "all/chat.yaml", 1)]


def test_a_policy_as_a_path_checks_every_manifest(owned: Project) -> None:
    """As pre-commit gives it, when a policy is what changed; a manifest as a path is judged alone."""
    owned.manifest("other")
    assert [found[1] for found in rows(owned, "policies/owner.yaml")] == ["manifests/chat.yaml", "manifests/other.yaml"]
    assert [found[1] for found in rows(owned, "manifests/other.yaml")] == ["manifests/other.yaml"]
    assert [found[1] for found in rows(owned, "manifests/other.yaml", "policies/owner.yaml")] == [
        "manifests/other.yaml"
    ]


# --- policies that are wrong -----------------------------------------------------------------------------

WRONG: Final = {  # the fields of a policy, and what is told: rule, line and column
    "cel: object.a ==": ("bad-policy", 3, 17),
    "cel: 'objct.b == 1'": ("bad-policy", 3, 12),
    "cel: |\n  true &&\n    object.a ++ 1": ("bad-policy", 5, 15),
    "cel: >\n  true &&\n  object.a ++ 1": ("bad-policy", 3, 6),
    "cel: 1 + 1": ("bad-policy", 3, 6),
    "cel: registry == 1": ("bad-policy", 3, 15),
    "cel: ''": ("bad-length", 3, 6),
    "cel: 5": ("wrong-type", 3, 6),
    "schema: {requred: [a]}": ("bad-policy", 3, 10),
    "schema: {type: objct}": ("bad-policy", 3, 16),
    "schema: {properties: {a: {pattern: '('}}}": ("bad-policy", 3, 36),
    "schema: {patternProperties: {'(': {}}}": ("bad-policy", 3, 35),
    "schema: {$ref: 'https://example.com/s.json'}": ("bad-policy", 3, 16),
    "schema: {$ref: '#/$defs/none'}": ("bad-policy", 3, 16),
    "schema: {$schema: 'http://json-schema.org/draft-07/schema#', type: object}": ("bad-policy", 3, 19),
    "schema: {}": ("bad-length", 3, 9),
    "schema: true": ("wrong-type", 3, 9),
    "severity: fatal\ncel: 'true'": ("not-allowed", 3, 11),
    "severty: error\ncel: 'true'": ("unknown-field", 3, 1),
    "match: {kinds: []}\ncel: 'true'": ("bad-length", 3, 16),
    "match: {kinds: [Modl]}\ncel: 'true'": ("not-allowed", 3, 17),
    "match: {registries: [locl]}\ncel: 'true'": ("not-allowed", 3, 22),
    "match: {environments: [prod]}\ncel: 'true'": ("not-allowed", 3, 24),
    "schema: {type: object}\ncel: 'true'": ("bad-policy", 4, 1),
    "severity: error": ("missing-field", 1, 1),
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_policy_is_told_at_its_place(text: str, project: Project) -> None:
    """An author sees line and column; nobody's manifests pass unjudged."""
    project.manifest("chat")
    project.write("policies/p.yaml", f"name: p\nmessage: m\n{text}\n")
    found = [(one["rule"], one["line"], one["column"]) for one in problems(project)]
    assert found == [WRONG[text]]
    assert project.run("plan").code == 1


FORM: Final = {"bad-length", "wrong-type", "not-allowed", "unknown-field", "missing-field"}


def test_the_schema_for_editors_refuses_what_is_wrong_in_form(project: Project) -> None:
    """And takes the examples: who writes a policy sees while typing what `validate` would say."""
    project.ok("schema", "--out", "schemas")
    form = json.loads((project.root / "schemas/policy.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(form)
    for path in EXAMPLES.iterdir():
        assert validator.is_valid(document.load(path.read_text(encoding="utf-8"), path.name).documents[0].value)
    for text, (rule, *_) in WRONG.items():
        (loaded,) = document.load(f"name: p\nmessage: m\n{text}\n", "p.yaml").documents
        known = text.startswith("match") and "[]" not in text  # names of which only the configuration knows
        both = "schema" in loaded.value and "cel" in loaded.value
        assert validator.is_valid(loaded.value) is not (both or (rule in FORM and not known)), text


def test_all_mistakes_of_all_policies_are_told_at_once(project: Project) -> None:
    """And what the good ones find, beside them."""
    project.manifest("chat")
    project.write(
        "policies/a.yaml", "name: a\nmessage: m\ncel: x\n---\nname: a\nmessage: m\nschema: {typ: a, minimun: 1}\n"
    )
    project.write("policies/b.yaml", OWNER)
    assert [found[0] for found in rows(project)] == ["policy/owner-label", "bad-policy", "duplicate-policy"]
    project.write(
        "policies/a.yaml", "name: a\nmessage: m\ncel: x\n---\nname: b\nmessage: m\nschema: {typ: a, minimun: 1}\n"
    )
    assert [found[0] for found in rows(project)] == ["policy/owner-label", *["bad-policy"] * 3]


@pytest.mark.parametrize(
    ("expression", "said", "help_text"),
    [
        ("object.limits.requests_per_minute < 5", "there is no 'limits'", "has(object.limits)"),
        ("object['limits'] != null", "there is no 'limits'", "'limits' in object"),
        ("object.display_name + 1 == 2", "values are of the wrong types: _+_(string, int64)", None),
        ("object.display_name", "it gives a value of the type string", None),
        ("object.tags[7] == 'a'", "an index is beyond the end of its list", None),
        ("int(object.display_name) == 1", "a value is not what the expression takes it for", None),
        ("object.metadata.many.all(x, x >= 0)", "it needs more than the 10,000 steps", None),
    ],
)
def test_an_expression_without_a_verdict_is_an_error(
    expression: str, said: str, help_text: str | None, project: Project
) -> None:
    """It names the object, the policy's place and the way out, even where the policy only warns; and repeats no value."""
    project.manifest("chat", display_name="hunter2", tags=["a"], metadata={"many": [0] * 20_000})
    project.write("policies/p.yaml", f'name: p\nmessage: m\nseverity: warning\ncel: "{expression}"\n')
    (found,) = problems(project)
    assert (found["rule"], found["severity"], found["file"]) == ("policy/p", "error", "manifests/chat.yaml")
    assert said in found["message"]
    assert "local/Model/chat" in found["message"]
    assert "policies/p.yaml:1" in found["message"]
    assert help_text is None or help_text in found["suggestion"]
    assert "hunter2" not in json.dumps(found)


def test_numbers_and_texts_that_cel_cannot_hold_are_judged_all_the_same(project: Project) -> None:
    """An integer of more than 64 bits, half of a surrogate pair's replacement, a NUL, deep maps."""
    deep: Any = 1
    for _ in range(80):
        deep = {"a": deep}
    project.manifest("chat", metadata={"big": 2**70, "small": -(2**70), "deep": deep})
    project.write(
        "policies/p.yaml",
        "name: p\nmessage: m\ncel: manifest.metadata.big > 1 && manifest.metadata.small < 0 && size(manifest.metadata.deep) == 1\n",
    )
    assert rows(project) == []


HANGING: Final = {
    "schema": ("schema: {properties: {description: {pattern: '^(a|a)*$'}}}", {"description": "a" * 40 + "b"}),
    "cel": (
        "cel: object.metadata.many.map(x, object.description + object.description).size() > 0",
        {"description": "y" * 2_000_000, "metadata": {"many": [0] * 5_000}},
    ),
}


@pytest.mark.parametrize("kind", HANGING)
def test_a_policy_that_would_never_end_is_ended(kind: str, project: Project) -> None:
    """In a pull request's manifest stands what makes it slow: the object is named, and the other policies still speak."""
    text, fields = HANGING[kind]
    project.manifest("chat", **fields)
    project.write("policies/p.yaml", f"name: p\nmessage: m\n{text}\n")
    project.write("policies/q.yaml", OWNER)
    found = {one["rule"]: one["message"] for one in problems(project)}
    assert set(found) == {"policy/p", "policy/owner-label"}
    assert "needs too much time or memory" in found["policy/p"]
    assert "local/Model/chat" in found["policy/p"]


# --- waivers ---------------------------------------------------------------------------------------------


def test_a_waiver_lifts_its_policy_for_its_document(owned: Project) -> None:
    """And for no other."""
    owned.manifest("chat", waivers=[waiver()])
    owned.manifest("other")
    assert [found[1] for found in rows(owned)] == ["manifests/other.yaml"]


@pytest.mark.parametrize(("days", "code"), [(0, 0), (-1, 1)])
def test_a_waiver_holds_through_its_last_day(days: int, code: int, owned: Project) -> None:
    """Then it is an error again, which says so."""
    owned.manifest("chat", waivers=[waiver(days=days)])
    answer = owned.run("validate")
    assert answer.code == code
    assert ("its waiver ended" in answer.out) is bool(code)


def test_of_two_waivers_the_later_counts(owned: Project) -> None:
    owned.manifest("chat", waivers=[waiver(days=-9), waiver(days=9)])
    assert rows(owned) == []


def test_a_waiver_of_no_policy_is_an_error(owned: Project) -> None:
    """With the name that was meant."""
    owned.manifest("chat", waivers=[waiver("owner-labl")])
    found = {one["rule"]: one for one in problems(owned)}
    assert set(found) == {"policy/owner-label", "unknown-policy"}
    assert found["unknown-policy"]["suggestion"] == "owner-label"
    assert found["unknown-policy"]["pointer"] == "/waivers/0/policy"


def test_a_waiver_without_any_policy_is_an_error(project: Project) -> None:
    """The folder may have been lost."""
    project.manifest("chat", waivers=[waiver()])
    assert [found[0] for found in rows(project)] == ["unknown-policy"]


def test_a_waiver_that_waives_nothing_is_a_warning(owned: Project) -> None:
    """In a plan as well; also one that ended."""
    owned.manifest("chat", labels={"owner": "cx"}, waivers=[waiver(days=-3)])
    assert [(one["rule"], one["severity"]) for one in problems(owned)] == [("unused-waiver", "warning")]
    plan = owned.run("plan", "--format", "json").json("plan")
    assert [found["rule"] for found in plan["problems"]] == ["unused-waiver"]


def test_a_waiver_that_one_environment_needs_is_of_use(owned: Project) -> None:
    """Only all environments together can tell that a waiver is of none."""
    owned.write(
        "reconciler.yaml",
        CONFIG
        + "environments: {dev: {registries: {local: {path: d.db}}}, prod: {registries: {local: {path: p.db}}}}\n",
    )
    owned.write("policies/owner.yaml", OWNER + "match: {environments: [prod]}\n")
    owned.manifest("chat", waivers=[waiver()])
    assert rows(owned) == rows(owned, "--env", "dev") == rows(owned, "--env", "prod") == []
    owned.manifest("chat", labels={"owner": "cx"}, waivers=[waiver()])
    assert [(one["rule"], one["environment"]) for one in problems(owned)] == [("unused-waiver", None)]


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"until": None}, "missing-field"),
        ({"reason": None}, "missing-field"),
        ({"reason": " "}, "bad-length"),
        ({"policy": None}, "missing-field"),
        ({"until": "2027-02-29"}, "bad-date"),
        ({"until": "31.01.2027"}, "bad-date"),
        ({"until": 20270131}, "wrong-type"),
        ({"untill": "2027-01-31"}, "unknown-field"),
    ],
)
def test_a_waiver_says_which_why_and_until_when(wrong: dict[str, Any], rule: str, owned: Project) -> None:
    owned.manifest("chat", waivers=[{key: value for key, value in (waiver() | wrong).items() if value is not None}])
    assert rule in [found[0] for found in rows(owned)]


def test_a_native_document_has_waivers_too(project: Project) -> None:
    project.write(
        "reconciler.yaml",
        CONFIG + '  gateway: {driver: litellm, url: "https://llm.example.com", token: "${env:TOKEN}"}\n',
    )
    project.write("policies/p.yaml", "name: p\nmessage: m\nmatch: {kinds: ['litellm/*']}\ncel: 'false'\n")
    native = "kind: litellm/Model\nkey: chat\nlitellm_params: {model: openai/m}\n"
    project.write("manifests/chat.yaml", native)
    assert rows(project) == [("policy/p", "manifests/chat.yaml", 1)]
    project.write("manifests/chat.yaml", native + f"waivers: [{json.dumps(waiver('p'))}]\n")
    assert rows(project) == []


def test_waivers_go_to_no_registry(owned: Project) -> None:
    owned.manifest("chat", waivers=[waiver()])
    owned.apply()
    assert "waivers" not in owned.stored()["local/Model/chat"]
    owned.ok("export", "--all", "-o", "out")
    assert "waivers" not in next(Path(owned.root / "out").rglob("*.yaml")).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "rule",
    [
        {"cel": "!has(object.litellm_params.mock_mystery)"},
        {"schema": {"properties": {"litellm_params": {"not": {"required": ["mock_mystery"]}}}}},
    ],
    ids=["cel", "schema"],
)
def test_what_is_declared_as_unmanaged_is_seen(project: Project, rule: dict[str, Any]) -> None:
    """It is sent with the rest of the object, so that no policy is got around by it."""
    project.write(
        "reconciler.yaml", "registries: {lite: {driver: litellm, url: 'http://127.0.0.1:9', token: '${env:T}'}}\n"
    )
    policy = {"name": "no-mock", "message": "m", "severity": "error", "match": {"kinds": ["litellm/Model"]}, **rule}
    project.write("policies/p.yaml", json.dumps(policy))
    document = {"kind": "litellm/Model", "key": "a", "litellm_params": {"model": "openai/x"}}
    project.write("manifests/a.yaml", json.dumps(document))
    assert "policy/no-mock" not in {rule for rule, _, _ in rows(project)}
    for beside in ({"litellm_params": {"mock_mystery": "x"}}, {"litellm_params": {"deep": 1, "mock_mystery": None}}):
        project.write("manifests/a.yaml", json.dumps({**document, "x-unmanaged": beside}))
        assert "policy/no-mock" in {rule for rule, _, _ in rows(project)}
