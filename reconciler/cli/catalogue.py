"""A provider's model, and the credentials for it, as manifests: their texts, and the files that they go to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from reconciler.core import presence
from reconciler.core.document.dump import dump_yaml
from reconciler.core.errors import InputError, UsageError
from reconciler.core.model import SPEC_FIELDS
from reconciler.core.resource import Address, Resource
from reconciler.core.spec import REFERENCE, secrets_in
from reconciler.manifest.discover import SUFFIXES, shown
from reconciler.manifest.export import manifest_of
from reconciler.manifest.modeline import modeline
from reconciler.manifest.references import escape
from reconciler.project.workspace import Workspace
from reconciler.registry.capabilities import CatalogueEntry
from reconciler.registry.protocol import Native

_NOT_IN_KEYS: Final = re.compile(r"[^A-Za-z0-9._-]")
_YAML: Final = (".yaml", ".yml")


def files_of(workspace: Workspace, offers: Sequence[CatalogueEntry], target: str | None) -> dict[Path, CatalogueEntry]:
    """The file that each offer's manifest is to be written to.

    Raises InputError where one is there already, UsageError for a wrong target.
    """
    folder = _first_folder(workspace) if target is None else Path(target)
    if (
        target is not None
        and folder.suffix.lower() in SUFFIXES
        and not presence.is_folder(folder)
        and not target.endswith("/")
    ):
        if folder.suffix.lower() not in _YAML:
            raise UsageError(
                f"-o {target!r}: what is written is YAML", hint="give a folder, or a file that ends in .yaml"
            )
        if len(offers) > 1:
            raise UsageError(f"-o {target!r} is one file, and there are {len(offers)} manifests", hint="give a folder")
        files = {folder: offers[0]}
    else:
        files = {}
        for offer in offers:
            other = files.setdefault(folder / f"{key_of(offer)}.yaml", offer)
            if other is not offer:
                raise InputError(
                    f"{other.model!r} and {offer.model!r} would be one file: {key_of(offer)}.yaml",
                    hint="add them one by one, each with -o FILE",
                )
    for path in files:
        if presence.is_named(path):
            raise InputError(f"{path} is there already", hint="choose another file with -o; nothing is overwritten")
    return files


def credentials_file(provider: str, models: Iterable[Path]) -> Path:
    """The file for the manifest of a provider's credentials: beside those of its models.

    Raises InputError where it is there already.
    """
    path = min(models).parent / f"{_NOT_IN_KEYS.sub('-', provider).lstrip('._-')}-credentials.yaml"
    if presence.is_named(path):
        raise InputError(f"{path} is there already", hint="look at what it declares; nothing is overwritten")
    return path


def credentials_text(workspace: Workspace, native: Native, registry: str, path: Path) -> tuple[str, tuple[str, ...]]:
    """The manifest of a provider's credentials, and the variables of the environment that it names.

    Every secret is a reference, whatever a driver gave: no value is ever written to a file.
    """
    entry = workspace.entries[registry]
    resource = Resource(Address(registry, native.kind, native.key), native.spec)
    manifest = manifest_of(resource, entry)
    found = (REFERENCE.fullmatch(value) for _, value in secrets_in(manifest, entry.driver.kinds[native.kind].root))
    text = dump_yaml(manifest, header=modeline(workspace.project.root, path.parent))
    return text, tuple(match[2] for match in found if match is not None)


def _first_folder(workspace: Workspace) -> Path:
    """The first of the configured manifests that is a folder, or may become one, as seen from the working directory."""
    for text in workspace.project.manifests:
        path = workspace.project.root / text
        if presence.is_folder(path) or not (
            presence.is_there(path) or path.suffix.lower() in SUFFIXES or re.search(r"[*?\[]", text)
        ):
            return Path(shown(str(path), workspace.cwd))
    raise InputError("no folder of manifests is configured", hint="say where to write: -o FOLDER")


def key_of(offer: CatalogueEntry) -> str:
    """The model's name as a key that every manifest may have."""
    return _NOT_IN_KEYS.sub("-", offer.model).lstrip("._-")[:250] or "unnamed"


def text_of(workspace: Workspace, offer: CatalogueEntry, registry: str, path: Path) -> str:
    """The manifest. Nothing in it reads as a reference: a provider's words are not ours."""
    key = key_of(offer)
    spec = {name: _plain(offer.spec[name]) for name in SPEC_FIELDS if offer.spec.get(name) is not None}
    terms = {"key": offer.key} if offer.key != key else {}
    document = {"kind": "Model", "key": key, **spec, "registries": {registry: terms}}
    return dump_yaml(document, header=modeline(workspace.project.root, path.parent))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return escape(value) if isinstance(value, str) else value
