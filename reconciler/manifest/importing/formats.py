"""The formats that are known. Another one is one module and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.manifest.importing import adk, latticeflow
from reconciler.manifest.importing.drafts import Format

FORMATS: Final[Mapping[str, Format]] = {
    "latticeflow": latticeflow.FORMAT,
    "adk": adk.FORMAT,
}
