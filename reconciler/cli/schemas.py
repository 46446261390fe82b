"""The generated schemas of a project: what `schema` writes and `init` begins with."""

from __future__ import annotations

from reconciler.project.registries import drivers_in_use, native_kinds_of
from reconciler.project.schemas import RegistryShape, generate
from reconciler.project.workspace import Workspace
from reconciler.registry import catalog
from reconciler.registry.entry import portable_kind


def generated(workspace: Workspace) -> dict[str, str]:
    """File name to text, for the registries of the configuration, or for all built-in drivers where there is none."""
    drivers = catalog.built_in()
    shapes = None
    if workspace.project.file is not None:
        used = drivers_in_use(workspace.entries.values())
        drivers |= used
        portable = {name: portable_kind(driver) for name, driver in used.items()}
        shapes = {
            name: RegistryShape(entry.driver.name, portable[entry.driver.name].model, entry.portable.key_rules)
            for name, entry in workspace.entries.items()
        }
    else:
        used = drivers
    natives = native_kinds_of(used.values())
    return generate(natives, shapes, {name: driver.settings for name, driver in drivers.items()})
