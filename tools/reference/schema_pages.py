"""The pages of the manifest's and the configuration's fields, from their JSON Schemas."""

from __future__ import annotations

from collections.abc import Iterator

from markdown import cell, code, page, paragraph, table

from reconciler.project.explain.fields import Form, allowed, bounds, type_words
from reconciler.project.schemas import config_schema, manifest_schema
from reconciler.registry import catalog
from reconciler.render.jsontext import inline


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
    """The values that a field takes, or its types."""
    values = allowed(field)
    return cell(" or ".join(map(code, values))) if values else type_words(field)


def _meaning(field: Form, *, required: bool) -> str:
    """Description, whether it is required, default and bounds, and an example."""
    parts = [field.get("description", ""), "Required." if required else ""]
    if field.get("default") is not None:
        parts.append(f"Default: {code(inline(field['default']))}.")
    limits = bounds(field)
    parts.append(f"{' and '.join(limits).capitalize()}." if limits else "")
    examples = field.get("examples") or ()
    parts.append(f"Example: {code(inline(examples[0]))}" if examples and not allowed(field) else "")
    return " ".join(part for part in parts if part)
