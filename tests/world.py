"""A world whose registries are in memory unless their entries say otherwise; see `reconciler.testing.World`.

async with World.of(one={}) as world:
    await world.apply(model("chat"))
    plan = await world.plan(model("chat"))
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from registry.memory import server
from registry.memory_server import Server

from reconciler import testing
from reconciler.testing.world import ENVIRON, Document, actions, model, paths, project, statuses

__all__ = ["ENVIRON", "PLUGINS", "Document", "World", "actions", "model", "native", "paths", "project", "statuses"]

PLUGINS: Final = Path(__file__).parent / "plugins"
if str(PLUGINS) not in sys.path:  # as if the package with the memory driver were installed
    sys.path.append(str(PLUGINS))

_places = itertools.count(1)
_FILES: Final = ("insidellms", "local")  # drivers whose registries have no URL


def native(kind: str, key: str, **fields: Any) -> Document:
    """A native document of the memory driver: `native("Provider", "p", url=...)`."""
    return {"kind": kind if "/" in kind else f"memory/{kind}", "key": key, **fields}


@dataclass
class World(testing.World):
    """Without entries it is one registry in memory."""

    DEFAULT: ClassVar[Mapping[str, Mapping[str, Any]]] = {"one": {}}

    @classmethod
    def entry(cls, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """An entry in reconciler.yaml; `driver` and `url` are made up where they are left out."""
        made_up = {} if given.get("driver") in _FILES else {"url": f"memory://{name}-{next(_places)}"}
        return super().entry(name, {"driver": "memory", **made_up, **given})

    def server(self, name: str = "one") -> Server:
        """The server behind a memory registry."""
        return server(str(self.entries[name].facts.identity["location"]))
