"""JSON Schema for editors: of manifests and of reconciler.yaml. It accepts exactly what `validate` finds right in form.

Both documents dispatch on one field (`kind`, `driver`) with a chain of conditions, not with `oneOf`: an editor then
completes the fields of that kind, and a misspelt field is underlined itself. `errorMessage` and `defaultSnippets` are
for editors; validators ignore them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.core.formats import PATHS, base_url_pattern, paths_of
from reconciler.core.kind import KeyRule
from reconciler.core.model import Endpoint, Inherited, Model, Override, Template
from reconciler.core.schema.answers import OUTPUTS
from reconciler.core.schema.form import Form, form_of, ordered, patch_of
from reconciler.core.schema.types import NO_REFERENCE, or_null
from reconciler.manifest.native import NativeKind, document_model
from reconciler.manifest.policies.form import PolicyDocument
from reconciler.project.config import Config, RegistryEntry

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
FIRST: Final = ("kind", "key", "extends", "driver")
LAST: Final = (
    "state",
    "protected",
    "previous_keys",
    "registry",
    "registries",
    "ignore",
    "waivers",
    "x-unmanaged",
    "format_version",
    "$schema",
)
BOTH: Final = "A model has an endpoint or a provider, never both."
ABSENT_PROTECTED: Final = "`protected: true` forbids what `state: absent` asks for: apply `protected: false` first."


@dataclass(frozen=True, slots=True)
class RegistryShape:
    """A registry of the configuration: its driver, and the native model that a portable Model becomes there, if any, with the rules for its keys."""

    driver: str
    model: Any | None = None
    key_rules: tuple[KeyRule, ...] = ()


def manifest_schema(natives: Mapping[str, NativeKind], registries: Mapping[str, RegistryShape] | None) -> Form:
    """The schema of one manifest document of any kind.

    `natives` maps `driver/Kind` to its kind. `registries` are those of the configuration by name, or None where any
    name is allowed.
    """
    definitions = {
        "Model": _model_form(registries),
        "Model.extends": _part_form(Model, registries),
        "Template": _part_form(Template, registries),
    }
    definitions |= {_definition(name): _native_form(natives[name]) for name in natives}
    for shape in (registries or {}).values():
        definitions.setdefault(f"override.{shape.driver}", _override_form(shape))
    kinds = {name: _definition(name) for name in sorted(natives)}
    form = {
        "$schema": DIALECT,
        "title": "Manifest",
        "description": "One document: a model, or an object in a registry's own terms.",
        "type": "object",
        "properties": {
            "kind": {
                "title": "Kind",
                "description": "What the document declares: `Model` serves every registry, `<driver>/<Kind>` is one registry's own. `Template` holds what Models share.",
                "enum": ["Model", "Template", *kinds],
            },
            "key": {
                "title": "Key",
                "description": "The object's identity, by which its registries know it.",
                "defaultSnippets": [{"label": "key", "body": "${1:support-chat}"}],  # no type: the kinds have their own
            },
        },
        "required": ["kind", "key"],
        "allOf": [
            _models(),
            *_dispatch("kind", {"Template": "Template"} | kinds),
            {"if": {"maxProperties": 0}, "then": {"defaultSnippets": _snippets()}},
        ],
        "$defs": dict(sorted(definitions.items())),
    }
    return _finished(form)


def config_schema(drivers: Mapping[str, Any]) -> Form:
    """The schema of reconciler.yaml. `drivers` maps each driver to the model of its settings."""
    definitions = {f"registry.{name}": _registry_form(name, settings) for name, settings in sorted(drivers.items())}
    whole = form_of(Config)
    environment = _environment_form(whole, definitions)
    properties = whole["properties"]
    properties["registries"] = properties["registries"] | {"additionalProperties": _registry_entry(definitions)}
    properties["environments"] = properties["environments"] | {"additionalProperties": environment}
    whole["properties"] = _in_order(properties)
    return _finished({"$schema": DIALECT} | whole | {"title": "reconciler.yaml", "$defs": definitions})


def policy_schema() -> Form:
    """The schema of one policy document."""
    form = form_of(PolicyDocument)
    given = [{"properties": {name: {"not": {"type": "null"}}}, "required": [name]} for name in ("schema", "cel")]
    rule = {"oneOf": given, "errorMessage": "A policy has either `schema` or `cel`."}
    return _finished({"$schema": DIALECT} | form | {"title": "Policy", "allOf": [rule]})


def generate(
    natives: Mapping[str, NativeKind],
    registries: Mapping[str, RegistryShape] | None,
    drivers: Mapping[str, Any],
) -> dict[str, str]:
    """The published schemas, file name to JSON text: the manifest, the configuration, a policy, and each JSON answer."""
    schemas = {
        "manifest": manifest_schema(natives, registries),
        "config": config_schema(drivers),
        "policy": policy_schema(),
        **OUTPUTS,
    }
    return {
        f"{name}.schema.json": json.dumps(form, indent=2, ensure_ascii=False) + "\n"
        for name, form in sorted(schemas.items())
    }


def _finished(form: Form) -> Form:
    finished: Form = ordered(form)
    return finished


def _definition(kind: str) -> str:
    return kind.replace("/", ".")


def _dispatch(field: str, definitions: Mapping[str, str]) -> list[Form]:
    """The conditions that choose a definition by the value of `field`."""
    return [
        {
            "if": {"type": "object", "properties": {field: {"const": value}}, "required": [field]},
            "then": {"$ref": f"#/$defs/{definition}"},
        }
        for value, definition in definitions.items()
    ]


def _in_order(properties: Mapping[str, Form]) -> dict[str, Form]:
    """Identity first, what it is next, how it is managed last."""
    first = [name for name in FIRST if name in properties]
    last = [name for name in LAST if name in properties]
    between = [name for name in properties if name not in first and name not in last]
    return {name: properties[name] for name in (*first, *between, *last)}


# --- manifests ---------------------------------------------------------------------------------------------


def _models() -> Form:
    """The condition that chooses a Model's form: what is missing in one that extends a template may be inherited."""
    (model,) = _dispatch("kind", {"Model": "Model"})
    extends = {"properties": {"extends": {"not": {"type": "null"}}}, "required": ["extends"]}
    return model | {"then": {"if": extends, "then": {"$ref": "#/$defs/Model.extends"}, "else": model["then"]}}


def _model_form(registries: Mapping[str, RegistryShape] | None) -> Form:
    form = form_of(Model)
    form["properties"] = _in_order(form["properties"] | {"registries": _registries(form, registries)})
    form["allOf"] = [_either_source(), *map(_base_url, PATHS), _when_absent()]
    return form


def _part_form(model: Any, registries: Mapping[str, RegistryShape] | None) -> Form:
    """A template, or a Model that extends some: any member may be left out, and null removes what is inherited."""
    form = form_of(model)
    known = form["properties"] | {"registries": _registries(form, registries)}
    parts = {name: patch_of(field) if name in Inherited.model_fields else field for name, field in known.items()}
    at_least_one = {"minProperties": known["registries"]["minProperties"]}
    form["properties"] = _in_order(parts | {"registries": parts["registries"] | at_least_one})
    form["allOf"] = [_either_source(), *([_when_absent()] if "state" in known else [])]
    return form


def _registries(form: Form, registries: Mapping[str, RegistryShape] | None) -> Form:
    """The schema of `registries`: with the overrides of those that are configured, where that is known."""
    known: Form = form["properties"]["registries"]
    if registries is None:
        return known
    uses = {name: _override_use(name, registries[name]) for name in sorted(registries)}
    open_names = {keyword: value for keyword, value in known.items() if keyword != "propertyNames"}
    return open_names | {"properties": uses, "additionalProperties": False}


def _either_source() -> Form:
    """The condition that a document has no endpoint and provider both."""
    return {
        "if": {"properties": {"endpoint": {"type": "object"}}, "required": ["endpoint"]},
        "then": {"properties": {"provider": {"type": "null", "errorMessage": BOTH}}},
    }


def _base_url(wire_format: str) -> Form:
    """The schema's condition on `endpoint.url` in one format: a base URL does not end in a path of the format's own."""
    default = wire_format == Endpoint.model_fields["format"].default
    spoken: Form = {"properties": {"format": {"enum": [wire_format, *([None] if default else [])]}}}
    spoken |= {"type": "object"} if default else {"type": "object", "required": ["format"]}
    paths = paths_of(wire_format)
    message = f"Must be a base URL: leave off {' or '.join(paths)}, which is added to it."
    url = {"pattern": base_url_pattern(paths), "errorMessage": message}
    return {
        "if": {"properties": {"endpoint": spoken}, "required": ["endpoint"]},
        "then": {"properties": {"endpoint": {"properties": {"url": url}}}},
    }


def _native_form(kind: NativeKind) -> Form:
    """A native document. With `state: absent` none of the registry's own fields is required."""
    form, absent = form_of(document_model(kind)), form_of(document_model(kind, absent=True))
    form["title"] = kind.title or kind.name
    properties = _in_order(form["properties"])
    key, old = properties["key"], properties["previous_keys"]
    properties["key"] = with_key_rules(key, kind.key_rules)
    properties["previous_keys"] = old | {"items": with_key_rules(old["items"], kind.key_rules)}
    form["properties"] = properties
    own = [name for name in form["required"] if name not in absent["required"]]
    form["required"] = ["kind", "key"]
    form["allOf"] = [_when_absent({"required": own} if own else None)]
    return form


def with_key_rules(form: Form, rules: Iterable[KeyRule]) -> Form:
    """The schema of a key that obeys its kind's rules, and holds no reference."""
    literal = KeyRule(NO_REFERENCE, "it must hold no reference: keys are literal")
    first, *others = [
        {"pattern": rule.pattern, "errorMessage": f"{rule.refusal[:1].upper()}{rule.refusal[1:]}."}
        for rule in (*rules, literal)
    ]
    return form | first | ({"allOf": others} if others else {})


def _when_absent(otherwise: Form | None = None) -> Form:
    """The schema's condition on `state`: the fields that `absent` forbids, and those required without it."""
    # the first of two alternatives is the one that editors explain
    unprotected = {"anyOf": [{"const": False, "errorMessage": ABSENT_PROTECTED}, {"type": ["string", "null"]}]}
    rule: Form = {
        "if": {"properties": {"state": {"const": "absent"}}, "required": ["state"]},
        "then": {"properties": {"protected": unprotected}},
    }
    return rule | {"else": otherwise} if otherwise else rule


def _override_form(shape: RegistryShape) -> Form:
    """The schema below a registry's name: a patch over the native object, and the fields that every registry takes."""
    common = form_of(Override)
    common["properties"] = common["properties"] | {"key": with_key_rules(common["properties"]["key"], shape.key_rules)}
    if shape.model is None:
        return {name: value for name, value in common.items() if name not in ("title", "description", "type")}
    native = patch_of(form_of(shape.model))
    return {
        "properties": common["properties"]
        | {name: form for name, form in native["properties"].items() if name not in common["properties"]},
        "additionalProperties": native.get("additionalProperties", True),
    }


def _override_use(name: str, shape: RegistryShape) -> Form:
    return {
        "title": f"Registry {name}",
        "description": f"It goes to the registry `{name}` (driver {shape.driver}), with these overrides in that registry's own terms.",
        "type": ["object", "null"],
        "$ref": f"#/$defs/override.{shape.driver}",
    }


def _snippets() -> list[Form]:
    def snippet(label: str, description: str, source: Form) -> Form:
        body = {"kind": "Model", "key": "${1:key}", "display_name": "${2:name}", "task": "chat_completion", **source}
        return {"label": label, "description": description, "body": body}

    url = {"endpoint": {"url": "${3:https://}", "model": "${4:model}"}}
    hosted = {"provider": {"name": "${3:openai}", "model": "${4:model}"}}
    return [
        snippet("model behind a URL", "A model that an endpoint of yours serves.", url),
        snippet("model of a provider", "A model that a hosted provider serves.", hosted),
    ]


# --- reconciler.yaml ---------------------------------------------------------------------------------------


def _registry_form(driver: str, settings: Any) -> Form:
    """One entry of that driver: what every registry takes, and the driver's own settings."""
    entry, own = form_of(RegistryEntry), form_of(settings)
    form = {name: value for name, value in own.items() if name not in ("title", "type")}
    form["title"] = f"Registry ({driver})"
    form["required"] = [*entry["required"], *own.get("required", [])]
    # null equals absent here, whatever the driver's model says of its own defaults
    settable = {
        name: field if name in form["required"] else or_null(field) for name, field in own.get("properties", {}).items()
    }
    form["properties"] = _in_order({**settable, **entry["properties"], "driver": _driver((driver,))})
    return form


def _registry_entry(definitions: Mapping[str, Form]) -> Form:
    drivers = {name.removeprefix("registry."): name for name in definitions}
    return {
        "title": "Registry",
        "description": "One registry: its driver, and the settings that the driver takes.",
        "type": "object",
        "properties": {"driver": _driver(drivers)},
        "required": ["driver"],
        "allOf": _dispatch("driver", drivers),
    }


def _driver(names: Iterable[str | None]) -> Form:
    field: Form = form_of(RegistryEntry)["properties"]["driver"] | {"enum": list(names)}
    return {keyword: value for keyword, value in field.items() if keyword not in ("examples", "type", "minLength")}


def _environment_form(whole: Form, definitions: Mapping[str, Form]) -> Form:
    """A patch over the configuration.

    Which driver a registry has may be said elsewhere, so the settings of all of them are offered.
    """
    patched = patch_of(
        {
            **whole,
            "properties": {
                name: form for name, form in whole["properties"].items() if name not in ("environments", "$schema")
            },
        }
    )
    properties = patched["properties"]
    properties["registries"] = properties["registries"] | {"additionalProperties": _patched_entry(definitions.values())}
    return patched | {
        "title": "Environment",
        "description": "What is different in this environment: merged over the rest of the file; null removes.",
        "type": "object",
        "properties": properties,
    }


def _patched_entry(forms: Iterable[Form]) -> Form:
    properties: dict[str, Form] = {}
    closed = True
    for form in forms:
        closed = closed and form.get("additionalProperties") is False
        for name, field in patch_of(form)["properties"].items():
            properties[name] = field if properties.get(name, field) == field else _either(properties[name], field)
    drivers = [form["title"].removeprefix("Registry (").removesuffix(")") for form in forms]
    if drivers:
        properties["driver"] = _driver((*drivers, None))
    return {
        "title": "Registry",
        "description": "What is different in this registry's settings. Null removes the registry.",
        "type": ["object", "null"],
        "properties": _in_order(properties),
        "additionalProperties": not closed,
    }


def _either(one: Form, other: Form) -> Form:
    """A field that two drivers explain differently: the first explanation, and both forms."""
    if _shape(one) == _shape(other):
        return one
    said = {keyword: value for keyword, value in one.items() if keyword in ("title", "description")}
    return said | {"anyOf": [*one.get("anyOf", [_shape(one)]), _shape(other)]}


def _shape(form: Mapping[str, Any]) -> Form:
    return {
        keyword: value
        for keyword, value in form.items()
        if keyword not in ("title", "description", "examples", "default", "errorMessage")
    }
