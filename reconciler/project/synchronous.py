"""The Python interface without async: one project, its registries open, every call waited for.

::

    with open_project() as project:
        plan = project.plan(Consents(prune=True))
        print(render_plan(plan))
        report = project.apply(plan)

The registries live in an event loop on a thread of their own, so this works in a script, in a notebook and anywhere
else where a loop runs already.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from reconciler.applier.report import Report
from reconciler.core.resource import RemoteState
from reconciler.planner.plan import Consents, Plan
from reconciler.project import api
from reconciler.project.api import LoadedProject, OpenRegistries

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class SyncProject:
    """A loaded project with its registries open, until `open_project` ends.

    Every method raises what its async form raises.
    """

    project: LoadedProject
    registries: OpenRegistries
    loop: asyncio.AbstractEventLoop

    def remote_state(self) -> RemoteState:
        """Read all that the registries hold."""
        return self._wait(api.remote_state(self.registries))

    def plan(self, consents: Consents | None = None) -> Plan:
        """Read the registries and compute what has to be done. Writes nothing."""
        return self._wait(api.plan_project(self.registries, consents))

    def drift(self) -> Plan:
        """Read the registries and compute the drift: what changed there since we wrote it. Writes nothing."""
        return self._wait(api.drift(self.registries))

    def plan_delete(self, key: str) -> Plan:
        """Compute the plan that deletes one object, by key or address."""
        return self._wait(api.plan_delete(key, self.registries))

    def apply(self, plan: Plan, *, concurrency: int | None = None, backup: str | Path | None = None) -> Report:
        """Carry out a plan."""
        return self._wait(api.apply(plan, self.registries, concurrency=concurrency, backup=backup))

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()


@contextmanager
def open_project(
    *paths: str, config: str | Path | None = None, environment: str | None = None, cwd: str | Path | None = None
) -> Iterator[SyncProject]:
    """Load a project and open its registries; close them at the end.

    Takes what `load` takes, raises what `load` and `connect` raise.
    """
    project = api.load(*paths, config=config, environment=environment, cwd=cwd)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="reconciler", daemon=True)
    thread.start()
    manager = api.connect(project)
    try:
        registries = asyncio.run_coroutine_threadsafe(manager.__aenter__(), loop).result()
        try:
            yield SyncProject(project, registries, loop)
        finally:
            asyncio.run_coroutine_threadsafe(manager.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
