"""Load the registries of the configuration, each with its driver and validated settings. Nothing is opened here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.core import document
from reconciler.core import pointer as json_pointer
from reconciler.core.errors import ConfigError, Problem, ReconcilerError, SecretError
from reconciler.core.resource import RegistryFacts
from reconciler.core.schema.findings import Finding, formed
from reconciler.core.secret import Resolver
from reconciler.core.secret_commands import is_command
from reconciler.core.spec import REFERENCE
from reconciler.core.url import is_known_place, place_of
from reconciler.manifest.native import NativeKind
from reconciler.project.config import Project
from reconciler.project.folders import overlap
from reconciler.registry import catalog
from reconciler.registry.capabilities import Configurable, HasDefaultOwner, KeepsFolder
from reconciler.registry.entry import RegistryEntry
from reconciler.registry.protocol import Driver
from reconciler.registry.settings import CONCURRENCY, DEADLINE, RemoteSettings

_COMMON = frozenset({"driver", "default", "owns"})


def load_registries(project: Project, resolver: Resolver) -> dict[str, RegistryEntry]:
    """The registries by name; `resolver` resolves references in addresses. Raises ConfigError with every problem."""
    found: list[Finding] = []
    entries: dict[str, RegistryEntry] = {}
    for name, entry in sorted(project.registries.items()):
        try:
            driver = catalog.load_driver(str(entry["driver"]))
        except ConfigError as error:
            found.append(Finding("unknown-driver", error.message, f"/registries/{name}/driver", suggestion=error.hint))
            continue
        known = driver.settings.model_fields  # null equals absent, but not under a name that nobody knows
        settings = {
            key: value for key, value in entry.items() if key not in _COMMON and (value is not None or key not in known)
        }
        checked, wrong = formed(driver.settings, settings)
        if checked is None:
            found.extend(_below(f"/registries/{name}", wrong))
            continue
        entries[name] = _load_entry(name, configured(driver, [checked]), checked, entry, project, resolver)
    found.extend(_same_place(entries.values()))
    found.extend(_among_manifests(entries.values(), project, resolver))
    if found:
        raise ConfigError(
            f"{project.file} cannot be used",
            project.problems(found),
            {project.file or "": document.lines_of(project.text)},
        )
    return entries


def check_environments(project: Project, resolver: Resolver) -> None:
    """Checks the settings of every environment's registries. Raises ConfigError with every problem at its place."""
    problems: set[Problem] = set()
    message = ""
    lines: Mapping[str, Sequence[str]] = {}
    for other in project.environments.values():
        try:
            load_registries(other, resolver)
        except ConfigError as error:
            problems.update(error.problems)
            message, lines = error.message, error.lines
    if problems:
        raise ConfigError(message, tuple(sorted(problems)), lines)


def without_value(
    project: Project, names: Iterable[str], failed: str, resolver: Resolver, error: SecretError
) -> SecretError:
    """The error for the references without a value in the entries of these names: all of them, each at its place.

    `error` is what opening the entry `failed` raised. Commands are asked for that entry alone, which needs them.
    """
    missing: dict[Finding, SecretError] = {}
    for name in names:
        settings = {key: value for key, value in project.registries[name].items() if key not in _COMMON}
        for below, text in json_pointer.texts_in(settings, ("registries", name)):
            for match in REFERENCE.finditer(text):
                if name != failed and is_command(match[0]):
                    continue
                try:
                    resolver.resolve(match[0])
                except SecretError as why:
                    missing[Finding("", why.message, below)] = why
    if not missing:  # a driver has reasons of its own
        return SecretError(_placed(project, failed, "", error), hint=error.hint)
    told = [f"{one.file}:{one.line}:{one.column}: {one.message}" for one in project.problems(missing)]
    if len(told) == 1:
        return SecretError(told[0], hint=next(iter(missing.values())).hint)
    listed = "\n".join(f"  {line}" for line in told)
    return SecretError(f"references without a value:\n{listed}", hint="set them and run again")


def placed(project: Project, name: str, error: ConfigError) -> ConfigError:
    """The error that opening an entry raised, at its place: the setting that is wrong, else the entry."""
    if error.problems or project.file is None:
        return error
    return ConfigError(_placed(project, name, error.setting, error), hint=error.hint)


def _placed(project: Project, name: str, setting: str, error: ReconcilerError) -> str:
    pointer = json_pointer.join(("registries", name)) + setting
    place = project.place(pointer, at_key=not setting)
    return f"{place}: {error.message}" if place else error.message


def drivers_in_use(entries: Iterable[RegistryEntry]) -> dict[str, Driver]:
    """The drivers of these entries by name, each as all of its entries together have it."""
    groups: dict[str, list[RegistryEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.driver.name, []).append(entry)
    return {name: configured(group[0].driver, [entry.settings for entry in group]) for name, group in groups.items()}


def configured(driver: Driver, settings: Sequence[Any]) -> Driver:
    """A driver as entries with these settings have it."""
    return driver.configured(settings) if isinstance(driver, Configurable) else driver


def native_kinds(entries: Mapping[str, RegistryEntry]) -> dict[str, NativeKind]:
    """The native kinds that manifests may use, by `<driver>/<Kind>`."""
    return native_kinds_of(drivers_in_use(entries.values()).values())


def native_kinds_of(drivers: Iterable[Driver]) -> dict[str, NativeKind]:
    """The native kinds of these drivers, by `<driver>/<Kind>`."""
    kinds = {}
    for driver in drivers:
        for kind in driver.kinds.values():
            if not kind.portable:
                native = NativeKind.of(driver.name, kind)
                kinds[native.name] = native
    return kinds


def _load_entry(
    name: str, driver: Driver, settings: Any, entry: Mapping[str, Any], project: Project, resolver: Resolver
) -> RegistryEntry:
    owner = project.owner
    if owner is None and isinstance(driver, HasDefaultOwner) and driver.default_owner is not None:
        owner = f"{driver.default_owner}/{project.environment}" if project.environment else driver.default_owner
    facts = RegistryFacts(
        name=name,
        kinds={kind.name: kind for kind in driver.kinds.values()},
        owner=owner,
        owns=tuple(entry.get("owns") or ()),
        identity={"driver": driver.name, "location": driver.location(settings, resolver)},
        concurrency=(isinstance(settings, RemoteSettings) and settings.concurrency) or CONCURRENCY,
        deadline=(settings.deadline or DEADLINE) if isinstance(settings, RemoteSettings) else None,
    )
    return RegistryEntry(name, driver, settings, facts, entry.get("default") is True)


def has_known_place(entry: RegistryEntry) -> bool:
    """False where a variable that is not set, or a file that is not there, says where an entry leads."""
    return is_known_place(entry.facts.identity["location"])


def _below(prefix: str, found: Iterable[Finding]) -> list[Finding]:
    return [item._replace(pointer=prefix + item.pointer) for item in found]


def _among_manifests(entries: Iterable[RegistryEntry], project: Project, resolver: Resolver) -> Iterator[Finding]:
    """A registry that is a folder of files would be read as manifests, or read manifests as its own."""
    for entry in entries:
        if isinstance(entry.driver, KeepsFolder):
            clash = overlap(entry.driver.folder(entry.settings, resolver), project)
            if clash is not None:
                message = f"{entry.name!r} writes files to its folder, and {clash}"
                pointer = f"/registries/{entry.name}/path"
                yield Finding(
                    "inside-manifests", message, pointer, suggestion="give it a folder apart from the manifests"
                )


def _same_place(entries: Iterable[RegistryEntry]) -> list[Finding]:
    """Find entries that lead to one place, under one name or two: they would fight over it."""
    first: dict[tuple[str, ...], str] = {}
    found = []
    for entry in entries:
        place = place_of_entry(entry)
        other = first.setdefault(place, entry.name)
        if other != entry.name:
            message = f"{entry.name!r} leads to the same place as {other!r}"
            found.append(Finding("same-place", message, f"/registries/{entry.name}", at_key=True))
    return found


def place_of_entry(entry: RegistryEntry) -> tuple[str, ...]:
    """The identity of an entry's place, however its address is spelt.

    That of the file itself where it is one, which hard links give several names.
    """
    driver, location = entry.facts.identity["driver"], entry.facts.identity["location"]
    try:
        status = os.stat(location) if os.path.isabs(location) else None
    except (OSError, ValueError):
        status = None
    return (driver, place_of(location)) if status is None else (driver, str(status.st_dev), str(status.st_ino))
