"""The cache of loaded manifests: what reading, checking and compiling a file gave, by the file's bytes, for the next command.

It lies in the project's checkout, where anybody may put a file. So the whole of it is sealed with a key that lies
outside, in the user's own cache folder: what the key does not fit is a miss, as is whatever cannot be read. Only files
that nothing was wrong with are kept, so a cache never tells a problem, and holds no text that is likely a secret.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from reconciler.core.schema.findings import Finding, is_mistake
from reconciler.manifest.cached_items import Items, items_of, plain, share, specs_in, text_of
from reconciler.manifest.manifests import Manifest

FEWEST: Final = 64  # files, below which reading them costs no more than looking them up
MAX_BYTES: Final = 256 * 1024 * 1024  # of one cache; what does not fit is not kept
MOST: Final = 8  # caches of one project: one for each environment, version and working directory
STALE: Final = 3600  # seconds after which a file that was never finished is removed
SUFFIX: Final = ".cache"
KEY_FILE: Final = "cache.key"
KEY_BYTES: Final = 32
_MAGIC: Final = b"reconciler-cache-2 "
_SEAL: Final = 64  # hex digits of the seal, and of what a file is known by
_FOLDER: Final = 0o700
_TOGETHER: Final = 512  # entries that are decoded at one time


class CachedDocument(NamedTuple):
    """One document of a file as it was kept: where it stands, what it declares, and what it compiles to."""

    number: int
    line: int
    kind: str
    key: str
    items: Items


@dataclass
class ManifestCache:
    """The kept files of one project under one `fingerprint`: of the program, its configuration and the working directory.

    `key` seals it. `find` is asked for each file, `keep` told what was compiled, and `save` writes what is new. None of
    these ever raises for what the disk holds or refuses.
    """

    folder: Path
    fingerprint: str
    key: bytes = field(repr=False)
    _waiting: dict[bytes, bytes] = field(default_factory=dict, init=False, repr=False)  # entries nobody asked for yet
    _decoded: dict[bytes, list[Any]] = field(default_factory=dict, init=False, repr=False)  # and their neighbours
    _fresh: dict[str, bytes] = field(default_factory=dict, init=False, repr=False)  # files to keep: the digest of each
    _compiled: dict[str, list[tuple[Manifest, Items]]] = field(default_factory=dict, init=False, repr=False)
    _used: set[bytes] = field(default_factory=set, init=False, repr=False)

    def __post_init__(self) -> None:
        self._waiting = dict(_entries(self._unsealed()))

    def find(self, shown: str, data: bytes) -> tuple[CachedDocument, ...] | None:
        """The documents of a file that was kept with these very bytes under this name, or None."""
        digest = self._digest(shown, data)
        documents = self._documents(digest)
        if documents is None:
            return None
        try:
            found = tuple(
                CachedDocument(number, line, kind, key, items_of(items, shown, line))
                for number, line, kind, key, items in documents
            )
        except ValueError:  # a number with more digits than Python reads
            return None
        self._used.add(digest)
        return found

    def _documents(self, digest: bytes) -> list[Any] | None:
        """The documents of an entry, which is let go, as plain data. Its neighbours, asked for next, are decoded with it."""
        if digest in self._waiting:
            batch = {one: self._waiting[one] for one in (digest, *islice(self._waiting, _TOGETHER))}
            for one in batch:
                del self._waiting[one]
            self._decoded.update(_decoded(batch))
        return self._decoded.pop(digest, None)

    def note(self, shown: str, data: bytes) -> None:
        """Note a file in which nothing was wrong so far: what its documents compile to is to be kept."""
        self._fresh[shown] = self._digest(shown, data)

    def keep(self, manifest: Manifest, items: Items) -> None:
        """What a document of a file that was noted compiles to. One with an error drops its file."""
        shown = manifest.source.file
        if shown not in self._fresh:
            return
        if manifest.waivers or any(isinstance(item, Finding) and is_mistake(item) for item in items):
            del self._fresh[shown]
            self._compiled.pop(shown, None)
        else:
            self._compiled.setdefault(shown, []).append((manifest, items))

    def save(self, *, is_whole: bool) -> None:
        """Write what is new. Where all manifests were read, what was not asked for is let go."""
        new = dict(self._new())
        if not new:
            return
        kept = {digest: entry for digest, entry in _entries(self._unsealed()) if not is_whole or digest in self._used}
        payload = _payload({**new, **kept})
        with contextlib.suppress(OSError):  # a full disk, a folder that may only be read
            self._write(payload)
            self._tidy()

    def _new(self) -> Iterator[tuple[bytes, bytes]]:
        found: dict[str, list[list[Any]]] = {}
        for shown, compiled in self._compiled.items():
            with contextlib.suppress(ValueError, TypeError, RecursionError):  # what JSON does not hold is not kept
                documents = [
                    [one.index, one.source.line, one.kind, one.key, plain(items, one.source)] for one, items in compiled
                ]
                if all(items is not None for *_, items in documents):
                    found[shown] = documents
        share([spec for documents in found.values() for *_, items in documents for spec in specs_in(items)])
        for shown, documents in found.items():
            with contextlib.suppress(ValueError, TypeError, RecursionError):
                yield self._fresh[shown], text_of(documents).encode()

    def _digest(self, shown: str, data: bytes) -> bytes:
        name = shown.encode(errors="surrogateescape")
        return hashlib.sha256(len(name).to_bytes(8, "big") + name + data).hexdigest().encode()

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.fingerprint}{SUFFIX}"

    def _seal(self, payload: bytes) -> bytes:
        """The seal of a payload under this fingerprint: one that was made for another project does not fit."""
        sealed = hmac.new(self.key, self.fingerprint.encode() + b"\n", "sha256")
        sealed.update(payload)
        return sealed.hexdigest().encode()

    def _unsealed(self) -> bytes:
        """The payload of the file, empty where there is none that we wrote."""
        try:
            if self._path.stat().st_size > MAX_BYTES + len(_MAGIC) + _SEAL + 1:
                return b""
            data = _regular(self._path)
        except OSError:
            return b""
        start = len(_MAGIC) + _SEAL + 1
        payload = data[start:]
        head = _MAGIC + self._seal(payload) + b"\n"
        return payload if hmac.compare_digest(data[:start], head) else b""

    def _write(self, payload: bytes) -> None:
        self.folder.mkdir(parents=True, mode=_FOLDER, exist_ok=True)
        ignore = self.folder / ".gitignore"
        if not os.path.exists(ignore):
            ignore.write_text("# made by reconciler\n*\n", encoding="utf-8")
        beside = self.folder / f"{self.fingerprint}.{os.getpid()}.new"
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(_MAGIC + self._seal(payload) + b"\n")
                stream.write(payload)
            beside.replace(self._path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise

    def _tidy(self) -> None:
        """Remove the oldest caches beyond MOST, and what processes that were killed left."""
        caches = sorted(self.folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in caches[MOST:]:
            path.unlink(missing_ok=True)
        for path in self.folder.glob("*.new"):
            if time.time() - path.stat().st_mtime > STALE:
                path.unlink(missing_ok=True)


def sealing_key(folder: Path) -> bytes | None:
    """The key that seals this user's caches, made where there is none yet; None where it cannot be kept.

    It lies outside every project, so that no checkout can hold a cache that is believed.
    """
    path = folder / KEY_FILE
    try:
        key = _regular(path) if os.path.exists(path) else _new_key(path)
    except OSError:
        return None
    return key if len(key) == KEY_BYTES else None


def _new_key(path: Path) -> bytes:
    """Make a key, unless another process was faster: then it is that one's. Raises OSError."""
    path.parent.mkdir(parents=True, mode=_FOLDER, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(os.urandom(KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return _regular(path)


def _regular(path: Path) -> bytes:
    """The bytes of a regular file, and no other: a FIFO would make whoever opens it wait. Raises OSError."""
    if not os.path.isfile(path):
        raise FileNotFoundError(path)
    return path.read_bytes()


def _decoded(entries: Mapping[bytes, bytes]) -> Iterator[tuple[bytes, list[Any]]]:
    """Entries as plain data, those that can be read: all at once, so that the names in them are in memory once."""
    try:
        yield from zip(entries, json.loads(b"[" + b",".join(entries.values()) + b"]"), strict=True)
    except ValueError:  # a number with more digits than Python reads: in one of them
        for digest, entry in entries.items():
            with contextlib.suppress(ValueError):
                yield digest, json.loads(entry)


def _entries(payload: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in payload.splitlines():
        yield line[:_SEAL], line[_SEAL + 1 :]


def _payload(entries: Mapping[bytes, bytes]) -> bytes:
    lines: list[bytes] = []
    room = MAX_BYTES
    for digest, entry in entries.items():
        room -= len(digest) + len(entry) + 2
        if room < 0:
            break
        lines.append(digest + b" " + entry + b"\n")
    return b"".join(lines)
