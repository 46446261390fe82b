"""The pages of the manifest's and the configuration's fields, from their JSON Schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from markdown import cell, code, page, paragraph, table

from reconciler.project.schemas import config_schema, manifest_schema
from reconciler.registry import catalog

Form = Mapping[str, Any]

TYPES: Final = {
    "string": "text", "number": "number", "integer": "integer", "boolean": "boolean", "array": "list", "object": "map"
}  # fmt: skip


def manifest_page() -> str:
    """The fields of a portable Model."""
    model = manifest_schema({}, None)["$defs"]["Model"]
    intro = (
        "A manifest is one YAML or JSON document; a file may hold several. `kind: Model` is the portable model that "
        "serves every registry. Kinds of one registry have [pages of their own](kinds/latticeflow.md)."
    )
    nulls = (
        "Where a field takes `null`, it is as good as absent. Text may hold `${var:NAME}` and `${file:path}`; a number, "
        "boolean or choice may be one whole reference; a secret must be one, `${env:NAME}` or `${file:path}`."
    )
    template = (
        "Fields that several Models share: each names the template with `extends`. A template has a `kind` and a `key`, "
        "and may have every other field of a Model but `extends`, `state` and `previous_keys`. It goes to no registry, "
        "and nothing of it is required: the whole is checked that is merged of it. [Templates](../templates.md) shows it."
    )
    blocks = [*_sections("Model", model), "## Template", paragraph(template)]
    return page("Manifest", paragraph(intro), paragraph(nulls), *blocks)


def configuration_page() -> str:
    """The fields of reconciler.yaml, and of a registry of each driver."""
    form = config_schema({name: catalog.load_driver(name).settings for name in catalog.names()})
    intro = (
        "The configuration is `reconciler.yaml`, found from the working directory upward; `--config FILE` or the "
        "variable `RECONCILER_CONFIG` names another file. Without one, manifests are in `manifests/` and there is one "
        "registry, `local`."
    )
    blocks = [paragraph(intro), *_sections("reconciler.yaml", form)]
    for name in catalog.names():
        registry = form["$defs"][f"registry.{name}"]
        blocks += [f"## registries.NAME with driver: {name}", paragraph(registry.get("description", ""))]
        blocks.append(_fields(registry, f"registries.{name}"))
    return page("Configuration", *blocks)


def _sections(title: str, form: Form) -> Iterator[str]:
    """A section with a table for an object, and one for each object inside it."""
    yield f"## {title}"
    yield paragraph(form.get("description", "")) if title != "reconciler.yaml" else ""
    yield _fields(form, "")
    for path, inner in _objects(form, ""):
        yield f"### {path}"
        yield paragraph(inner.get("description", ""))
        yield _fields(inner, path)


def _objects(form: Form, prefix: str) -> Iterator[tuple[str, Form]]:
    for name, field in form.get("properties", {}).items():
        path = f"{prefix}.{name}" if prefix else name
        for option in field.get("items", {}).get("anyOf", ()):
            if option.get("properties"):
                yield f"{path}[]", option
        if field.get("properties") and "driver" not in field["properties"]:
            yield path, field
            yield from _objects(field, path)


def _fields(form: Form, prefix: str) -> str:
    required = set(form.get("required", ()))
    rows = (
        [_anchored(prefix, name), type_of(field), cell(_meaning(field, required=name in required))]
        for name, field in form.get("properties", {}).items()
        if name != "$schema"
    )
    return table(["Field", "Type", "Meaning"], rows)


def _anchored(prefix: str, name: str) -> str:
    return f'<a id="{f"{prefix}.{name}" if prefix else name}"></a>{code(name)}'


def type_of(field: Form) -> str:
    """The types that a field takes, in a word or two; null is left out, since absent says the same."""
    words = _words(field)
    if words:
        return cell(" or ".join(words))
    options = dict.fromkeys(_types(option, with_text=True) for option in field.get("anyOf", ()))
    return " or ".join(options) if options and "type" not in field else _types(field)


def _types(field: Form, *, with_text: bool = False) -> str:
    types = field.get("type", [])
    names = [TYPES[name] for name in ([types] if isinstance(types, str) else types) if name in TYPES]
    if {"number", "integer", "boolean"} & set(names) and not with_text:  # text there is one whole reference
        names = [name for name in names if name != "text"]
    if names == ["list"] and isinstance(field.get("items"), Mapping):
        inner = type_of(field["items"])
        return f"list of {'texts' if inner == 'text' else f'{inner}s' if inner in ('map', 'number') else inner}"
    return " or ".join(names) or "any"


def _words(field: Form) -> list[str]:
    for form in (field, *field.get("anyOf", ())):
        values = form.get("enum") or ([form["const"]] if "const" in form else [])
        found = [code(value) for value in values if value is not None]
        if found:
            return found
    return []


def _meaning(field: Form, *, required: bool) -> str:
    """Description, whether it is required, default and bounds, and an example."""
    parts = [field.get("description", ""), "Required." if required else ""]
    if field.get("default") is not None:
        parts.append(f"Default: {code(plain(field['default']))}.")
    bounds = [f"{word} {field[name]:g}" for name, word in BOUNDS.items() if name in field]
    parts.append(f"{' and '.join(bounds).capitalize()}." if bounds else "")
    examples = field.get("examples") or ()
    parts.append(f"Example: {code(plain(examples[0]))}" if examples and not _words(field) else "")
    return " ".join(part for part in parts if part)


BOUNDS: Final = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}


def plain(value: Any) -> str:
    """A value as YAML's flow style would show it, near enough, in one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return re.sub(r"\s+", " ", text)
