"""A registry's server in memory, which behaves as well or as badly as a `Behaviour` says.

It speaks JSON, keeps secrets in the clear as real servers do, fills in defaults, appends slashes, loses replies and lags. It knows nothing of
reconciler: `memory` is the driver that translates.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.core.errors import LostReplyError, PermanentError, RegistryError, StaleObjectError, TemporaryError

Data = dict[str, Any]

DEFAULTS: Final[Mapping[str, Data]] = {
    "Model": {"visibility": "private", "limits": {"burst": 10}},
    "Provider": {"timeout": 30},
}
IMMUTABLE: Final = {"Model": ("project",), "Provider": ("region",)}
STICKY: Final = {"Model": ("finetuning",)}  # a value once set cannot be taken away again
REFERENCES: Final = {"Model": {"provider": "Provider", "adapter": "Adapter"}, "Provider": {"secret": "Secret"}}
DUPLICATES: Final = frozenset({"Adapter"})  # kinds whose names are not unique
UNDELETABLE: Final = frozenset({"Workspace"})


@dataclass(frozen=True)
class Behaviour:
    """How the server behaves. Fields are named `Kind/field`."""

    drops: frozenset[str] = frozenset()  # accepted, and not kept
    rewrites: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)  # kept as something else
    sticks: frozenset[str] = frozenset()  # cannot be cleared, and nobody says so
    unmarked: bool = False  # marks are accepted, and not kept
    nulls: bool = False  # what is unset is answered as null
    floats: bool = False  # integers are answered as floats
    extra: bool = False  # answers hold fields that nobody knows
    replies: bool = True  # a write is answered with the whole stored object
    lag: int = 0  # this many reads after a write still see what was before
    fail_at: int | None = None  # the call (from 1, of any sort) that fails
    error: type[RegistryError] = TemporaryError
    lose_at: int | None = None  # the write (from 1) whose reply is lost
    lose_done: bool = True  # ... after it was done, or before
    refuses: Mapping[str, int] = field(default_factory=dict)  # how many creates of a key are refused
    keeps: frozenset[str] = frozenset()  # keys whose delete is answered as done, and not done
    alters: Callable[[Data], Data] = lambda data: data  # what is answered of the object of the key `altered`
    altered: tuple[str, str] = ("", "")  # its kind and key
    broken: frozenset[str] = frozenset()  # keys of rows that cannot be understood
    unwell: Mapping[str, str] = field(default_factory=dict)  # what is wrong where a key is tried out
    says: Any = None  # what a model answers, instead of what it was asked
    nameless: bool = False  # there is a row without a readable key
    incomplete: bool = False  # the list breaks off half-way
    meanwhile: Callable[[Server], object] | None = None  # another writer ...
    meanwhile_at: int = 1  # ... just before this write (from 1)


@dataclass
class Row:
    """One stored object. `data` holds secrets in the clear."""

    id: int
    kind: str
    key: str
    data: Data
    mark: Data | None
    revision: int = 1


class Server:
    """All that one place holds. `calls` tells every call in order, as `(verb, Kind/key)`."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.calls: list[tuple[str, str]] = []
        self.catalogues: dict[
            str, list[Data]
        ] = {}  # what each provider has, as `{"name", "title", "about", "key", "limits", "tags"}`
        self.credentials: Data = {}  # the secret that a provider's models need, in the clear
        self.notice = ""  # what stands above every catalogue
        self._ids = itertools.count(1)
        self._seen: dict[int, Row] = {}
        self._lagging = 0
        self.become(Behaviour())

    def become(self, behaviour: Behaviour) -> None:
        """Behaves like this from now on; calls count from here."""
        self.behaviour = behaviour
        self.refused = dict(behaviour.refuses)
        self._count = 0
        self._writes = 0
        self._lagging = 0

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [call for call in self.calls if call[0] not in ("list", "get", "try", "catalogue")]

    def put(self, kind: str, key: str, data: Data, mark: Data | None = None) -> Row:
        """An object made by somebody else: no call of ours."""
        row = Row(
            next(self._ids), kind, key, copy.deepcopy(data), None if self.behaviour.unmarked else copy.deepcopy(mark)
        )
        self._fill(row)
        self.rows[row.id] = row
        return row

    def lag(self, reads: int) -> None:
        """So many reads see what is there now, whatever is written meanwhile."""
        self._seen, self._lagging = dict(self.rows), reads

    def row(self, kind: str, key: str) -> Row | None:
        return next((row for row in self.rows.values() if (row.kind, row.key) == (kind, key)), None)

    def keys(self, kind: str) -> list[str]:
        return sorted(row.key for row in self.rows.values() if row.kind == kind)

    # --- reads -----------------------------------------------------------------------------------------------

    def everything(self) -> list[Data]:
        self._call("list", "*")
        rows = list(self._visible().values())
        if self.behaviour.incomplete:
            raise TemporaryError("the list broke off after half of it")
        answers = [self._answer(row) for row in rows]
        return [*answers, {"what": "is this"}] if self.behaviour.nameless else answers

    def find(self, kind: str, key: str) -> list[Data]:
        self._call("get", f"{kind}/{key}")
        return [self._answer(row) for row in self._visible().values() if (row.kind, row.key) == (kind, key)]

    def _visible(self) -> dict[int, Row]:
        if self._lagging > 0:
            self._lagging -= 1
            return self._seen
        return self.rows

    def _answer(self, row: Row) -> Data:
        data = copy.deepcopy(row.data)
        if self.behaviour.nulls:
            data |= {name: None for name in ("display_name", "description", "tags", "status") if name not in data}
        if self.behaviour.extra:
            data |= {"x_new": {"since": "yesterday"}}
        if self.behaviour.floats:
            data = _floats(data)
        if (row.kind, row.key) == self.behaviour.altered:
            data = self.behaviour.alters(data)
        if row.key in self.behaviour.broken:
            data = {"garbage": True}
        return {
            "id": row.id,
            "kind": row.kind,
            "key": row.key,
            "revision": row.revision,
            "mark": row.mark,
            "data": data,
        }

    def try_out(self, kind: str, key: str, question: Any) -> Data:
        """The steps of a test, each `[name, what is wrong or None, seconds]`, up to the first that failed, and the answer."""
        self._call("try", f"{kind}/{key}")
        wrong = self.behaviour.unwell.get(key)
        if wrong is not None:
            return {"steps": [["connection", wrong, 1.5]], "answer": None}
        says = self.behaviour.says
        return {
            "steps": [["connection", None, 0.012], ["inference", None, 0.25]],
            "answer": {"asked": question} if says is None else says,
        }

    def catalogue(self, provider: str) -> list[Data] | None:
        """What the provider has, or None where there is no such provider."""
        self._call("catalogue", provider)
        return copy.deepcopy(self.catalogues.get(provider))

    # --- writes ----------------------------------------------------------------------------------------------

    def create(self, kind: str, key: str, data: Data, mark: Data | None) -> Data:
        def do() -> Data:
            if self.refused.get(key, 0) > 0:
                self.refused[key] -= 1
                raise PermanentError(f"{key}: the quota is used up")
            if kind not in DUPLICATES and self.row(kind, key) is not None:
                raise StaleObjectError(f"{kind} {key} exists already")
            self._check_references(kind, data)
            return self._answer(self.put(kind, key, self._stored(kind, data), mark))

        return self._write("create", f"{kind}/{key}", do)

    def update(self, number: int, key: str, data: Data, mark: Data | None, revision: int | None = None) -> Data:
        """Replaces the object; with `revision`, only while that is the newest. Another `key` renames it."""

        def do() -> Data:
            row = self.rows.get(number)
            if row is None or (revision is not None and row.revision != revision):
                raise StaleObjectError(f"{key} moved")
            self._check_references(row.kind, data)
            after = self._stored(row.kind, data)
            for name in IMMUTABLE.get(row.kind, ()):
                if row.data.get(name) != after.get(name):
                    raise PermanentError(f"{name} cannot change")
            for name in row.data:
                if name in STICKY.get(row.kind, ()) or f"{row.kind}/{name}" in self.behaviour.sticks:
                    after.setdefault(name, row.data[name])
            for name, default in DEFAULTS.get(row.kind, {}).items():
                if isinstance(default, dict):
                    known = {member: value for member, value in row.data[name].items() if member in default}
                    after[name] = known | (after.get(name) or {})
                else:
                    after.setdefault(name, row.data[name])
            renamed = Row(number, row.kind, key, after, copy.deepcopy(mark), row.revision + 1)
            self._fill(renamed)
            self.rows[number] = renamed
            return self._answer(renamed)

        return self._write("update", key, do)

    def delete(self, number: int, revision: int | None = None) -> None:
        row = self.rows.get(number)

        def do() -> Data:
            if row is None or row.key in self.behaviour.keeps:
                return {}
            if revision is not None and self.rows[number].revision != revision:
                raise StaleObjectError(f"{row.key} moved")
            if row.kind in UNDELETABLE:
                raise PermanentError(f"a {row.kind} stays for ever")
            for other in self.rows.values():
                if any(
                    other.data.get(name) == row.key and kind == row.kind
                    for name, kind in REFERENCES.get(other.kind, {}).items()
                ):
                    raise PermanentError(f"{row.key} is in use by {other.key}")
            del self.rows[number]
            return {}

        self._write("delete", f"{row.kind}/{row.key}" if row is not None else "?", do)

    def _write(self, verb: str, name: str, do: Callable[[], Data]) -> Data:
        self._writes += 1
        meanwhile = self.behaviour.meanwhile
        if meanwhile is not None and self._writes == self.behaviour.meanwhile_at:
            meanwhile(self)
        lost = self._writes == self.behaviour.lose_at
        if lost and not self.behaviour.lose_done:
            self._call(f"lost {verb}", name)
            raise LostReplyError("the connection was reset")
        self._call(verb, name)
        before = dict(self.rows)
        answer = do()
        if self.behaviour.lag:
            self._seen = self._seen if self._lagging > 0 else before
            self._lagging = self.behaviour.lag
        if lost:
            raise LostReplyError("the connection was reset")
        return answer

    def _call(self, verb: str, name: str) -> None:
        self._count += 1
        self.calls.append((verb, name))
        if self._count == self.behaviour.fail_at:
            raise self.behaviour.error(f"{verb} {name} failed")

    def _stored(self, kind: str, data: Data) -> Data:
        kept = {
            name: copy.deepcopy(value) for name, value in data.items() if f"{kind}/{name}" not in self.behaviour.drops
        }
        for place, change in self.behaviour.rewrites.items():
            name = place.partition("/")[2]
            if place.startswith(f"{kind}/") and name in kept:
                kept[name] = change(kept[name])
        return kept

    def _fill(self, row: Row) -> None:
        for name, value in DEFAULTS.get(row.kind, {}).items():
            row.data.setdefault(name, copy.deepcopy(value))
            if isinstance(value, dict) and isinstance(row.data[name], dict):
                row.data[name] = {**copy.deepcopy(value), **row.data[name]}
        if row.kind == "Provider" and isinstance(row.data.get("url"), str):
            row.data["url"] = row.data["url"].rstrip("/") + "/"
        if isinstance(row.data.get("tags"), list):
            row.data["tags"] = sorted(row.data["tags"], reverse=True)
        if row.kind in ("Model", "Provider"):
            row.data["status"] = f"ready since write {len(self.calls)}"

    def _check_references(self, kind: str, data: Data) -> None:
        for name, target in REFERENCES.get(kind, {}).items():
            key = data.get(name)
            if key and self.row(target, key) is None:
                raise PermanentError(f"there is no {target} {key}")


def _floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _floats(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_floats(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
