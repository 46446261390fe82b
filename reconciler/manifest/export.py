"""Stored objects back to manifests: portable where the registry's object is the portable Model, native elsewhere. Pure.

Applying what is written here gives the same objects again; secrets are references, never values. A credential that stands where none belongs
(in an address, in a text) is not written down either, so what held it is not as it was.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from reconciler.core import pointer as json_pointer
from reconciler.core.document.dump import dump_yaml
from reconciler.core.resource import Resource
from reconciler.core.rules import OPAQUE, Node, ServerOwned
from reconciler.core.spec import REFERENCE, digest, is_reference, secrets_in
from reconciler.core.telling import without_credentials
from reconciler.core.unmanaged import hidden_in, pointers_in, without_hidden
from reconciler.manifest.references import escape
from reconciler.registry.entry import RegistryEntry

LONGEST_NAME: Final = 200  # characters, all of them ASCII; file systems take 255
_NOT_IN_KEYS: Final = re.compile(r"[^A-Za-z0-9._-]")
_NOT_IN_NAMES: Final = re.compile(r"[^A-Z0-9]+")


def path_of(resource: Resource) -> str:
    """The relative path `<registry>/<Kind>/<key>.yaml`, of a file that is not hidden, whatever the key holds."""
    address = resource.address
    name = quote(address.key, safe=" $@+,=", errors="surrogatepass")
    if name.startswith("."):
        name = "%2E" + name[1:]  # a hidden file would be no manifest
    if len(name) > LONGEST_NAME:
        name = f"{name[:LONGEST_NAME]}-{digest(address.key)[:16]}"
    return f"{address.registry}/{address.kind}/{name}.yaml"


def manifest_of(resource: Resource, entry: RegistryEntry, folder: str = ".") -> dict[str, Any]:
    """The manifest that declares `resource`. `folder` is the file's, relative to the project root."""
    kind = entry.driver.kinds[resource.address.kind]
    public = without_credentials(resource.spec)
    spec = _plain(public, kind.root)
    for pointer, value in secrets_in(public, kind.root):
        spec = json_pointer.put(spec, pointer, _reference(value, pointer, resource, folder))
    protected = {"protected": True} if resource.mark is not None and resource.mark.protected else {}
    if kind.portable:
        # a registry may take more than manifests do
        key = _NOT_IN_KEYS.sub("-", resource.manifest_key).lstrip("._-")[:250] or "unnamed"
        terms = {"key": resource.address.key} if key != resource.address.key else {}
        return {"kind": "Model", "key": key, **spec, **protected, "registries": {entry.name: terms}}
    name = f"{entry.driver.name}/{kind.name}"
    unmanaged = _plain(without_credentials(without_hidden(resource.unmanaged)), OPAQUE)
    beside = {"x-unmanaged": unmanaged} if unmanaged else {}
    return {"kind": name, "key": resource.address.key, "registry": entry.name, **spec, **protected, **beside}


def text_of(resource: Resource, entry: RegistryEntry, folder: str = ".") -> str:
    """The manifest that declares `resource`, as YAML, with a comment on top for what it leaves out, or does not say as it was."""
    told = (f"# not as it was, since it holds a credential: {json.dumps(one)}" for one in _credentials(resource))
    header = "\n".join((*header_of(resource, entry).splitlines(), *told))
    return dump_yaml(manifest_of(resource, entry, folder), header=header)


def _credentials(resource: Resource) -> Iterator[str]:
    """The pointers of the texts in whose place a manifest says what `without_credentials` leaves of them."""
    for whole in (resource.spec, without_hidden(resource.unmanaged)):
        yield from _differing(whole, without_credentials(whole), ())


def _differing(value: Any, public: Any, path: tuple[str, ...]) -> Iterator[str]:
    if value is public:
        return
    if isinstance(value, Mapping) and isinstance(public, Mapping) and value.keys() == public.keys():
        for name, item in value.items():
            yield from _differing(item, public[name], (*path, name))
    elif isinstance(value, list) and isinstance(public, list):
        for index, (item, other) in enumerate(zip(value, public, strict=True)):
            yield from _differing(item, other, (*path, str(index)))
    elif value != public:  # a name that is a credential is in no comment either
        yield json_pointer.join(path)


def unexported(resource: Resource, entry: RegistryEntry) -> tuple[str, ...]:
    """The pointers of the unmanaged members that the manifest leaves out: likely secrets; all of a portable one."""
    if entry.driver.kinds[resource.address.kind].portable:
        return tuple(sorted(pointers_in(resource.unmanaged, resource.spec)))
    return tuple(sorted(hidden_in(resource.unmanaged)))


def header_of(resource: Resource, entry: RegistryEntry) -> str:
    """The comment for the top of a manifest that leaves something out; empty where it says all."""
    return "\n".join(
        f"# left out, since no manifest can hold it: {json.dumps(one)}" for one in unexported(resource, entry)
    )


def _plain(value: Any, node: Node) -> Any:
    """The value with its fields in declared order, without server-owned ones, and with `${` escaped."""
    if isinstance(value, Mapping):
        names = [
            *(name for name in node.children if name in value),
            *sorted(name for name in value if name not in node.children),
        ]
        below = {name: node.child(name) or OPAQUE for name in names}
        return {name: _plain(value[name], below[name]) for name in names if below[name].rule(ServerOwned) is None}
    if isinstance(value, list):
        return [_plain(item, node.each or OPAQUE) for item in value]
    return escape(value) if isinstance(value, str) else value


def _reference(value: Any, pointer: str, resource: Resource, folder: str) -> str:
    """The reference as it reads from `folder`.

    A secret that the registry keeps to itself becomes a variable to be set.
    """
    if not is_reference(value):
        words = f"{resource.address.key}_{'_'.join(json_pointer.split(pointer))}".upper()
        return "${env:" + _NOT_IN_NAMES.sub("_", words).strip("_") + "}"
    match = REFERENCE.fullmatch(value)
    if match is None or match[1] != "file":
        return str(value)
    return "${file:" + posixpath.relpath(match[2], folder) + "}"
