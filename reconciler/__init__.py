"""Models as code: YAML manifests in, plan, apply, and registries that match.

The names of `reconciler.project.api` are here too, imported when they are first asked for: the command line starts without them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

__version__ = "0.1.0"

# as in `api.__all__`; here as text, since asking the module would import it
API: Final = frozenset(
    "Address BugError Change ConfigError Consents DesiredState LoadedProject ManifestError OpenRegistries Outcome Plan Policy Problem ReconcilerError "
    "RefusedError RegistryError RemoteState Report Resource SecretError apply connect load make_plan remote_state".split()
)


def __getattr__(name: str) -> Any:
    if name not in API:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("reconciler.project.api"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *API})
