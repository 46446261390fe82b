"""Models as code: YAML manifests in, plan, apply, and registries that match.

The names of `reconciler.api` are here too, imported when they are first asked for: the command line starts without them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if not name.startswith("_"):
        api = import_module("reconciler.api")
        if name in api.__all__:
            return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
