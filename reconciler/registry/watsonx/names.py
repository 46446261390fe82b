"""The names of the registry's objects: `virtual-model/<provider>/<model>`, `virtual-policy/<name>`, and what stands beside a portable Model."""

from __future__ import annotations

from typing import Any, Final

from reconciler.core.schema.types import END
from reconciler.registry.driver import KeyRule

MODEL: Final = "virtual-model/"
POLICY: Final = "virtual-policy/"
PREFIX: Final = "reconciler-"  # of the connection that stands beside a portable Model

_PART: Final = r"(?!\.{1,2}(?:/|$))[^\s/?#]+"  # neither empty, nor one that leads elsewhere in a path
MODEL_RULE: Final = KeyRule(rf"^virtual-model/{_PART}(?:/{_PART})+{END}", f"it must be {MODEL}<provider>/<model>")
POLICY_RULE: Final = KeyRule(rf"^virtual-policy/{_PART}(?:/{_PART})*{END}", f"it must be {POLICY}<name>")
APP_RULE: Final = KeyRule(f"^{_PART}{END}", "it must hold no space, '/', '?' or '#'")


def model_name(provider: str, model: str) -> str:
    """What a provider's model is called: the provider is the first part after the prefix, and the rest may hold slashes."""
    return f"{MODEL}{provider}/{model}"


def provider_of(name: str) -> str:
    """The provider of a virtual model, which its name tells; empty where it is no such name."""
    return name.removeprefix(MODEL).partition("/")[0] if name.startswith(MODEL) else ""


def connection_name(key: str) -> str:
    """The `app_id` of the connection that holds the key of the portable Model `key`."""
    return f"{PREFIX}{key}"


def model_of(app_id: str) -> str | None:
    """The key of the portable Model that a connection stands beside, or None for somebody else's."""
    return app_id.removeprefix(PREFIX) or None if app_id.startswith(PREFIX) else None


def unless_name(text: Any) -> Any:
    """None for empty text, and for an object's name: it is shown where there is nothing else to show."""
    return None if isinstance(text, str) and (not text or text.startswith((MODEL, POLICY))) else text
