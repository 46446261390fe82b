"""What a provider offers through AI GO!, as portable Models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from reconciler.registry.driver import PRESENT, Catalogue, CatalogueEntry, Native, PermanentError


def offers_of(provider: str, data: Any) -> Catalogue:
    """The catalogue from the answer of `/model-providers/<id>`. Raises PermanentError where it is none."""
    rows = data.get("models") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(rows, list):
        raise PermanentError(f"AI GO! answered without a list of the models of {provider}")
    offers = tuple(offer for row in rows if (offer := _offer(provider, row)) is not None)
    return Catalogue(
        provider,
        tuple(sorted(offers, key=lambda offer: (offer.model, offer.key))),
        _note(provider, data, len(rows) - len(offers)),
        Native("Integration", provider, {"api_key": PRESENT}) if data.get("has_credentials") is False else None,
    )


def _offer(provider: str, row: Any) -> CatalogueEntry | None:
    config = row.get("config") if isinstance(row, Mapping) else None
    model = config.get("model_key") if isinstance(config, Mapping) else None
    key = row.get("key") if isinstance(row, Mapping) else None
    if not isinstance(model, str) or not isinstance(key, str):
        return None
    title = row.get("display_name")
    limits = {"requests_per_minute": row.get("rate_limit"), "max_concurrency": row.get("max_concurrent_requests")}
    spec = {
        "display_name": title if isinstance(title, str) and title else model,
        "description": description if isinstance(description := row.get("description"), str) else None,
        "task": row.get("task"),
        "provider": {"name": provider, "model": model},
        "limits": {name: int(value) for name, value in limits.items() if _counts(value)} or None,
    }
    return CatalogueEntry(
        model, key, str(spec["display_name"]), {name: value for name, value in spec.items() if value is not None}
    )


def _counts(value: Any) -> bool:
    """Whether it is a limit that a manifest takes: AI GO! also takes 0 and less."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 1


def _note(provider: str, data: Mapping[str, Any], strange: int) -> str:
    notes = []
    if data.get("models_unreachable"):
        notes.append(f"{provider} could not be reached, so the list may not be whole")
    if strange:
        notes.append(f"{strange} entries could not be understood")
    return "; ".join(notes)
