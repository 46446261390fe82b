"""The values of Secrets, asked of the API server when a reconcile needs them, and forgotten with it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Final

from reconciler.controller.cluster import SECRETS, Cluster, ClusterError, Data, ObjectKey, version_of
from reconciler.core.errors import SecretError
from reconciler.manifest.kubernetes_references import SECRET

_PREFIX: Final = f"${{cmd:{SECRET}/"


class ClusterSecrets:
    """The values of one namespace's Secrets that were fetched so far. See `core.secret.CommandSecrets`."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._fetched: dict[str, Data | SecretError] = {}

    async def fetch(self, names: Iterable[str]) -> None:
        """Get these Secrets. Raises ClusterError where the API server does not answer; one that is not there is told by `value`."""
        for name in sorted({*names} - self._fetched.keys()):
            try:
                self._fetched[name] = await self._cluster.get(SECRETS, ObjectKey(self._namespace, name))
            except ClusterError as error:
                if not error.gone:
                    raise
                self._fetched[name] = SecretError(
                    f"there is no Secret {name}", hint="create it in the namespace of the object that names it"
                )

    def version(self, name: str) -> str | None:
        """The version of a Secret that was fetched, None for any other."""
        found = self._fetched.get(name)
        return version_of(found) if isinstance(found, dict) else None

    def value(self, reference: str) -> str:
        """The value of a reference. Raises SecretError, which names the Secret and never a value."""
        name, _, key = reference.removeprefix(_PREFIX).removesuffix("}").partition("/")
        found = self._fetched.get(name, SecretError(f"the Secret {name} was not asked for"))
        if isinstance(found, SecretError):
            raise found
        encoded = (found.get("data") or {}).get(key)
        if encoded is None:
            raise SecretError(f"the Secret {name} has no key {key}", hint=f"add {key} to it")
        try:
            text = base64.b64decode(encoded, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            raise SecretError(f"{key} of the Secret {name} is not UTF-8 text") from None  # the cause would quote it
        text = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
        if not text:
            raise SecretError(f"{key} of the Secret {name} is empty", hint="give it a value")
        return text

    def run_ahead(self, references: Iterable[str]) -> None:
        """Nothing: what is needed was fetched."""


def secret_of(reference: str) -> str:
    """The name of the Secret that a reference leads to."""
    return reference.removeprefix(_PREFIX).removesuffix("}").partition("/")[0]
