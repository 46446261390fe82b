"""The frozen values that every layer speaks. Nothing here does I/O, and nothing here decides.

`Resource` is what is or should be, `Desired` is a resource with what its manifest says about it, `Listing` is what
one registry holds, `RegistryFacts` is what the pure layers may know of a registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reconciler.core.kind import Kind
from reconciler.core.pointer import join, split


class Address(NamedTuple):
    """Identity: `registry/Kind/key`. The key is all that follows the second slash, and may hold more of them."""

    registry: str
    kind: str
    key: str

    def __str__(self) -> str:
        return f"{self.registry}/{self.kind}/{self.key}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises ValueError where `text` is not `registry/Kind/key`."""
        parts = text.split("/", 2)
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"{text!r} is not an address: registry/Kind/key")
        return cls(*parts)


class Source(NamedTuple):
    """Where a manifest stands: a file as shown to the user, and the line (from 1) on which it begins."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Who owns an object, kept in the registry where it has room.

    `key` is the manifest's key. `applied` is the hash of the compared fields last written, taken without the
    pointers in `excluded`, so that it can be taken again the same way. `fingerprints` maps the JSON pointer of a secret to 16 hex
    digits of an HMAC of its value. `becomes` is the native key that the object is being renamed to, by creating it anew and
    deleting this one last: only then may a later run finish the rename.
    """

    owner: str
    key: str
    protected: bool = False
    applied: str = ""
    excluded: tuple[str, ...] = ()
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    becomes: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data; what is empty is left out, since some registries have little room."""
        data: dict[str, Any] = {"owner": self.owner, "key": self.key}
        if self.protected:
            data["protected"] = True
        if self.applied:
            data["applied"] = self.applied
        if self.excluded:
            data["excluded"] = list(self.excluded)
        if self.fingerprints:
            data["fingerprints"] = dict(sorted(self.fingerprints.items()))
        if self.becomes:
            data["becomes"] = self.becomes
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Mark:
        """Raises ValueError where `data` is not a mark: somebody else wrote there."""
        owner, key = data.get("owner"), data.get("key")
        applied, excluded, fingerprints = (
            data.get("applied", ""),
            data.get("excluded", []),
            data.get("fingerprints", {}),
        )
        well_formed = (
            isinstance(owner, str)
            and isinstance(key, str)
            and isinstance(applied, str)
            and isinstance(data.get("protected", False), bool)
            and isinstance(data.get("becomes", ""), str)
            and isinstance(excluded, list)
            and all(map(_is_pointer, excluded))
            and isinstance(fingerprints, (dict, Mapping))  # a dict first: see `core.shape.MAPS`
            and all(_is_pointer(place) and isinstance(value, str) for place, value in fingerprints.items())
        )
        if not well_formed:
            raise ValueError("not a mark of reconciler's")
        return cls(
            str(owner),
            str(key),
            bool(data.get("protected", False)),
            applied,
            tuple(excluded),
            dict(fingerprints),
            data.get("becomes", ""),
        )


def _is_pointer(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/")


@dataclass(frozen=True, slots=True)
class Resource:
    """One object, desired or stored.

    `spec` is plain JSON data in the registry's own terms. A secret field in it holds a reference (`${env:NAME}`), or, as read
    from a registry, only what `specs.hide_secrets` leaves of it. `revision` is the registry's change token and `id` its own
    identifier; both are None on the desired side. `uid` is what no other object has, in this place or another (when the server made it, to the
    millisecond; a file's number in its file system), where `id` is no such thing (`Kind.unique_ids`). `parent` is the model that a derived resource (its secret, its provider) belongs to.
    `cascade_deletes` names, in words, what the registry would delete with it and nobody here could plan for; `contents` what it would delete with it
    and that may go with consent; `uses` who relies on it, so that only `state: absent` deletes it. `other_keys` are further keys by which
    others refer to it. `unmanaged` are the members
    beside `spec` that no kind declares, as a tree (see `core.unmanaged`): as read from a registry, or as a manifest's `x-unmanaged` has them.
    `server_facts` are the members that the registry alone says (its id, when it was made): shown, never compared, never sent.
    `read_only` says in words why nobody can write or delete it through the registry (it stands in a file of the server's), "" where one can.
    `pending` says in words what a registry has stored and does not act upon yet: a read-back waits for it to pass, and a plan tells it.
    """

    address: Address
    spec: Mapping[str, Any]
    mark: Mark | None = None
    revision: str | None = None
    id: str | None = None
    source: Source | None = None
    parent: Address | None = None
    updated_at: str | None = None  # ISO 8601, as the registry gives it; shown, never compared
    cascade_deletes: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    other_keys: tuple[str, ...] = ()
    unmanaged: Mapping[str, Any] = field(default_factory=dict)
    server_facts: Mapping[str, Any] = field(default_factory=dict, compare=False)
    read_only: str = ""
    pending: str = ""
    uid: str | None = field(default=None, compare=False)

    @property
    def manifest_key(self) -> str:
        """The key of its manifest: where names in the registry have a form of their own, the mark has it."""
        return self.mark.key if self.mark is not None else self.address.key

    def holding(self, spec: Mapping[str, Any], unmanaged: Mapping[str, Any], mark: Mark | None) -> Resource:
        """The object with other content, as `dataclasses.replace` makes it in three times the time: each write asks."""
        return Resource(
            self.address,
            spec,
            mark,
            self.revision,
            self.id,
            self.source,
            self.parent,
            self.updated_at,
            self.cascade_deletes,
            self.contents,
            self.uses,
            self.other_keys,
            unmanaged,
            self.server_facts,
            self.read_only,
            self.pending,
            self.uid,
        )


class Unreadable(NamedTuple):
    """A row that a registry holds and that could not be understood. Without a key it stands for any object.

    `names` are the objects that it refers to, as far as that can be told: they are in use.
    """

    message: str
    kind: str | None = None
    key: str | None = None
    names: tuple[Address, ...] = ()


class Listing(NamedTuple):
    """All that one registry holds of the kinds we manage: complete, or the read raised.

    `available` is what its platform has ready and does not hold yet: it is created as soon as something names it.
    """

    resources: tuple[Resource, ...]
    unreadable: tuple[Unreadable, ...] = ()
    available: tuple[Resource, ...] = ()

    @classmethod
    def of(cls, found: Iterable[Resource | Unreadable | None], available: tuple[Resource, ...] = ()) -> Listing:
        """The listing of rows as they were found; None stands for a row that is no object."""
        rows = tuple(found)
        resources = tuple(one for one in rows if isinstance(one, Resource))
        return cls(resources, tuple(one for one in rows if isinstance(one, Unreadable)), available)


@dataclass(frozen=True, slots=True)
class Desired:
    """A resource as one manifest declares it.

    `key` is the manifest's key (the address may carry another). `absent` wants it gone. `protected` is None where the
    manifest does not say. `previous` are the addresses it may have had before. `ignore` are pointers
    managed elsewhere. `secrets` maps the pointer of each secret in `resource.spec` to its reference.
    `references` maps the pointer of each value that names another resource to that resource's address; `prerequisites` are resources that no
    value names and that must be there (the workspace). `origins` maps native pointers to the manifest's, where they differ.
    """

    resource: Resource
    key: str
    absent: bool = False
    protected: bool | None = None
    previous: tuple[Address, ...] = ()
    ignore: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, Address] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    prerequisites: tuple[Address, ...] = ()
    matched: tuple[Address, ...] = ()  # of `previous`, those that nobody named: found again by their marks
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> Address:
        return self.resource.address

    @property
    def manifest_keys(self) -> frozenset[str]:
        """The keys that its manifest has, and had before."""
        return frozenset((self.key, *(old.key for old in self.previous)))

    def in_manifest(self, pointer: str) -> str:
        """A native pointer as the manifest has it: by the nearest origin above it; the same where there are none."""
        parts = split(pointer)
        for end in range(len(parts), 0, -1):
            origin = self.origins.get(join(parts[:end]))
            if origin is not None:
                return origin + join(parts[end:])
        return pointer if not self.origins else ""


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What the manifests say, sorted by address.

    `declared` are the addresses of all configured manifests, also of those that a selection left out: they are no
    orphans. `complete` says that nothing was left out, which alone allows to speak of orphans. `documents` counts the manifests read.
    `silent_sources` are the configured folders and files that may have lost what they held, each with why.
    """

    resources: tuple[Desired, ...]
    declared: frozenset[Address]
    complete: bool
    documents: int
    silent_sources: tuple[str, ...] = ()

    def find(self, address: Address) -> Desired | None:
        """What the manifests declare at that address and do not want gone, or None."""
        return next((item for item in self.resources if item.address == address and not item.absent), None)


@dataclass(frozen=True, slots=True)
class RegistryFacts:
    """What plan, guards and ownership may know of one registry.

    `owner` is whose mark we set there, None for nobody's. `owns` are globs over keys, for kinds without room for a
    mark; what stands beside a model goes by the model's key. `identity` tells the place (driver, location), so that a saved plan can tell whether the name still means the same.
    """

    name: str
    kinds: Mapping[str, Kind]
    owner: str | None = None
    owns: tuple[str, ...] = ()
    identity: Mapping[str, str] = field(default_factory=dict)
    renames: bool = False  # has a rename of its own, so that a rename deletes nothing; known once it is open
    concurrency: int = 16  # changes at one time, unless the command line says otherwise
    deadline: float | None = None  # seconds for one read of it all, and for all writes of one run; None: no limit

    def can_rename(self, kind: str) -> bool:
        """True where an object of that kind keeps its identity when it is renamed: no other is created, and none deleted."""
        return self.renames and self.kinds[kind].renamable


class RemoteState(NamedTuple):
    """What the registries are and say: one complete listing for each that was read, and the facts of each, by name.

    `missing` are the objects that manifests name, that none can declare (`ExternalRef`), and that are not there.
    """

    listings: Mapping[str, Listing]
    registries: Mapping[str, RegistryFacts]
    missing: frozenset[Address] = frozenset()

    def resources(self) -> Iterator[Resource]:
        """Every object that could be read, registry by registry."""
        for listing in self.listings.values():
            yield from listing.resources

    def known(self) -> frozenset[Address]:
        """The addresses of all that is there, can be read or not, and of what the platforms have ready."""
        listings = self.listings.items()
        found = {resource.address for resource in self.resources()}
        found |= {one.address._replace(key=key) for one in self.resources() for key in one.other_keys}
        found |= {resource.address for _, listing in listings for resource in listing.available}
        rows = ((name, row) for name, listing in listings for row in listing.unreadable)
        found |= {
            Address(name, row.kind, row.key) for name, row in rows if row.kind is not None and row.key is not None
        }
        return frozenset(found)
