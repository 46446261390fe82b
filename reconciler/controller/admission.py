"""Write policies as ValidatingAdmissionPolicies, so that the API server refuses what breaks them. Pure.

Only a policy whose verdict the API server can reach alone is written: all others are told with the reason.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from reconciler.controller.cel import one_of, quoted
from reconciler.controller.cel_manifest import CannotSayError, Meaning, over_object
from reconciler.controller.cluster import ResourceType
from reconciler.controller.crds import MODEL, native_types
from reconciler.core.model import Model
from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import Node
from reconciler.core.schema.form import Form, form_of
from reconciler.manifest.kubernetes_objects import GROUP
from reconciler.manifest.policies.policy import Policy
from reconciler.registry.protocol import Driver

API_VERSION: Final = "admissionregistration.k8s.io/v1"
_ACTIONS: Final = {"error": ["Deny"], "warning": ["Warn", "Audit"]}
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
# Also what was there before the policy can be released, deleted and labelled: only a spec is judged, when it is written.
_WRITES: Final[Form] = {
    "name": "spec-is-written",
    "expression": "request.operation == 'CREATE' || object.spec != oldObject.spec",
}
# What a manifest says of itself and an object elsewhere than in its spec.
_VARIABLES: Final = {
    "key": "has(object.spec.key) && object.spec.key != null ? object.spec.key : object.metadata.name",
    "kind": f"object.apiVersion.startsWith('{GROUP}/') ? object.kind : object.apiVersion.split('.')[0] + '/' + object.kind",
}


class Admission(NamedTuple):
    """The manifests of the policies that the API server can judge, and by name why the others stay with `validate`."""

    manifests: tuple[Form, ...]
    left: Mapping[str, str]


def admission_policies(policies: Iterable[Policy], drivers: Iterable[Driver], namespace: str | None) -> Admission:
    """A policy and a binding for each policy that can be said. They are about one namespace, or with None about all."""
    known = list(drivers)
    natives = native_types(known)
    manifests: list[Form] = []
    left: dict[str, str] = {}
    for policy in policies:
        try:
            manifests += _manifests(policy, known, natives, namespace)
        except CannotSayError as error:
            left[policy.name] = str(error)
    return Admission(tuple(manifests), left)


def _manifests(
    policy: Policy, drivers: list[Driver], natives: Mapping[str, ResourceType], namespace: str | None
) -> Iterator[Form]:
    """Raises CannotSayError."""
    if policy.cel is None:
        raise CannotSayError("a JSON Schema is about what a Model becomes in its registry, which no API server knows")
    if policy.registries is not None:
        raise CannotSayError("it is about some registries, which for most Models are known to the controller alone")
    if policy.environments is not None:
        raise CannotSayError("it is about some environments, and a cluster has none")
    judged = _judged(policy, natives)
    expression = over_object(policy.cel, _meaning(drivers, judged, mixed=len(judged) > 1))
    name = _name(policy.name, namespace)
    text = " ".join(f"policy/{policy.name}: {policy.message}".split())
    yield {
        "apiVersion": API_VERSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": list(_rules(judged.values()))},
            "matchConditions": [_WRITES, *_labels(policy.labels or {})],
            "variables": [
                {"name": one, "expression": said}
                for one, said in _VARIABLES.items()
                if f"variables.{one}" in expression
            ],
            "validations": [{"expression": expression, "message": text, "reason": "Invalid"}],
        },
    }
    only = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}} if namespace else {}
    yield {
        "apiVersion": API_VERSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": _ACTIONS[policy.severity]}
        | ({"matchResources": only} if only else {}),
    }


def _judged(policy: Policy, natives: Mapping[str, ResourceType]) -> dict[str, ResourceType]:
    """The resource types that a policy is about, by kind. Raises CannotSayError where Models may become what it is about."""
    known = {MODEL.kind: MODEL, **natives}
    globs = policy.kinds if policy.kinds is not None else ("*",)
    found = {kind: one for kind, one in known.items() if any(fnmatchcase(kind, glob) for glob in globs)}
    if MODEL.kind not in found:
        raise CannotSayError(
            "it is about native kinds, which Models become too, in registries that the controller alone knows"
        )
    return {MODEL.kind: MODEL} if policy.labels else found  # only Models have labels


def _meaning(drivers: list[Driver], judged: Mapping[str, ResourceType], *, mixed: bool) -> Meaning:
    """What the members of these kinds mean."""
    defaults = dict(_defaults(form_of(Model)))
    roots = [rules_of(Model)]
    roots += [
        kind.root for driver in drivers for kind in driver.kinds.values() if f"{driver.name}/{kind.name}" in judged
    ]
    return Meaning(defaults, frozenset(name for root in roots for name in _secrets(root)), mixed)


def _defaults(form: Form, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """The members that a manifest has written out where they are absent, by path."""
    for name, member in form.get("properties", {}).items():
        if isinstance(member.get("default"), str):
            yield (*path, name), member["default"]
        yield from _defaults(member, (*path, name))


def _secrets(node: Node) -> Iterator[str]:
    """The names of members that hold secrets, or a map of some."""
    for name, child in node.children.items():
        if child.secret is not None or (child.each is not None and child.each.secret is not None):
            yield name
        yield from _secrets(child)
    if node.each is not None:
        yield from _secrets(node.each)


def _rules(types: Iterable[ResourceType]) -> Iterator[Form]:
    groups: dict[tuple[str, str], list[str]] = {}
    for one in types:
        groups.setdefault((one.group, one.version), []).append(one.plural)
    for (group, version), plurals in groups.items():
        yield {
            "apiGroups": [group],
            "apiVersions": [version],
            "operations": ["CREATE", "UPDATE"],
            "resources": plurals,
        }


def _labels(labels: Mapping[str, str]) -> Iterator[Form]:
    """A condition for each label: other objects are not judged."""
    for number, (name, glob) in enumerate(labels.items(), 1):
        there = f"has(object.spec.labels) && object.spec.labels != null && {quoted(name)} in object.spec.labels"
        value = f"object.spec.labels[{quoted(name)}]"
        if "[" in glob:
            raise CannotSayError(f"the label {name} is compared with a set of letters")
        if glob == "*":
            expression = there
        elif "*" in glob or "?" in glob:
            pattern = re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")
            expression = f"{there} && {value}.matches({quoted(f'(?s)^{pattern}$')})"
        else:
            expression = f"{there} && {value} in {one_of([glob])}"
        yield {"name": f"label-{number}", "expression": expression}


def _name(policy: str, namespace: str | None) -> str:
    """The name in the cluster, where policies of several namespaces are side by side."""
    word = policy
    if not _NAME.fullmatch(word):
        digest = hashlib.sha256(policy.encode()).hexdigest()[:8]
        word = f"{re.sub(r'[^a-z0-9]+', '-', policy.lower()).strip('-')}-{digest}".lstrip("-")
    return ".".join(filter(None, (word, namespace, GROUP)))
