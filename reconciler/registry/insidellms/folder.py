"""One folder of run configs: what is in it, and what is done to it. Blocks; `store` has it in a thread of its own."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from reconciler.core import document
from reconciler.registry.driver import (
    Address,
    Listing,
    MisreadError,
    PermanentError,
    Problem,
    RegistryError,
    Removal,
    Resource,
    StaleObjectError,
    Unreadable,
    Write,
    combined,
    read_row,
    split_row,
    without,
)
from reconciler.registry.insidellms import files, harness, text
from reconciler.registry.insidellms.arguments import NO_TYPES, Types
from reconciler.registry.insidellms.credentials import without_credentials
from reconciler.registry.insidellms.files import PATIENCE, locked
from reconciler.registry.insidellms.harness import Harness, Member
from reconciler.registry.insidellms.kinds import is_key, kinds_with
from reconciler.registry.insidellms.text import Parsed

SUFFIX: Final = ".yaml"
KIND: Final = "Model"

_Signature = tuple[int, int, int]


class Job(NamedTuple):
    """One change to make."""

    action: Literal["create", "update", "rename", "delete"]
    write: Write | None = None
    removal: Removal | None = None

    @property
    def address(self) -> Address:
        """Where the object is afterwards, or was."""
        if self.write is not None:
            return self.write.desired.address
        if self.removal is not None:
            return self.removal.current.address
        raise ValueError("a job without an object")


class _Row(NamedTuple):
    """A file as it was read. `revision` is the hash of its text; `parsed` is a text where it is no run config: why not.
    `uid` tells it from a file of the same name elsewhere: by its number, which two mounts of one folder have in common, and its time.
    """

    parsed: Parsed | str
    revision: str
    changed_at: str
    uid: str
    member: Member | None


class Folder:
    """The run configs in `path`, and the harness over them. `shared` are the probe and the dataset of all of them.
    `types` are those of plugins that the settings declare.

    Every method raises RegistryError. What we write, we write while nobody else does; what is read is of one moment.
    """

    def __init__(
        self,
        path: Path,
        shared: Mapping[str, Any],
        registry: str,
        patience: float = PATIENCE,
        types: Types = NO_TYPES,
    ) -> None:
        self._path = path
        self._shared = shared
        self._registry = registry
        self._patience = patience
        self._types = types
        self._kind = kinds_with(types)[KIND]
        self._rows: dict[str, tuple[_Signature, _Row]] = {}  # by key: of files that did not move since
        self._harness: tuple[_Signature, Harness] | None = None

    # --- reading ------------------------------------------------------------------------------------------------

    def listing(self) -> Listing:
        """Every file whose name could be a model's; those of any other name are none of our business."""
        with locked(self._path, writing=False, patience=self._patience) as there:
            rows = {key: row for key in self._keys() if (row := self._row(key)) is not None} if there else {}
            unlisted = self._unlisted(rows)
        found = [self._found(key, row, unlisted) for key, row in rows.items()]
        return Listing.of(found)

    def get(self, address: Address) -> Resource | None:
        """Raises PermanentError where the file is there and cannot be read: None would say that it is gone."""
        key = address.key
        if not is_key(key):
            return None
        with locked(self._path, writing=False, patience=self._patience) as there:
            row = self._row(key) if there else None
            if row is None:
                return None
            found = self._found(key, row, self._unlisted({key: row}))
        if isinstance(found, Unreadable):
            raise PermanentError(f"{address} cannot be read: {found.message}")
        return found

    def _keys(self) -> list[str]:
        names = (name.removesuffix(SUFFIX) for name in files.names_in(self._path) if name.endswith(SUFFIX))
        return [key for key in names if is_key(key)]

    def _file(self, key: str) -> Path:
        return self._path / f"{key}{SUFFIX}"

    def _row(self, key: str, *, again: bool = True) -> _Row | None:
        """The file of that key, or None. Without `again`, as it was read before, if it did not move since."""
        path = self._file(key)
        status = files.status_of(path)
        if status is None:
            self._rows.pop(key, None)
            return None
        known = self._rows.get(key)
        if not again and known is not None and known[0] == _signature(status):
            return known[1]
        row = self._read(key, status)
        self._rows[key] = (_signature(status), row)
        return row

    def _read(self, key: str, status: os.stat_result) -> _Row:
        changed_at = datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="milliseconds")
        changed_at = changed_at.replace("+00:00", "Z")
        uid = f"{status.st_ino}:{status.st_mtime_ns}"
        if not stat.S_ISREG(status.st_mode):
            what = "a link" if stat.S_ISLNK(status.st_mode) else "no regular file"
            return _Row(f"it is {what}", "", changed_at, uid, None)
        found = document.read_text(self._file(key), f"{key}{SUFFIX}")
        if isinstance(found, Problem):
            return _Row(found.message, "", changed_at, uid, None)
        revision = hashlib.sha256(found.encode(errors="surrogatepass")).hexdigest()
        try:
            parsed = text.parse(found, key)
        except MisreadError as error:
            return _Row(str(error), revision, changed_at, uid, None)
        return _Row(parsed, revision, changed_at, uid, harness.member_of(key, parsed) if parsed.listed else None)

    def _found(self, key: str, row: _Row, unlisted: frozenset[str]) -> Resource | Unreadable:
        if isinstance(row.parsed, str):
            return Unreadable(row.parsed, KIND, key)
        parsed = row.parsed
        model, others = text.known_arguments(parsed.spec["model"], self._types)
        listed = {"harness": parsed.listed and key not in unlisted}
        try:
            known, beside = split_row(
                self._kind, {**parsed.spec, **without(parsed.rest, listed), "model": model, **listed}
            )
            return read_row(
                self._kind,
                Address(self._registry, KIND, key),
                without_credentials(known),
                beside=combined({"model": {"args": others}} if others else {}, beside),
                mark=parsed.mark,
                revision=row.revision,
                id=self._file(key).name,
                uid=row.uid,
                updated_at=row.changed_at,
            )
        except MisreadError as error:
            return Unreadable(str(error), KIND, key)

    # --- the harness --------------------------------------------------------------------------------------------

    def _unlisted(self, rows: Mapping[str, _Row]) -> frozenset[str]:
        """The models that the harness should list and does not, given what was read just now."""
        if not any(row.member for row in rows.values()):
            return frozenset()
        every = self._known(rows)
        whole = not any(isinstance(row.parsed, str) for row in every)
        return harness.unlisted(self._read_harness(), _members(every), self._shared, whole=whole)

    def _known(self, read: Mapping[str, _Row]) -> list[_Row]:
        """Every file, in the order of the keys, those that did not move as they were read before."""
        rows = (read.get(key) or self._row(key, again=False) for key in self._keys())
        return [row for row in rows if row is not None]

    def _read_harness(self) -> Harness:
        path = self._path / harness.NAME
        status = files.status_of(path)
        if status is None:
            return harness.ABSENT
        if self._harness is not None and self._harness[0] == _signature(status):
            return self._harness[1]
        if not stat.S_ISREG(status.st_mode):
            return Harness(refused="it is no regular file")
        found = document.read_text(path, harness.NAME)
        read = Harness(refused=found.message) if isinstance(found, Problem) else harness.parse(found)
        self._harness = (_signature(status), read)
        return read

    def _write_harness(self) -> None:
        path, found, members = self._path / harness.NAME, self._read_harness(), _members(self._known({}))
        wanted = harness.over(members, self._shared, found)
        if found.refused or harness.same(wanted, found) or not (members or found.there):
            return
        files.write(path, harness.text_of(wanted, members, found))
        status = files.status_of(path)
        self._harness = None if status is None else (_signature(status), wanted)

    def _check_harness(self, jobs: Sequence[Job]) -> None:
        """Before anything is written: raises PermanentError where the harness is to list something and is not ours to write."""
        found = self._read_harness()
        lists = any(job.write is not None and job.write.desired.spec.get("harness") is not False for job in jobs)
        if found.refused and (lists or _members(self._known({}))):
            raise PermanentError(
                f"{self._path / harness.NAME}: {found.refused}, so nothing was written",
                hint="mend it, or move it away: it is written again",
            )

    # --- writing ------------------------------------------------------------------------------------------------

    def carry_out(self, jobs: Sequence[Job]) -> list[Resource | RegistryError | None]:
        """Makes the changes, then writes the harness once. For each: what is stored now (None for a delete), or why it was not done."""
        with locked(self._path, writing=True, patience=self._patience):
            self._check_harness(jobs)
            failed = [self._attempt(job) for job in jobs]
            late: RegistryError | None = None
            if not all(failed):
                late = self._attempt_harness()
            return self._outcomes(jobs, [error or late for error in failed])

    def _outcomes(
        self, jobs: Sequence[Job], failed: Sequence[RegistryError | None]
    ) -> list[Resource | RegistryError | None]:
        """What is stored now, for each job that was done and leaves something."""
        keys = [job.address.key for job, error in zip(jobs, failed, strict=True) if job.write and not error]
        rows = {key: row for key in keys if (row := self._row(key)) is not None}
        unlisted = self._unlisted(rows)
        stored: dict[str, Resource | RegistryError] = {}
        for key, row in rows.items():
            found = self._found(key, row, unlisted)
            stored[key] = PermanentError(found.message) if isinstance(found, Unreadable) else found
        return [error or stored.get(job.address.key) for job, error in zip(jobs, failed, strict=True)]

    def _attempt(self, job: Job) -> RegistryError | None:
        try:
            self._carry_out(job)
        except RegistryError as error:
            return error
        return None

    def _attempt_harness(self) -> RegistryError | None:
        try:
            self._write_harness()
        except RegistryError as error:
            message = f"{error.message}, so that the harness does not know of it: run again"
            return PermanentError(message, hint=error.hint)
        return None

    def _carry_out(self, job: Job) -> None:
        if job.removal is not None:
            self._delete(job.removal)
        elif job.write is not None and job.action == "create":
            self._create(job.write)
        elif job.write is not None:
            self._update(job.write)

    def _create(self, write: Write) -> None:
        address = write.desired.address
        if files.status_of(self._file(address.key)) is not None:
            raise StaleObjectError(f"{address} exists already", hint="it was made since the plan: plan again")
        self._put(write, None)

    def _update(self, write: Write) -> None:
        """An update, or a rename where the address is another one."""
        if write.current is None:
            raise ValueError(f"{write.desired.address}: an update without the object as it was read")
        row = self._unmoved(write.current)
        old, new = write.current.address.key, write.desired.address.key
        if row is None:
            raise StaleObjectError(f"{write.current.address} was deleted since it was read", hint=_AGAIN)
        if old != new:
            if files.status_of(self._file(new)) is not None:
                raise StaleObjectError(f"{write.desired.address} exists already", hint=_AGAIN)
            # first the name: if we end here, the file says that it is another's, so that the next run adopts and finishes it
            files.rename(self._file(old), self._file(new))
        self._put(write, row.parsed if isinstance(row.parsed, Parsed) else None)

    def _delete(self, removal: Removal) -> None:
        if self._unmoved(removal.current) is not None:
            files.remove(self._file(removal.current.address.key))

    def _put(self, write: Write, before: Parsed | None) -> None:
        files.write(self._file(write.desired.address.key), text.text_of(write, before))

    def _unmoved(self, current: Resource) -> _Row | None:
        """The file as it is now, or None where it is gone. Raises StaleObjectError where it is not what was read."""
        row = self._row(current.address.key)
        if row is not None and row.revision != current.revision:
            raise StaleObjectError(f"{current.address} was changed since it was read", hint=_AGAIN)
        return row


_AGAIN: Final = "nothing was overwritten: plan again"


def _members(rows: Sequence[_Row]) -> list[Member]:
    return [row.member for row in rows if row.member is not None]


def _signature(status: os.stat_result) -> _Signature:
    return status.st_ino, status.st_mtime_ns, status.st_size
