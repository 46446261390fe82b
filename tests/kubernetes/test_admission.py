"""Policies on a real API server: admission refuses the objects that `validate` refuses, policy by policy."""

from __future__ import annotations

import http.client
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any, Final

import pytest
from cli.project import Project
from kubernetes.api_server import ApiServer, wait_until
from policies.test_examples import CASES, FOLDER, URL

from reconciler.controller.crds import MODEL
from reconciler.core import document
from reconciler.core.document.dump import dump_object

LEFT: Final = {"allowed-keys", "patient-gateway"}  # the examples that no API server can judge
NAMES: Final = sorted(CASES.keys() - LEFT)


def cases() -> dict[str, dict[str, Any]]:
    """The Models of all examples as objects, those with references and native ones aside, by name."""
    found: dict[str, dict[str, Any]] = {}
    for name in NAMES:
        for word, group in zip(("bad", "good"), CASES[name], strict=True):
            for number, fields in enumerate(group):
                spec = {field: value for field, value in ({"endpoint": URL} | fields).items() if value is not None}
                made = f"{name}-{word}-{number}"
                found[made] = {
                    "apiVersion": MODEL.api_version,
                    "kind": MODEL.kind,
                    "metadata": {"name": made},
                    "spec": spec,
                }
    return found


OBJECTS: Final = cases()


def judged_by_validate(project: Project) -> dict[str, set[str]]:
    """The names of the objects that break each policy, as `validate` says of a folder of them."""
    for name, one in OBJECTS.items():
        project.write(f"manifests/{name}.yaml", dump_object(one))
    problems = project.run("validate", "--format", "json").json("validate")["problems"]
    broken: dict[str, set[str]] = {name: set() for name in NAMES}
    for problem in problems:
        kind, _, policy = problem["rule"].partition("/")
        if kind == "policy":
            broken[policy].add(problem["file"].removeprefix("manifests/").removesuffix(".yaml"))
    return broken


def told(server: ApiServer, namespace: str, one: Mapping[str, Any], policy: str) -> bool:
    """Whether the API server refuses an object, or warns of it, in the name of a policy. Nothing is stored."""
    path = f"/apis/{MODEL.api_version}/namespaces/{namespace}/{MODEL.plural}?dryRun=All&fieldValidation=Strict"
    with closing(http.client.HTTPSConnection("127.0.0.1", server.port, context=server.client_context())) as connection:
        connection.request("POST", path, json.dumps(one), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = json.loads(answer.read())
    warned = f"policy/{policy}:" in (answer.getheader("Warning") or "")
    if answer.status == 201:
        return warned
    assert (answer.status, f"policy/{policy}:" in said["message"]) == (422, True), said
    return True


def written(project: Project, name: str, namespace: str) -> list[dict[str, Any]]:
    """The manifests of one example, about one namespace."""
    path = project.write(f"policies/{name}.yaml", (FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    answer = project.run("controller", "policies", "--namespace", namespace)
    path.unlink()
    assert answer.code == 0, answer.err
    return [one.value for one in document.load(answer.out, "policies.yaml").documents]


def remove(server: ApiServer, objects: list[dict[str, Any]]) -> None:
    """Takes policies and bindings out of force."""
    kinds = "validatingadmissionpolicies,validatingadmissionpolicybindings"
    server.kubectl("delete", kinds, *{one["metadata"]["name"] for one in objects}, "--ignore-not-found")


@pytest.fixture
def namespaces(api_server: ApiServer, project: Project) -> Iterator[dict[str, str]]:
    """A namespace for each policy, in which that one alone is in force."""
    made = {name: f"{name}-{secrets.token_hex(3)}" for name in NAMES}
    objects = [one for name, namespace in made.items() for one in written(project, name, namespace)]
    for namespace in made.values():
        api_server.kubectl("create", "namespace", namespace)
    api_server.apply(*objects)
    yield made
    remove(api_server, objects)
    api_server.kubectl("delete", "namespace", "--wait=false", *made.values())


def test_admission_refuses_what_validate_refuses(
    api_server: ApiServer, namespaces: dict[str, str], project: Project
) -> None:
    """Each policy that can be written judges every object as `validate` does: an error is a refusal, a warning a warning."""
    for name, namespace in namespaces.items():
        first = OBJECTS[f"{name}-bad-0"]
        wait_until(partial(told, api_server, namespace, first, name), f"the policy {name} is in force")
    found = {
        name: {one for one, item in OBJECTS.items() if told(api_server, namespace, item, name)}
        for name, namespace in namespaces.items()
    }
    for name in NAMES:
        project.write(f"policies/{name}.yaml", (FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    assert found == judged_by_validate(project)


def test_what_was_there_before_a_policy_is_not_held(api_server: ApiServer, namespace: str, project: Project) -> None:
    """An object that breaks a newer policy can be marked, released and deleted; only its spec cannot be written so again."""
    item = OBJECTS["owner-label-bad-0"]
    where = f"/apis/{MODEL.api_version}/namespaces/{namespace}/{MODEL.plural}"
    old = f"{where}/{item['metadata']['name']}"
    api_server.ask("POST", where, item)
    objects = written(project, "owner-label", namespace)
    api_server.apply(*objects)
    wait_until(lambda: told(api_server, namespace, OBJECTS["owner-label-bad-1"], "owner-label"), "it is in force")
    api_server.ask("PATCH", old, {"metadata": {"finalizers": ["models.reconciler.dev/finalizer"]}})
    patch = ("patch", MODEL.name, item["metadata"]["name"], "--type=merge", "-p", '{"spec": {"description": "Other."}}')
    refused = api_server.try_kubectl("-n", namespace, *patch)
    assert (refused.returncode, "policy/owner-label" in refused.stderr) == (1, True), refused.stderr
    api_server.ask("DELETE", old)
    api_server.ask("PATCH", old, {"metadata": {"finalizers": []}})
    wait_until(lambda: api_server.ask("GET", old) is None, "the object is gone")
    remove(api_server, objects)
