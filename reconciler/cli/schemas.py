"""The generated schemas of a project: what `schema` writes and `init` begins with."""

from __future__ import annotations

from reconciler.cli.options import GlobalOptions
from reconciler.cli.session import find_workspace
from reconciler.project.registries import native_kinds_of
from reconciler.project.schemas import RegistryShape, generate
from reconciler.registry import catalog


def generated(options: GlobalOptions) -> dict[str, str]:
    """File name to text, for the registries of the configuration, or for all built-in drivers where there is none."""
    workspace = find_workspace(options)
    drivers = {name: catalog.load_driver(name) for name in catalog.names()}
    shapes = None
    if workspace.project.file is not None:
        drivers |= {entry.driver.name: entry.driver for entry in workspace.entries.values()}
        shapes = {
            name: RegistryShape(entry.driver.name, entry.portable.model, entry.portable.key_rules)
            for name, entry in workspace.entries.items()
        }
        used = {entry.driver.name: entry.driver for entry in workspace.entries.values()}
    else:
        used = drivers
    natives = native_kinds_of(used.values())
    return generate(natives, shapes, {name: driver.settings for name, driver in drivers.items()})
