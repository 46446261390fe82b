"""Generate the CustomResourceDefinitions: Registry, Model, and one for each native kind of the drivers.

The schemas come from the declarations that `validate` and the JSON Schemas use, so the API server refuses what `validate`
refuses, as far as a structural schema can say it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from reconciler.controller.cel import quoted
from reconciler.controller.cluster import ResourceType
from reconciler.controller.cluster_text import setting_form
from reconciler.controller.re2 import translate
from reconciler.controller.structural import Structural
from reconciler.controller.transitions import transitions
from reconciler.controller.untyped import ANY, NEVER, together
from reconciler.controller.variants import Choice, Variant, schema_of
from reconciler.core.kind import Kind
from reconciler.core.model import Model, NativeCommon
from reconciler.core.rule_tree import rules_of
from reconciler.core.schema.form import Form, form_of
from reconciler.manifest.kubernetes_objects import ELSEWHERE, GROUP, VERSION
from reconciler.project.config import Guards
from reconciler.registry.protocol import Driver

CATEGORY: Final = "reconciler"
NOT_OBSERVED: Final = (
    -1
)  # from the first moment: without a status, `kubectl wait`, kstatus and Flux take an object for done
DURATION: Final = r"^[1-9][0-9]{0,5}[smhd]$"

_SECRET_KEY: Final[Form] = {
    "properties": {
        "secretKeyRef": {
            "type": "object",
            "description": "The Secret of this namespace that holds it.",
            "properties": {
                "name": {"type": "string", "description": "The Secret's name.", "minLength": 1, "maxLength": 253},
                "key": {"type": "string", "description": "The key of its data.", "minLength": 1, "maxLength": 253},
            },
            "required": ["name", "key"],
        }
    },
    "required": ["secretKeyRef"],
}


class Definition(NamedTuple):
    """A CustomResourceDefinition, and what its schema leaves to the controller, by pointer."""

    manifest: Form
    left: Mapping[str, str]


REGISTRY: Final = ResourceType(GROUP, VERSION, "Registry", "registries")
MODEL: Final = ResourceType(GROUP, VERSION, "Model", "models")


def native_type(driver: str, kind: Kind) -> ResourceType:
    """The resource type of a native kind. The driver in its name keeps `kubectl get models` and `secrets` for those of others."""
    word = f"{driver}{kind.name.lower()}"
    plural = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return ResourceType(f"{driver}.{GROUP}", VERSION, kind.name, plural)


def native_types(drivers: Iterable[Driver]) -> dict[str, ResourceType]:
    """The resource types of the native kinds, by `<driver>/<Kind>`."""
    return {
        f"{driver.name}/{kind.name}": native_type(driver.name, kind)
        for driver in sorted(drivers, key=lambda driver: driver.name)
        for kind in driver.kinds.values()
        if not kind.portable
    }


def definitions(drivers: Iterable[Driver]) -> list[Definition]:
    """The definitions of all resource types."""
    known = sorted(drivers, key=lambda driver: driver.name)
    natives = [_native(driver, kind) for driver in known for kind in driver.kinds.values() if not kind.portable]
    return [_registry(known), _model(), *natives]


def _registry(drivers: list[Driver]) -> Definition:
    structural = Structural(setting_form)
    variants = [_settings(structural, driver) for driver in drivers]
    settings = schema_of(Choice("driver", variants), {})
    names = [driver.name for driver in drivers]
    spec: Form = {
        "type": "object",
        "required": ["driver"],
        "properties": {
            "driver": {"type": "string", "description": "What kind of registry this is.", "enum": names},
            "default": {"type": "boolean", "description": "Models without `registries` go here."},
            "owns": {
                "type": "array",
                "description": "Globs over keys: what is ours in a registry that has no room for a mark.",
                "items": {"type": "string"},
            },
            "owner": {
                "type": "string",
                "description": "Whose mark is set on what we create. `<cluster id>/<namespace>` if absent.",
                "minLength": 1,
            },
            "mode": {
                "type": "string",
                "description": "`apply` makes the registry match; `observe` reports and writes nothing.",
                "enum": ["apply", "observe"],
                "default": "apply",
            },
            "prune": {
                "type": "boolean",
                "description": "Whether deleting an object here deletes what it declared in the registry.",
                "default": False,
            },
            "guards": {"description": "Limits on what one reconcile may delete."}
            | structural.translate(form_of(Guards), rules_of(Guards), ("spec", "guards")),
            "interval": {
                "type": "string",
                "description": "How often the registry is read though nothing changed here.",
                "pattern": DURATION,
                "default": "5m",
            },
            "suspend": {"type": "boolean", "description": "Whether nothing is read or written.", "default": False},
            "variables": {
                "type": "object",
                "description": "Values for `${var:NAME}`.",
                "additionalProperties": {"type": "string", **setting_form({})},
            },
        },
    }
    for word, said in settings.items():
        spec[word] = said | spec["properties"] if word == "properties" else said
    status = _status(
        {
            "lastReconcileTime": {"type": "string", "format": "date-time"},
            "allowDeletes": {
                "type": "object",
                "description": "The annotation that allows deletes: its value, how many of it are used up, and by which deletes.",
                "properties": {
                    "value": {"type": "integer"},
                    "used": {"type": "integer"},
                    "of": {"type": "array", "items": {"type": "string"}},
                },
            },
            "summary": {"type": "object", "additionalProperties": {"type": "integer"}},
            "guards": {"type": "array", "items": dict(ANY, type="object")},
            "orphans": {
                "type": "object",
                "properties": {
                    "count": {"type": "integer"},
                    "first": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    )
    columns = [
        _column("Driver", ".spec.driver"),
        _column("URL", ".spec.url", priority=1),
        _column("Mode", ".spec.mode"),
        *_CONDITION_COLUMNS,
        _column("Last", ".status.lastReconcileTime", "date", priority=1),
    ]
    short = {"shortNames": ["modelreg"]}
    made = _definition(REGISTRY, "A model registry, and how it is reconciled.", spec, status, columns, short)
    made["spec"]["versions"][0]["selectableFields"] = [{"jsonPath": ".spec.driver"}, {"jsonPath": ".spec.mode"}]
    return Definition(made, structural.left)


def _settings(structural: Structural, driver: Driver) -> Variant:
    """The settings of one driver as members of a Registry's spec: plain values, and credentials by their Secret."""
    form, rules = form_of(driver.settings), rules_of(driver.settings)
    members = {}
    for name, member in form["properties"].items():
        node, path = rules.children[name], ("spec", name)
        if node.secret is not None:
            members[name] = {"type": "object", "description": member["description"], **_SECRET_KEY, "nullable": True}
        elif node.each is not None and node.each.secret is not None:
            members[name] = _headers(member)
        else:
            members[name] = structural.translate(member, node, path)
    return Variant(driver.name, members, frozenset(form.get("required", ())))


def _headers(member: Form) -> Form:
    """Headers: text, or a credential. Each is without a type, so other types are refused by bounds."""
    said = "Text, or for a credential `{secretKeyRef: {name, key}}`."
    text, others = setting_form({}), (NEVER[kind] for kind in ("array", "number", "boolean"))
    value = together(ANY, text, _SECRET_KEY, {"maxProperties": 1}, *others)
    return {
        "type": "object",
        "description": f"{member['description']} {said}",
        "additionalProperties": value | {"description": said},
        "nullable": True,
    }


def _model() -> Definition:
    structural = Structural()
    form = form_of(Model)
    form["properties"] = {name: member for name, member in form["properties"].items() if name not in ELSEWHERE}
    form.pop("allOf", None)
    del form["required"]
    spec = structural.translate(form, rules_of(Model), ("spec",))
    spec["properties"]["key"]["description"] = "The model's identity in every registry; `metadata.name` if absent."
    del spec["properties"]["registries"]["additionalProperties"]["properties"]["key"]["pattern"]  # a key is as written
    spec["properties"]["registries"]["description"] = (
        "The Registry objects of this namespace that it goes to, each with overrides in that registry's own terms. "
        "Absent: every one that is `default`."
    )
    spec["x-kubernetes-validations"] = [
        {
            "rule": "!(has(self.endpoint) && has(self.provider))",
            "message": "a model has an endpoint or a provider, never both",
        }
    ]
    columns = [
        _column("Key", ".spec.key", priority=1),
        _column("Provider", ".spec.provider.name", priority=1),
        _column("URL", ".spec.endpoint.url", priority=1),
        *_CONDITION_COLUMNS,
    ]
    made = _definition(
        MODEL,
        "A model, in the terms that all registries share.",
        spec,
        _object_status(),
        columns,
        {"shortNames": ["mdl"]},
    )
    made["spec"]["versions"][0]["selectableFields"] = [
        {"jsonPath": ".spec.key"},
        {"jsonPath": ".spec.task"},
        {"jsonPath": ".spec.provider.name"},
    ]
    return Definition(made, structural.left)


def _native(driver: Driver, kind: Kind) -> Definition:
    structural = Structural()
    form, common = form_of(kind.model), form_of(NativeCommon)
    spec = structural.translate(form, kind.root, ("spec",))
    properties = spec.setdefault("properties", {})
    shared = rules_of(NativeCommon)
    for name, member in common["properties"].items():
        if name not in ELSEWHERE:
            properties[name] = structural.translate(member, shared.children[name], ("spec", name))
    key = _native_key(kind, structural)
    properties["key"] = key | {"description": "The object's identity in the registry; `metadata.name` if absent."}
    properties["previous_keys"]["items"] |= key
    changes = list(transitions(structural, spec, kind.root))
    if changes:
        spec["x-kubernetes-validations"] = [*spec.get("x-kubernetes-validations", ()), *changes]
    where = native_type(driver.name, kind)
    description = kind.title or (kind.model.__doc__ or kind.name).strip().splitlines()[0]
    columns = [_column("Key", ".spec.key", priority=1), *_CONDITION_COLUMNS]
    made = _definition(where, description, spec, _object_status(), columns, {})
    named = [*_name_rules(kind)]
    if named:
        made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["x-kubernetes-validations"] = named
    return Definition(made, structural.left)


def _native_key(kind: Kind, structural: Structural) -> Form:
    """The schema of a native key: every rule for keys that RE2 can say. A key holds no reference."""
    conditions: list[Form] = [setting_form({})]
    for rule in kind.key_rules:
        found = translate(rule.pattern)
        if not found.complete:
            structural.leave(("spec", "key"), f"all of its form: {rule.refusal}")
        conditions += [{"pattern": one} for one in found.required]
        conditions += [{"not": {"pattern": one}} for one in found.forbidden]
    return {"type": "string", "minLength": 1, **together(*conditions)}


def _name_rules(kind: Kind) -> Iterator[Form]:
    """The same rules for the object's name, where that is the key."""
    for rule in kind.key_rules:
        found = translate(rule.pattern)
        taken = [f"self.metadata.name.matches({quoted(one)})" for one in found.required]
        taken += [f"!self.metadata.name.matches({quoted(one)})" for one in found.forbidden]
        said = f"metadata.name is the key where spec.key is absent: {rule.refusal}"
        yield {"rule": f"has(self.spec.key) || ({' && '.join(taken)})", "message": said}


def _column(name: str, path: str, kind: str = "string", *, priority: int = 0) -> Form:
    column: Form = {"name": name, "type": kind, "jsonPath": path}
    return column | ({"priority": priority} if priority else {})


def _condition(name: str, what: str, *, priority: int = 0) -> Form:
    return _column(
        name, f'.status.conditions[?(@.type=="{name if what == "status" else "Synced"}")].{what}', priority=priority
    )


_CONDITION_COLUMNS: Final = (
    _condition("Ready", "status"),
    _condition("Synced", "status"),
    _condition("Reason", "reason"),
    _column("Age", ".metadata.creationTimestamp", "date"),
)
_CONDITIONS: Final[Form] = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
    "items": {
        "type": "object",
        "required": ["type", "status", "reason", "lastTransitionTime"],
        "properties": {
            "type": {"type": "string"},
            "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
            "reason": {"type": "string"},
            "message": {"type": "string"},
            "observedGeneration": {"type": "integer"},
            "lastTransitionTime": {"type": "string", "format": "date-time"},
        },
    },
}


def _status(members: Mapping[str, Form]) -> Form:
    properties = {"conditions": _CONDITIONS, "observedGeneration": {"type": "integer"}, **members}
    return {"type": "object", "properties": properties, "default": {"observedGeneration": NOT_OBSERVED}}


def _object_status() -> Form:
    member = {
        "type": "object",
        "required": ["name", "action"],
        "properties": {
            "name": {"type": "string"},
            "action": {"type": "string"},
            "reason": {"type": "string"},
            "message": {"type": "string"},
            "fields": {"type": "array", "items": {"type": "string"}},
            "generation": {"type": "integer"},
            "secrets": {"type": "string"},
        },
    }
    listed = {"type": "array", "items": member, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    return _status({"registries": listed})


def _definition(
    where: ResourceType, description: str, spec: Form, status: Form, columns: list[Form], names: Mapping[str, Any]
) -> Form:
    schema = {
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    }
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": where.name},
        "spec": {
            "group": where.group,
            "scope": "Namespaced",
            "names": {
                "kind": where.kind,
                "listKind": f"{where.kind}List",
                "plural": where.plural,
                "singular": f"{where.group.removesuffix(GROUP).rstrip('.')}{where.kind.lower()}",
                "categories": [CATEGORY],
                **names,
            },
            "versions": [version],
        },
    }
