"""What a format makes of a file: objects in our terms, not yet text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from reconciler.core.document.trees import Map, Member, Scalar
from reconciler.manifest.importing.journal import Journal
from reconciler.manifest.importing.sources import Sources

_MODELINE: Final = re.compile(r"#\s*yaml-language-server:")


class Draft(NamedTuple):
    """One object.

    `kind` is `Model` or a native kind, `key` holds the identity as text, `root` all other fields. With `repeats`, equal ones are one.
    One that is `flawed` had an error while it was translated, so it is checked and not written.
    """

    kind: str
    key: Member
    root: Map
    repeats: bool = False
    flawed: bool = False

    @property
    def name(self) -> str:
        return str(self.key.value.value) if isinstance(self.key.value, Scalar) else ""


class Session(NamedTuple):
    """What a translation needs: where to tell problems, how to read other files, and the real folder that all goes to."""

    journal: Journal
    sources: Sources
    folder: str


class Importer(NamedTuple):
    """How the files of one format are translated.

    `vault` is the native kind in which secrets belong, or "". `expand` puts other files' contents where the file names them, in what is
    translated only; `left_out` gives the real paths of the files that the rest names. `environment` gives the variables of the environment
    that may come to stand in a manifest under the name that they have in the file. `whole` says of a map whether it declares something by
    itself: one that does not may be a part of another file.
    """

    vault: str
    translate: Callable[[Map, Session], Iterable[Draft]]
    environment: Callable[[Map], Iterable[str]] = lambda root: ()
    expand: Callable[[Map, Sources], Map] = lambda root, sources: root
    left_out: Callable[[Map, Sources], Iterable[str]] = lambda root, sources: ()
    whole: Callable[[Map], bool] = lambda root: True


FOLDERS: Final = {"Model": "models", "Adapter": "adapters", "Secret": "secrets"}


def folder_of(kind: str) -> str:
    """The folder of a kind's manifests, below the one that all goes to."""
    name = kind.rpartition("/")[2]
    return FOLDERS.get(name, f"{name.lower()}s")


def document_of(draft: Draft, registry: str | None, modeline: str) -> Map:
    """The manifest: kind and key first, and above them what stood at the top of the file.

    Of the comments above a first member that is not the key, those up to the last blank line belong to the file.
    """
    root, key = draft.root, draft.key
    header = list(key.above)
    members = root.members
    if members and members[0].place < key.place:
        above = members[0].above
        cut = max((place + 1 for place, line in enumerate(above) if not line), default=len(above))
        header = [*above[:cut], *header]
        members = (members[0]._replace(above=above[cut:]), *members[1:])
    header = [line for line in header if not _MODELINE.match(line)]
    while header and not header[0]:
        del header[0]
    first = [modeline] if modeline else []
    made = [_member("kind", draft.kind, key, (*first, *header)), key._replace(above=())]
    last = []
    if registry is not None and draft.kind == "Model":
        empty = Map((), key.file, key.place, flow=True)
        named = Map((Member(registry, empty, key.file, key.place),), key.file, key.place)
        last = [Member("registries", named, key.file, key.place)]
    elif registry is not None:
        made.append(_member("registry", registry, key))
    return root._replace(members=(*made, *members, *last), flow=False)


def _member(name: str, value: str, near: Member, above: tuple[str, ...] = ()) -> Member:
    return Member(name, Scalar(value, near.file, near.place), near.file, near.place, above)
