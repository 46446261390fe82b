"""The form of one Model document, and the rules between its fields. JSON Schema says exactly the same (`schema`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from reconciler.core.model import HINTS, Model
from reconciler.core.schema.findings import Finding, findings, hinted, is_mistake
from reconciler.core.schema.types import Resolved
from reconciler.manifest.doubts import url_with_path


def check_model(data: Any) -> tuple[Model | None, list[Finding]]:
    """Validate `data`, the plain data of one document of kind `Model`: the Model, and the findings.

    The Model is None where there is an error among them. Works before references are resolved and after (`Resolved`).
    """
    model: Model | None = None
    found: list[Finding] = []
    try:
        model = Model.model_validate(data)
    except ValidationError as error:
        found = hinted(findings(error, data, Model), HINTS)
    if isinstance(data, Mapping):
        found += endpoint_and_provider(data) + absent_protected(data)
        found += url_with_path(data)
    return (None if any(map(is_mistake, found)) else model), found


def endpoint_and_provider(data: Mapping[str, Any]) -> list[Finding]:
    """A finding at the later of `endpoint` and `provider` where both are set."""
    both = [name for name in data if name in ("endpoint", "provider") and data[name] is not None]
    if len(both) < 2:
        return []
    message = f"{both[0]!r} is set already: a model has an endpoint or a provider, never both"
    return [Finding("endpoint-and-provider", message, f"/{both[1]}", at_key=True)]


def absent_protected(data: Mapping[str, Any]) -> list[Finding]:
    """A finding at `protected` where a document wants its object both deleted and protected."""
    if data.get("state") != "absent" or not _is_true(data.get("protected")):
        return []
    message = "'protected' forbids what 'state: absent' asks for: apply `protected: false` first, then delete"
    return [Finding("absent-protected", message, "/protected", at_key=True)]


def _is_true(value: Any) -> bool:
    return value is True or (type(value) is Resolved and value.strip() == "true")
