"""A Registry object as a value: what its spec says, with the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from reconciler.controller.cluster import ObjectKey, key_of
from reconciler.planner.guards import DEFAULTS, Limits

ALLOW_DELETES: Final = "models.reconciler.dev/allow-deletes"
NO_DOCUMENTS: Final = "no-documents"  # the guard of a registry that would be emptied
RECONCILE: Final = "models.reconciler.dev/reconcile"
OWN_FIELDS: Final = frozenset({"owner", "mode", "prune", "guards", "interval", "suspend", "variables"})
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
INTERVAL: Final = "5m"


@dataclass(frozen=True, slots=True)
class RegistryObject:
    """One Registry. `entry` is what an entry of `registries` in reconciler.yaml would say; `allow_deletes` is its annotation's number."""

    key: ObjectKey
    generation: int
    entry: Mapping[str, Any]
    owner: str
    observes: bool
    prune: bool
    limits: Limits
    interval: float
    suspended: bool
    variables: Mapping[str, str]
    allow_deletes: int | None
    deleting: bool
    created: datetime

    @property
    def default(self) -> bool:
        """True where it takes the models that name no registry."""
        return self.entry.get("default") is True

    @property
    def owns(self) -> tuple[str, ...]:
        """The globs over keys that say what is ours of kinds without room for a mark."""
        return tuple(map(str, self.entry.get("owns") or ()))

    @property
    def driver(self) -> str:
        return str(self.entry.get("driver", ""))

    @classmethod
    def of(cls, item: Mapping[str, Any], cluster_id: str) -> RegistryObject:
        """Read an object that the API server took. Its owner is `<cluster id>/<namespace>` unless it names one."""
        key, spec, metadata = key_of(item), item.get("spec") or {}, item["metadata"]
        guards = spec.get("guards") or {}
        allowed = str((metadata.get("annotations") or {}).get(ALLOW_DELETES, ""))
        return cls(
            key=key,
            generation=int(metadata.get("generation", 0)),
            entry={name: value for name, value in spec.items() if name not in OWN_FIELDS},
            owner=spec.get("owner") or f"{cluster_id}/{key.namespace}",
            observes=spec.get("mode") == "observe",
            prune=spec.get("prune") is True,
            limits=Limits(
                int(guards.get("max_deletes", DEFAULTS.max_deletes)),
                float(guards.get("max_delete_percent", DEFAULTS.max_delete_percent)),
                frozenset({"allow_trust_remote_code"} if guards.get("allow_trust_remote_code") else ()),
            ),
            interval=seconds(spec.get("interval") or INTERVAL),
            suspended=spec.get("suspend") is True,
            variables={str(name): str(value) for name, value in (spec.get("variables") or {}).items()},
            allow_deletes=int(allowed) if allowed.isascii() and allowed.isdigit() else None,
            deleting="deletionTimestamp" in metadata,
            created=time_of(metadata["creationTimestamp"]),
        )


def time_of(stamp: str) -> datetime:
    """A time as the API server writes it."""
    return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def seconds(text: str) -> float:
    """A duration such as `90s` or `5m`, in seconds."""
    return float(text[:-1]) * _SECONDS[text[-1]]
