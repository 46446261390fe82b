"""Policies as ValidatingAdmissionPolicies: what is written is what the policy says, and all else is told with the reason."""

from __future__ import annotations

from typing import Any, Final

import pytest
from cli.project import Project
from policies.test_examples import CASES, FOLDER, LITELLM, URL

from reconciler.controller.admission import Admission, admission_policies
from reconciler.controller.crds import MODEL, native_types
from reconciler.core import document
from reconciler.core.model import Model
from reconciler.core.resource import Source
from reconciler.manifest.policies.bounded import judge
from reconciler.manifest.policies.policy import Policy
from reconciler.registry import catalog

DRIVERS: Final = [*catalog.built_in().values()]
CONFIG: Final = "owner: us\nregistries:\n  local: {driver: local, path: registry.db, default: true}\n"
LEFT: Final = {"allowed-keys": "`api_key`", "patient-gateway": "JSON Schema"}  # of the examples


def made(
    cel: str | None = "has(manifest.description)", *, namespace: str | None = "models", **fields: Any
) -> Admission:
    """One policy, about Models unless it says otherwise."""
    given: dict[str, Any] = {"kinds": ("Model",), "severity": "error", "name": "it", "message": "no"} | fields
    policy = Policy(source=Source("policies/it.yaml", 1), index=0, cel=cel, **given)
    return admission_policies([policy], DRIVERS, namespace)


def expression(cel: str, **fields: Any) -> str:
    said: str = made(cel, **fields).manifests[0]["spec"]["validations"][0]["expression"]
    return said


def printed(project: Project) -> tuple[list[dict[str, Any]], str]:
    """The manifests of the examples, and what is said on stderr."""
    project.write("reconciler.yaml", f"{CONFIG}{LITELLM}")
    for path in FOLDER.iterdir():
        project.write(f"policies/{path.name}", path.read_text(encoding="utf-8"))
    answer = project.run("controller", "policies", "--namespace", "models")
    assert answer.code == 0, answer.err
    return documents(answer.out), answer.err


def documents(text: str) -> list[dict[str, Any]]:
    return [one.value for one in document.load(text, "out.yaml").documents]


def test_every_example_is_written_or_told(project: Project) -> None:
    """Seven of the nine examples are what an API server can judge; the others are named with the reason."""
    manifests, said = printed(project)
    names = [one["metadata"]["name"] for one in manifests]
    written = sorted(set(CASES) - LEFT.keys())
    assert names == [name for policy in written for name in [f"{policy}.models.models.reconciler.dev"] * 2]
    for name, why in LEFT.items():
        (line,) = (line for line in said.splitlines() if f"the policy {name}:" in line)
        assert why in line


def test_a_policy_and_its_binding() -> None:
    """Fails closed, judges a spec when it is written, and only in the namespace that was named."""
    policy, binding = made(message="say what\nit is for").manifests
    assert policy["spec"] == {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": [MODEL.group],
                    "apiVersions": [MODEL.version],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": [MODEL.plural],
                }
            ]
        },
        "matchConditions": [
            {
                "name": "spec-is-written",
                "expression": "request.operation == 'CREATE' || object.spec != oldObject.spec",
            }
        ],
        "variables": [],
        "validations": [
            {
                "expression": "(has(object.spec.description) && object.spec.description != null)",
                "message": "policy/it: say what it is for",
                "reason": "Invalid",
            }
        ],
    }
    assert binding["spec"] == {
        "policyName": policy["metadata"]["name"],
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "models"}}},
    }


def test_a_warning_is_shown_and_audited() -> None:
    (_, binding) = made(severity="warning", namespace=None).manifests
    assert binding["spec"]["validationActions"] == ["Warn", "Audit"]
    assert "matchResources" not in binding["spec"]


def test_without_kinds_every_kind_is_judged() -> None:
    """As in `validate`, a policy without `kinds` is about whatever is declared, Registry objects aside."""
    rules = made(kinds=None).manifests[0]["spec"]["matchConstraints"]["resourceRules"]
    judged = {f"{plural}.{rule['apiGroups'][0]}" for rule in rules for plural in rule["resources"]}
    assert judged == {MODEL.name, *(one.name for one in native_types(DRIVERS).values())}


@pytest.mark.parametrize(
    ("cel", "said"),
    [
        ("manifest.key.startsWith('cx-')", "variables.key.startsWith('cx-')"),
        ("has(manifest.key) && manifest.kind == 'Model'", "true && variables.kind == 'Model'"),
        (
            "manifest.task == 'embedding'",
            "(has(object.spec.task) && object.spec.task != null ? object.spec.task : \"chat_completion\") == 'embedding'",
        ),
        ("has(manifest.task)", "true"),
        ("manifest.tags.exists(t, t == 'manifest.x')", "object.spec.tags.exists(t, t == 'manifest.x')"),
        (
            "has(manifest.endpoint.api_key)",
            "(has(object.spec.endpoint.api_key) && object.spec.endpoint.api_key != null)",
        ),
        ("manifest . tags.size() > 0 // the manifest's", "object.spec.tags.size() > 0"),
        (r"manifest.key.matches(r'\Q\E') || true", r"variables.key.matches(r'\Q\E') || true"),
        ("'''it's manifest.a''' in manifest.tags", "'''it's manifest.a''' in object.spec.tags"),
    ],
)
def test_an_expression_over_the_object(cel: str, said: str) -> None:
    """Only the manifest's members are written anew: what stands in texts and in other members is not."""
    assert expression(cel) == said


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"cel": "has(object.limits)"}, "`object`"),
        ({"cel": "registry == 'nemo' || true"}, "the registry"),
        ({"cel": "environment != 'prod'"}, "the environment"),
        ({"cel": "'labels' in manifest"}, "as a whole"),
        ({"cel": "manifest.all(name, name != 'x')"}, "as a whole"),
        ({"cel": "manifest['key'] == 'a'"}, "as a whole"),
        ({"cel": "manifest.endpoint.api_key != ''"}, "`api_key`"),
        ({"cel": "manifest.endpoint['api_key'] != ''"}, "`api_key`"),
        ({"cel": "[manifest.endpoint].all(e, e.api_key != '')"}, "`api_key`"),
        ({"cel": "'X-A' in manifest.endpoint.headers"}, "`headers`"),
        ({"cel": "manifest.state == 'present'"}, "`state`"),
        ({"cel": "!has(manifest.waivers)"}, "`waivers`"),
        ({"cel": "manifest.key.reverse() == 'a'"}, "calls reverse"),
        ({"cel": "has(manifest.endpoint.format)"}, "has a default"),
        ({"cel": "manifest.task == 'x'", "kinds": None}, "kinds: [Model]"),
        ({"cel": None, "schema": {"required": ["a"]}}, "JSON Schema"),
        ({"registries": ("nemo",)}, "some registries"),
        ({"environments": ("prod",)}, "some environments"),
        ({"kinds": ("litellm/*",)}, "native kinds"),
        ({"labels": {"tier": "[ab]"}}, "set of letters"),
    ],
)
def test_what_an_api_server_cannot_judge_is_told(fields: dict[str, Any], why: str) -> None:
    """Nothing is written of such a policy: it would pass what `validate` refuses, or the reverse."""
    found = made(**fields)
    assert found.manifests == ()
    assert why in found.left["it"]


def test_labels_are_conditions() -> None:
    """A label that a policy names narrows it to Models that have it, with globs as in `match`."""
    conditions = made(kinds=None, labels={"a": "x", "b": "*", "c": "p.?-*"}).manifests[0]["spec"]
    assert len(conditions["matchConstraints"]["resourceRules"]) == 1
    said = [one["expression"].rpartition(" && ")[2] for one in conditions["matchConditions"][1:]]
    assert said == [
        'object.spec.labels["a"] in ["x"]',
        '"b" in object.spec.labels',
        'object.spec.labels["c"].matches("(?s)^p\\\\..\\\\-.*$")',
    ]


def test_names_are_those_of_kubernetes() -> None:
    """A policy's name may hold what the name of an object may not, and two never get one name."""
    names = [made(name=name).manifests[0]["metadata"]["name"] for name in ("a-b", "a_b", "A-B", "b.")]
    assert names[0] == "a-b.models.models.reconciler.dev"
    assert len(set(names)) == len(names)
    assert all(name == name.lower() and "_" not in name and ".." not in name for name in names)


def verdicts(cel: str, cases: list[dict[str, Any]]) -> list[bool]:
    """Whether each case breaks the expression; to have no verdict is to break it."""
    policy = Policy("it", "no", "error", Source("policies/it.yaml", 1), 0, cel=cel)
    found = judge([policy], cases, [list(range(len(cases)))])
    assert not found.unusable
    broken = {one.case for one in found.broken}
    return [number in broken for number in range(len(cases))]


@pytest.mark.parametrize("name", sorted(set(CASES) - LEFT.keys()))
def test_an_example_judges_an_object_as_the_manifest(name: str, project: Project) -> None:
    """The expression that is written judges the objects of all examples as the policy judges their manifests."""
    manifests, _ = printed(project)
    written = next(one["spec"]["validations"] for one in manifests if one["metadata"]["name"].startswith(f"{name}."))
    groups = [group for both in CASES.values() for group in both]
    fields = [{"endpoint": URL} | one for group in groups for one in group if "kind" not in one]
    models = [{name: value for name, value in one.items() if value is not None} for one in fields]
    seen = [Model.model_validate({"kind": "Model", "key": "a"} | one) for one in models]
    as_manifests = [{"manifest": one.model_dump(by_alias=True, exclude_none=True)} for one in seen]
    as_objects = [{"object": {"metadata": {"name": "a"}, "spec": {"display_name": None} | one}} for one in models]
    (policy,) = documents((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    assert verdicts(written[0]["expression"], as_objects) == verdicts(policy["cel"], as_manifests)


@pytest.mark.parametrize("given", [[], ["--namespace", "a", "--all-namespaces"], ["--namespace", "A b"]])
def test_whose_objects_are_judged_is_said(given: list[str], project: Project) -> None:
    assert project.run("controller", "policies", *given).code == 64


def test_a_wrong_policy_is_an_error_at_its_place(project: Project) -> None:
    """As for `validate`: nothing is printed of a project whose policies cannot all be used."""
    project.write(
        "policies/a.yaml", "name: a\nmessage: no\ncel: has(manifest.x)\n---\nname: b\nmessage: no\ncel: 1 +\n"
    )
    answer = project.run("controller", "policies", "--all-namespaces")
    assert (answer.code, answer.out) == (1, "")
    assert "policies/a.yaml:7:" in answer.err


def test_a_project_without_policies_is_told(project: Project) -> None:
    answer = project.run("controller", "policies", "--all-namespaces")
    assert (answer.code, answer.out) == (1, "")
    assert "no policies" in answer.err
