"""A project as objects of Kubernetes: its registries, its manifests, and the ConfigMap with the files that they name.

The values of secrets are not among them: `ProjectObjects.secrets` says which Secrets must exist, and what each key stands for.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.core import document
from reconciler.core.document import Document
from reconciler.core.errors import ConfigError, ManifestError, Problem
from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import Node
from reconciler.core.spec import REFERENCE
from reconciler.manifest.kubernetes_export import Written, is_name, object_of, same_names, spelt
from reconciler.manifest.kubernetes_objects import GROUP, REGISTRY, VERSION
from reconciler.manifest.kubernetes_references import COMMANDS, CONFIG_MAP, ENVIRONMENT, FILES, SECRET, Named, decoded
from reconciler.manifest.manifests import Manifest
from reconciler.planner.guards import DEFAULTS
from reconciler.project.config import Project
from reconciler.project.loaded import LoadedManifests
from reconciler.project.workspace import Workspace
from reconciler.registry.entry import RegistryEntry

_MEANING: Final = {
    ENVIRONMENT: "the environment variable {}",
    FILES: "the file {}",
    COMMANDS: "what the secret command prints for {}",
}


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """One object with the file that it goes to, relative to the target, and the Secrets' keys that it names."""

    path: str
    manifest: Mapping[str, Any]
    named: frozenset[Named]


@dataclass(frozen=True, slots=True)
class ProjectObjects:
    """The objects of a project, and the parts of its configuration that no object can hold."""

    files: tuple[ObjectFile, ...]
    not_said: tuple[str, ...]

    @property
    def secrets(self) -> dict[str, dict[str, str]]:
        """The Secrets that must exist: each with its keys, and what a key stands for."""
        found: dict[str, dict[str, str]] = {}
        for named in sorted({one for file in self.files for one in file.named if one.kind == SECRET}):
            meaning = _MEANING.get(named.name)
            said = named.key if named.name == ENVIRONMENT else decoded(named.key)
            found.setdefault(named.name, {})[named.key] = (
                meaning.format(said) if meaning else "a value of the cluster's own"
            )
        return found


def objects_of(workspace: Workspace, loaded: LoadedManifests, namespace: str | None = None) -> ProjectObjects:
    """The objects of a project whose manifests are right.

    Raises ManifestError for what a manifest says and an object cannot, ConfigError for a registry that cannot be one.
    """
    loaded.checked()
    project = workspace.project
    documents = _Documents(workspace)
    written = {one.place: documents.written(one, namespace) for one in loaded.manifests.manifests}
    problems = [loaded.manifests.read.problem(where, item) for where, one in written.items() for item in one.findings]
    clashes = same_names({where: one.manifest for where, one in written.items()})
    problems += [loaded.manifests.read.problem(*clash) for clash in clashes]
    if problems:
        what = f"{len(problems)} problem{'s' if len(problems) > 1 else ''} keep the manifests from being objects"
        raise ManifestError(what, tuple(sorted(problems)), _lines(loaded, problems))
    registries = [_registry(entry, project, namespace) for entry in workspace.entries.values()]
    files = [_file(one) for one in (*registries, *written.values())]
    texts = _texts(project, [named for one in files for named in one.named], namespace)
    return ProjectObjects((*files, *([texts] if texts else [])), tuple(_not_said(project)))


def _lines(loaded: LoadedManifests, problems: Sequence[Problem]) -> dict[str, Sequence[str]]:
    texts = loaded.manifests.texts
    return {one.file: document.lines_of(texts[one.file]) for one in problems if one.file in texts}


class _Documents:
    """The documents of manifests as they are written, with their references."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._read: dict[str, Mapping[int, Document]] = {}

    def written(self, manifest: Manifest, namespace: str | None) -> Written:
        """The object that a manifest is."""
        file = manifest.source.file
        path = self._workspace.cwd / file
        if file not in self._read:
            text = document.read_text(str(path), file)
            found = () if isinstance(text, Problem) else document.load(text, file).documents
            self._read[file] = {one.index: one for one in found}
        data = self._read[file][manifest.index].value
        if "apiVersion" in data:  # an object already
            return Written(data, frozenset(), ())
        folder = os.path.relpath(path.parent, self._workspace.project.root).replace(os.sep, "/")
        return object_of(data, self._workspace.rules_of_kind(manifest.kind), folder, namespace)


def _registry(entry: RegistryEntry, project: Project, namespace: str | None) -> Written:
    """The Registry object of an entry. Raises ConfigError where it cannot be one."""
    if not is_name(entry.name):
        message = f"the registry {entry.name!r} cannot be an object: a name is lower-case letters, digits, '-' and '.'"
        raise ConfigError(message, hint="rename it in reconciler.yaml, and under `registries` of the manifests")
    named: set[Named] = set()
    rules = rules_of(type(entry.settings))
    said = project.registries[entry.name]
    settings = {
        name: _setting(entry.name, name, value, rules, named) for name, value in said.items() if value is not None
    }
    limits = project.limits
    guards = {
        name: value
        for name, value, usual in (
            ("max_deletes", limits.max_deletes, DEFAULTS.max_deletes),
            ("max_delete_percent", limits.max_delete_percent, DEFAULTS.max_delete_percent),
        )
        if value != usual
    } | ({"allow_trust_remote_code": True} if "allow_trust_remote_code" in limits.allowed else {})
    spec = {
        **settings,
        **({"owner": project.owner} if project.owner else {}),
        **({"guards": guards} if guards else {}),
        **({"variables": dict(project.variables)} if project.variables else {}),
    }
    metadata = {"name": entry.name} | ({} if namespace is None else {"namespace": namespace})
    manifest = {"apiVersion": f"{GROUP}/{VERSION}", "kind": REGISTRY, "metadata": metadata, "spec": spec}
    return Written(manifest, frozenset(named), ())


def _setting(registry: str, name: str, value: Any, rules: Node, named: set[Named]) -> Any:
    """A setting as a Registry object has it: each reference to a secret as a `secretKeyRef`."""
    node = rules.child(name)
    if isinstance(value, Mapping) and node is not None and node.each is not None and node.each.secret is not None:
        return {header: _secret(registry, f"{name}.{header}", text, named) for header, text in value.items()}
    return _secret(registry, name, value, named)


def _secret(registry: str, name: str, value: Any, named: set[Named]) -> Any:
    if not isinstance(value, str) or "${" not in value:
        return value
    found = spelt(value) if REFERENCE.fullmatch(value) else None
    if found is None:
        message = f"{name} of the registry {registry!r} holds a reference within text, which a Registry object cannot"
        raise ConfigError(message, hint="write the text out, as `--env` or an environment of reconciler.yaml has it")
    named.add(found)
    return {"secretKeyRef": {"name": found.name, "key": found.key}}


def _file(written: Written) -> ObjectFile:
    """Where an object goes: `<Kind>/<name>.yaml`, below the driver's name for a native kind."""
    group = str(written.manifest["apiVersion"]).partition("/")[0].removesuffix(GROUP).rstrip(".")
    kind, name = written.manifest["kind"], written.manifest["metadata"]["name"]
    return ObjectFile(posixpath.join(group, kind, f"{name}.yaml"), written.manifest, written.named)


def _texts(project: Project, named: Sequence[Named], namespace: str | None) -> ObjectFile | None:
    """The ConfigMap with the files that manifests name outside secret fields."""
    keys = sorted({one.key for one in named if one.kind == CONFIG_MAP and one.name == FILES})
    data = {key: document.read_text(str(project.root / decoded(key)), decoded(key)) for key in keys}
    texts = {key: document.lf_only(text) for key, text in data.items() if isinstance(text, str)}
    if not texts:
        return None
    metadata = {"name": FILES} | ({} if namespace is None else {"namespace": namespace})
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": texts}
    return ObjectFile(f"ConfigMap/{FILES}.yaml", manifest, frozenset())


def _not_said(project: Project) -> Iterator[str]:
    """What stands in reconciler.yaml and in no object."""
    if project.fingerprint_key is not None:
        yield "fingerprint_key: the controller writes a secret again when its Secret changes"
    if project.policies:
        yield "policies: they stay with `reconciler validate`; `reconciler controller policies` prints what an API server can judge"
    if project.secrets is not None:
        yield "secrets.allow: a NetworkPolicy says where the controller may connect to"
