"""A provider's catalogue as `models` shows it: the data of its JSON answer, and its text."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, Final

from reconciler.core.providers import ALIASES, PROVIDERS
from reconciler.core.resource import Address, Source
from reconciler.registry.capabilities import Catalogue
from reconciler.render.table import place_text, table
from reconciler.render.terminal import Style

_WORDS: Final = {True: "yes", False: "no", None: None}


def providers_data() -> dict[str, Any]:
    """The `models` answer without PROVIDER: the providers that this version knows."""
    names = {name: sorted(alias for alias, meant in ALIASES.items() if meant == name) for name in PROVIDERS}
    return {
        "providers": [{"name": name, "aliases": names[name], **traits._asdict()} for name, traits in PROVIDERS.items()]
    }


def providers_text(data: Mapping[str, Any], style: Style) -> str:
    """The providers of the `models` answer as a table. A dash: it depends on where the model is served."""
    columns = {
        "name": "PROVIDER",
        "local": "LOCAL",
        "streaming": "STREAMING",
        "chat": "CHAT",
        "aliases": "ALSO CALLED",
    }
    traits = ("local", "streaming", "chat")
    rows = [
        {**row, **{name: _WORDS[row[name]] for name in traits}, "aliases": ", ".join(row["aliases"])}
        for row in data["providers"]
    ]
    return table(columns, rows, style)


def models_data(
    registry: str,
    kind: str,
    catalogue: Catalogue,
    declared: Mapping[Address, Source],
    stored: Container[Address],
    note: str,
) -> dict[str, Any]:
    """The `models` answer. `declared` has the manifests of the project by address, `stored` what the registry holds."""
    rows = []
    for entry in catalogue.offers:
        address = Address(registry, kind, entry.key)
        source = declared.get(address)
        rows.append(
            {
                "model": entry.model,
                "key": entry.key,
                "title": entry.title,
                "declared": {"file": source.file, "line": source.line} if source is not None else None,
                "stored": address in stored,
            }
        )
    return {"registry": registry, "provider": catalogue.provider, "models": rows, "note": note or None}


def models_text(data: Mapping[str, Any], style: Style) -> str:
    """The models of the `models` answer as a table."""
    columns = {"model": "MODEL", "key": "KEY", "title": "TITLE", "declared": "DECLARED", "stored": "STORED"}
    rows = [
        row | {"declared": place_text(row["declared"]), "stored": "yes" if row["stored"] else ""}
        for row in data["models"]
    ]
    return table(columns, rows, style) if rows else f"{style.safe(data['provider'])} offers nothing."
