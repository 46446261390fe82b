"""The values of the Helm chart: one table, of which values.yaml, its schema and the documentation are made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from reconciler.controller.install.terms import EGRESS_PORTS, METRICS_FROM, Image, Terms
from reconciler.core.document.dump import dump_yaml
from reconciler.core.schema.form import Form

_NAME: Final[Form] = {"type": "string", "pattern": r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$", "maxLength": 63}
_TEXTS: Final[Form] = {"type": "object", "additionalProperties": {"type": "string"}}
_OBJECT: Final[Form] = {"type": "object"}
_PORT: Final[Form] = {"type": "integer", "minimum": 1, "maximum": 65535}
_QUANTITY: Final[Form] = {
    "type": ["string", "integer"],
    "pattern": r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$",
    "minimum": 0,
}
_QUANTITIES: Final[Form] = {
    "type": "object",
    "properties": dict.fromkeys(("cpu", "memory", "ephemeral-storage"), _QUANTITY),
    "additionalProperties": False,
}


class Value(NamedTuple):
    """One value: its path in values.yaml, what it is unless somebody says otherwise, its schema, and what it does."""

    path: str
    default: Any
    schema: Form
    description: str


def _listed(item: Form, **more: Any) -> Form:
    return {"type": "array", "items": item, **more}


def _switch(path: str, description: str, *, on: bool) -> Value:
    return Value(path, on, {"type": "boolean"}, description)


def _named(*required: str) -> Form:
    """The schema of an object of Kubernetes' own, which the API server checks further."""
    return {"type": "object", "required": list(required)}


def values(terms: Terms, image: Image) -> tuple[Value, ...]:
    """The table, with the defaults of an installation."""
    return (
        Value("nameOverride", "", _NAME, "Takes the place of the chart's name in the names of objects."),
        Value("fullnameOverride", "", _NAME, "The name of all objects."),
        Value("image.repository", image.repository, {"type": "string", "minLength": 1}, "Where the image is."),
        Value(
            "image.tag",
            image.tag,
            {"type": "string", "pattern": r"^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$"},
            "Its tag; the chart's appVersion if empty.",
        ),
        Value(
            "image.digest",
            image.digest,
            {"type": "string", "pattern": r"^(sha256:[a-f0-9]{64})?$"},
            "Its digest, which no tag can move.",
        ),
        Value(
            "image.pullPolicy",
            terms.pull_policy,
            {"type": "string", "enum": ["Always", "IfNotPresent", "Never"]},
            "When it is pulled.",
        ),
        Value("imagePullSecrets", [], _listed(_named("name")), "Secrets with credentials for where the image is."),
        Value(
            "replicas",
            terms.replicas,
            {"type": "integer", "minimum": 0, "maximum": 100},
            "Replicas: they share the registries, and take over from one that is gone.",
        ),
        _switch(
            "allNamespaces",
            "Look at all namespaces, with a ClusterRole; else at the release's own, with a Role.",
            on=terms.everywhere,
        ),
        Value("extraArgs", [], _listed({"type": "string"}), "More options of `reconciler controller run`."),
        Value("env", [], _listed(_named("name")), "Environment variables, such as HTTPS_PROXY."),
        Value(
            "resources",
            terms.resources,
            {
                "type": "object",
                "properties": {"requests": _QUANTITIES, "limits": _QUANTITIES},
                "additionalProperties": False,
            },
            "CPU and memory of each replica.",
        ),
        _switch("serviceAccount.create", "Make a ServiceAccount; else `name` says which one has the rights.", on=True),
        Value("serviceAccount.name", "", _NAME, "The name of the ServiceAccount; that of all objects if empty."),
        Value("serviceAccount.annotations", {}, _TEXTS, "Annotations of the ServiceAccount."),
        Value("podAnnotations", {}, _TEXTS, "Annotations of the pods."),
        Value("nodeSelector", {}, _TEXTS, "Labels that a pod's node must have."),
        Value("tolerations", [], _listed(_OBJECT), "Taints of nodes that the pods put up with."),
        Value("affinity", {}, _OBJECT, "Where the scheduler puts the pods."),
        Value("priorityClassName", "", {"type": "string"}, "The PriorityClass of the pods."),
        Value("volumes", [], _listed(_named("name")), "More volumes, such as one with the certificates of a CA."),
        Value("volumeMounts", [], _listed(_named("name", "mountPath")), "Where these are mounted."),
        _switch("podDisruptionBudget.enabled", "Let a drain take one replica at a time.", on=True),
        _switch("networkPolicy.enabled", "Make a NetworkPolicy.", on=False),
        Value(
            "networkPolicy.egressPorts",
            list(EGRESS_PORTS),
            _listed(_PORT, minItems=1),  # to Kubernetes, none would be all
            "TCP ports of the API server and of registries, at any address.",
        ),
        Value(
            "networkPolicy.metricsFrom",
            [METRICS_FROM],
            _listed(_NAME | {"minLength": 1}, minItems=1),
            "Namespaces whose pods may read the metrics.",
        ),
    )


def _grouped(table: Iterable[Value]) -> Iterator[tuple[str, list[Value]]]:
    groups: dict[str, list[Value]] = {}
    for value in table:
        groups.setdefault(value.path.partition(".")[0], []).append(value)
    yield from groups.items()


def values_yaml(table: Iterable[Value], header: str) -> str:
    """values.yaml, with what each value does above it."""
    lines = [header.rstrip("\n")]
    for name, group in _grouped(table):
        lines.append("")
        nested = group[0].path != name
        if nested:
            lines.append(f"{name}:")
        for value in group:
            text = f"# {value.description}\n" + dump_yaml({value.path.rpartition(".")[2]: value.default})
            lines += [("  " if nested else "") + line for line in text.splitlines()]
    return "\n".join(lines) + "\n"


def _closed(members: Form, optional: str = "") -> Form:
    """Only these members, and all of them: a `null`, with which Helm takes a default away, is refused."""
    return {
        "type": "object",
        "properties": members,
        "required": [name for name in members if name != optional],
        "additionalProperties": False,
    }


def values_schema(table: Iterable[Value]) -> str:
    """values.schema.json. Helm refuses what it does not allow, a value of another name included."""
    properties: Form = {"global": {"type": "object", "description": "Values of a parent chart; none is looked at."}}
    for name, group in _grouped(table):
        members = {value.path.rpartition(".")[2]: {"description": value.description, **value.schema} for value in group}
        properties[name] = _closed(members) if group[0].path != name else members[name]
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart model-reconciler",
        **_closed(properties, optional="global"),
    }
    return json.dumps(schema, indent=2) + "\n"
