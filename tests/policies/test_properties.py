"""What holds for any policies, waivers and manifests: nothing is hidden that should be told, nothing told that is a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any, Final

import pytest
from cli.project import Project, model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core import pointer
from reconciler.core.document.dump import dump_yaml
from reconciler.core.kind import Kind
from reconciler.core.model import Model, NativeCommon
from reconciler.core.resource import Address, Desired, Resource, Source
from reconciler.core.schema.findings import Finding
from reconciler.core.spec import secrets_in
from reconciler.manifest.manifests import Manifest
from reconciler.manifest.native import NativeDocument
from reconciler.manifest.policies.cases import Case, cases_of
from reconciler.manifest.policies.policy import Policy
from reconciler.manifest.policies.waivers import Violation, waive
from reconciler.project.workspace import open_workspace
from reconciler.registry import catalog
from reconciler.registry.entry import portable_kind

DRIVERS: Final = catalog.built_in()
ENTRIES: Final[Any] = {
    name: SimpleNamespace(name=name, driver=driver, portable=portable_kind(driver), override=portable_kind(driver).root)
    for name, driver in DRIVERS.items()
}
REFERENCE: Final = "${env:HIDDEN}"
LITERAL: Final = "hunter2-hunter2"
TODAY: Final = date(2026, 11, 28)


# --- secrets ---------------------------------------------------------------------------------------------


def secret_places(kind: Kind) -> list[str]:
    """A pointer to each secret field that a kind declares; names that it leaves open are those of secrets."""
    return [
        pointer.join("api_key" if part == "*" else part for part in parts)
        for parts, node in kind.root.walk()
        if node.secret is not None and parts
    ]


SECRETS: Final = {
    (driver.name, kind.name): places
    for driver in DRIVERS.values()
    for kind in driver.kinds.values()
    if (places := secret_places(kind))
}


def filled(places: dict[str, str]) -> dict[str, Any]:
    spec: Any = {}
    for place, value in places.items():
        spec = pointer.put(spec, place, value)
    return spec


def case(manifest: Manifest, driver: str, kind: str, spec: dict[str, Any]) -> Case:
    item = Desired(Resource(Address(driver, kind, "chat"), spec, source=manifest.source), "chat")
    (found,) = cases_of([manifest], [item], ENTRIES, None)
    return found


EVERYWHERE: Final = """\
owner: us
registries:
  aigo: {driver: latticeflow, url: "https://a.example.com", api_key: "${env:KEY}"}
  files: {driver: insidellms, path: runs}
  gateway: {driver: litellm, url: "https://b.example.com", token: "${env:KEY}"}
  here: {driver: local, path: here.db}
  flow: {driver: mlflow, url: "https://c.example.com", token: "${env:KEY}"}
  nemo: {driver: nemo, url: "https://d.example.com", token: "${env:KEY}"}
  ibm: {driver: watsonx, url: "https://e.example.com/api/v1", token: "${env:KEY}"}
"""


def test_a_policy_never_sees_a_secret_of_what_a_model_becomes(project: Project) -> None:
    """In any registry, derived objects (its secret, its provider) among them."""
    project.write("reconciler.yaml", EVERYWHERE)
    endpoint = {
        "url": "https://llm.example.com/v1",
        "model": "m",
        "api_key": REFERENCE,
        "headers": {"X-Token": REFERENCE},
    }
    names = ("aigo", "files", "gateway", "here", "flow", "nemo", "ibm")
    project.manifest("chat", endpoint=endpoint, registries={name: {} for name in names})
    workspace = open_workspace(cwd=project.root)
    loaded = workspace.load()
    found = list(cases_of(loaded.manifests.manifests, loaded.desired.resources, workspace.entries, None))
    assert {one.subject.registry for one in found} == set(names)
    assert any(one.subject.derived for one in found)
    assert [one.subject.native for one in found if REFERENCE in json.dumps(one.seen["object"])] == []
    assert any("(secret)" in json.dumps(one.seen["object"]) for one in found)


def test_most_drivers_declare_secrets() -> None:
    """Or the properties below would say nothing. What insidellms takes is named by the types of reconciler.yaml."""
    assert {driver for driver, _ in SECRETS} == set(DRIVERS) - {"insidellms"}


@pytest.mark.parametrize(("driver", "kind"), SECRETS)
@given(data=st.data())
@settings(max_examples=10)
def test_a_policy_never_sees_a_secret_of_a_native_document(driver: str, kind: str, data: st.DataObject) -> None:
    """A reference in `manifest` is what the file says; in `object` not even that. A literal, which is refused anyway, is nowhere."""
    places = SECRETS[driver, kind]
    chosen = data.draw(st.dictionaries(st.sampled_from(places), st.sampled_from([REFERENCE, LITERAL]), min_size=1))
    spec = filled(chosen)
    native = NativeDocument(NativeCommon(kind=f"{driver}/{kind}", key="chat"), spec)
    seen = case(Manifest(Source("a.yaml", 1), 0, f"{driver}/{kind}", "chat", native=native), driver, kind, spec).seen
    root = DRIVERS[driver].kinds[kind].root
    known = dict(secrets_in(spec, root))
    assert {pointer.get(seen["object"], place) for place in known} <= {"(secret)"}
    assert REFERENCE not in json.dumps(seen["object"])
    if LITERAL in known.values() and set(chosen) <= set(known):
        assert LITERAL not in json.dumps(seen)


@pytest.mark.parametrize("driver", DRIVERS)
@given(data=st.data())
@settings(max_examples=10)
def test_a_policy_never_sees_a_secret_of_an_override(driver: str, data: st.DataObject) -> None:
    """A registry's own terms below a Model are the registry's fields, with its secrets."""
    kind = ENTRIES[driver].portable
    places = [place for place in SECRETS.get((driver, kind.name), []) if not place.startswith(("/key", "/ignore"))]
    terms = filled(dict.fromkeys(data.draw(st.sets(st.sampled_from(places or ["/plain"]), min_size=1)), LITERAL))
    document = model("chat", registries={driver: terms})
    document["endpoint"] |= {"api_key": REFERENCE, "headers": {"X-Token": REFERENCE, "X-Tenant": "acme"}}
    manifest = Manifest(Source("a.yaml", 1), 0, "Model", "chat", model=Model.model_validate(document))
    seen = case(manifest, driver, kind.name, terms).seen
    known = dict(secrets_in(terms, kind.root))
    for place in known:
        assert pointer.get(seen["object"], place) == "(secret)"
        assert pointer.get(seen["manifest"], f"/registries/{driver}{place}") == "(secret)"
    assert seen["manifest"]["endpoint"]["api_key"] == REFERENCE


def test_no_command_tells_what_a_secret_field_held(project: Project) -> None:
    """An expression that compares, prints or fails on it: the message is the policy's own."""
    project.manifest("chat", endpoint={"url": "https://x.example.com", "model": "m", "api_key": "${env:HIDDEN}"})
    project.write(
        "policies/p.yaml",
        "name: a\nmessage: m\ncel: object.endpoint.api_key == 'x'\n---\n"
        "name: b\nmessage: m\ncel: int(object.endpoint.api_key) == 1\n---\n"
        "name: c\nmessage: m\ncel: object[object.endpoint.api_key] == 1\n---\n"
        "name: d\nmessage: m\nschema: {properties: {endpoint: {properties: {api_key: {const: '(secret)'}}}}}\n",
    )
    answer = project.run("validate", "--format", "json")
    assert [found["rule"] for found in answer.json("validate")["problems"]] == ["policy/a", "policy/b", "policy/c"]
    assert "HIDDEN" not in answer.both


# --- waivers ---------------------------------------------------------------------------------------------

NAMES: Final = ("one", "two", "three")
DAYS: Final = st.integers(-3, 3).map(lambda days: TODAY + timedelta(days=days))
WAIVERS: Final = st.lists(st.tuples(st.sampled_from(NAMES), DAYS), max_size=4)


def manifests(waivers: list[list[tuple[str, date]]]) -> Iterator[Manifest]:
    for index, mine in enumerate(waivers):
        said = [{"policy": name, "reason": "r", "until": str(until)} for name, until in mine]
        checked = Model.model_validate(model(f"m{index}", waivers=said))
        yield Manifest(Source("a.yaml", index * 10 + 1), index, "Model", checked.key, model=checked)


@given(
    st.lists(WAIVERS, min_size=1, max_size=4),
    st.sets(st.tuples(st.integers(0, 3), st.sampled_from(NAMES))),
    st.sets(st.sampled_from(NAMES), min_size=1),
)
def test_a_waiver_hides_its_own_policy_in_its_own_manifest_and_nothing_else(
    waivers: list[list[tuple[str, date]]], broken: set[tuple[int, str]], known: set[str]
) -> None:
    """Whatever else is waived, has ended or does not exist."""
    made = list(manifests(waivers))
    policies = {name: Policy(name, name, "error", Source("p.yaml", 1), 0, cel="true") for name in known}
    violations = [
        Violation(made[index], policies[name], Finding(f"policy/{name}", name))
        for index, name in sorted(broken)
        if index < len(made) and name in known
    ]
    found = waive(made, violations, dict.fromkeys(known, "p.yaml:1"), TODAY)
    told = {(one.key, finding.rule) for one, finding in found.findings if finding.rule.startswith("policy/")}
    expected = {
        (one.manifest.key, f"policy/{one.policy.name}")
        for one in violations
        if not any(name == one.policy.name and until >= TODAY for name, until in waivers[one.manifest.index])
    }
    assert told == expected
    unknown = sum(finding.rule == "unknown-policy" for _, finding in found.findings)
    assert unknown == sum(name not in known for mine in waivers for name, _ in mine)
    assert unknown + len(found.used) + len(found.unused) == sum(map(len, waivers))


# --- validate and plan -----------------------------------------------------------------------------------

VERDICTS: Final = st.sampled_from(["'true'", "'false'", "object.nothing == 1", "object.key ==", "manifest.key == 'a'"])


@given(
    st.lists(st.tuples(VERDICTS, st.sampled_from(["error", "warning"])), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=3),
)
@settings(max_examples=8, suppress_health_check=list(HealthCheck), deadline=None)
def test_validate_and_plan_agree(
    project: Project, policies: list[tuple[str, str]], waived: list[tuple[int, bool]]
) -> None:
    """What `validate` finds on a pull request is what stops `plan` on main, and the rest is in the plan."""
    texts = [
        f"name: p{index}\nmessage: m\nseverity: {severity}\ncel: {expression}\n"
        for index, (expression, severity) in enumerate(policies)
    ]
    project.write("policies/all.yaml", "---\n".join(texts))
    said = [
        {"policy": f"p{index}", "reason": "r", "until": "2999-12-31" if holds else "2001-01-01"}
        for index, holds in waived
    ]
    project.write("manifests/a.yaml", dump_yaml(model("a", waivers=said)))
    project.write("manifests/b.yaml", dump_yaml(model("b")))
    found = project.run("validate", "--format", "json").json("validate")
    answer = project.run("plan", "--format", "json")
    planned = json.loads(answer.out)["problems"]
    assert planned == found["problems"]
    assert (answer.code == 1) is not found["valid"]
