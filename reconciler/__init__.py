"""Models as code: YAML manifests in, plan, apply, and registries that match.

The names of the Python interface are here, imported when they are first asked for: the command line starts without them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

__version__ = "0.1.0"

# by module; here as text, since asking the modules would import them
_PLACES: Final = {
    "reconciler.project.api": (
        "MISSING Address BugError Change ConfigError Consents DesiredState FieldChange LoadedProject ManifestError "
        "OpenRegistries Outcome Plan Policy Problem ReconcilerError RefusedError RegistryError RemoteState Report Resource "
        "SecretError Validation apply connect drift load make_plan plan_delete remote_state render_plan validate"
    ),
    "reconciler.project.synchronous": "SyncProject open_project",
}
API: Final = {name: module for module, names in _PLACES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in API:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(API[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *API})
