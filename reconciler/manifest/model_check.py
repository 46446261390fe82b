"""The form of a Model, and of the documents that are parts of one, and the rules between their fields.

JSON Schema says exactly the same (`schema`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.core import pointer as json_pointer
from reconciler.core.model import HINTS, TEMPLATE_HINTS, Model, Template
from reconciler.core.schema.findings import Finding, formed, is_mistake
from reconciler.core.schema.types import Resolved
from reconciler.manifest.doubts import url_with_path

MODEL: Final = "Model"
TEMPLATE: Final = "Template"
PORTABLE: Final = (MODEL, TEMPLATE)  # the kinds that are no registry's own


def check_model(data: Any) -> tuple[Model | None, list[Finding]]:
    """Validate `data`, the plain data of one document of kind `Model`: the Model, and the findings.

    The Model is None where there is an error among them. Works before references are resolved and after (`Resolved`).
    """
    model, found = formed(Model, data, HINTS)
    if isinstance(data, Mapping):
        found += endpoint_and_provider(data) + absent_protected(data)
        found += url_with_path(data)
    return (None if any(map(is_mistake, found)) else model), found


def is_part(data: Mapping[str, Any]) -> bool:
    """True for a document that is only a part of a Model: a template, or a Model that extends one."""
    return data.get("kind") == TEMPLATE or (data.get("kind") == MODEL and data.get("extends") is not None)


def check_part(data: Mapping[str, Any]) -> list[Finding]:
    """Find what is wrong with a part of a Model by itself.

    Another part may give what is missing here, and null removes what another gives; what only the whole can tell, such
    as a doubtful URL, is left to `check_model`.
    """
    form, hints = (Template, TEMPLATE_HINTS) if data.get("kind") == TEMPLATE else (Model, HINTS)
    _, found = formed(form, data, hints)
    wrong = [item for item in found if not _is_left_open(item, data)]
    return wrong + endpoint_and_provider(data) + absent_protected(data)


def _is_left_open(finding: Finding, data: Mapping[str, Any]) -> bool:
    """True for a finding that is right in a part: a missing member of a member, or null for one."""
    parts = json_pointer.split(finding.pointer)
    if any(isinstance(json_pointer.get(data, json_pointer.join(parts[:end])), list) for end in range(len(parts))):
        return False  # a list is taken over whole, so an item of one is complete
    if finding.rule == "missing-field":
        return bool(parts)
    if finding.rule != "wrong-type" or finding.pointer in ("", "/kind", "/key"):
        return False
    holder = json_pointer.get(data, json_pointer.join(parts[:-1]))
    return isinstance(holder, dict) and parts[-1] in holder and holder[parts[-1]] is None


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
