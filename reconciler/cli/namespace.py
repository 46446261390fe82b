"""`--namespace` of the commands that write objects for a cluster."""

from __future__ import annotations

import re
from typing import Final

from reconciler.core.errors import UsageError

_NAMESPACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def checked_namespace(name: str) -> str:
    """The name of a namespace as given. Raises UsageError where no cluster takes it."""
    if not _NAMESPACE.fullmatch(name):
        raise UsageError(
            f"--namespace {name}: this is no name of a namespace",
            hint="up to 63 lower-case letters, digits and '-', for example team-cx",
        )
    return name
