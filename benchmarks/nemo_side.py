"""One round of one side against a NeMo server, in a process of its own. Run by nemo.py; prints seconds, from after its imports on.

nemo_side.py ours create            the manifests of the folder it runs in: read, planned and applied
nemo_side.py ours plan              read and planned; fails if there is anything to do
nemo_side.py bare create URL WORKSPACE WIDTH FILE    posts the bodies in FILE, WIDTH at one time
nemo_side.py bare plan URL WORKSPACE                 lists all models
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp

import reconciler.registry.nemo.store  # noqa: F401  # an import that is otherwise made in mid-run
from reconciler.project import api

PAGE = 1000  # the most that the server gives at once


async def ours(what: str) -> None:
    project = api.load()
    async with api.connect(project) as registries:
        remote = await api.remote_state(registries)
        plan = api.make_plan(project.desired, remote, project.policy())
        if what == "create":
            report = await api.apply(plan, registries)
            if {outcome.status for outcome in report.outcomes} != {"ok"}:
                raise SystemExit("not all was created")
        elif plan.changes:
            raise SystemExit("there is something to do")


async def bare_create(url: str, workspace: str, width: str, file: str) -> None:
    with Path(file).open() as text:  # noqa: ASYNC230  # nothing else runs yet
        bodies = iter(json.load(text))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        models = f"{url}/apis/models/v2/workspaces/{workspace}/models"
        await asyncio.gather(*(_post(session, models, bodies) for _ in range(int(width))))


async def _post(session: aiohttp.ClientSession, url: str, bodies: Iterator[object]) -> None:
    for body in bodies:
        async with session.post(url, json=body) as reply:
            await reply.json()
            if reply.status != 201:
                raise SystemExit(f"the server answered {reply.status}")


async def bare_plan(url: str, workspace: str) -> None:
    models, page, pages = f"{url}/apis/models/v2/workspaces/{workspace}/models", 1, 1
    async with aiohttp.ClientSession() as session:
        while page <= pages:
            query = {"page": page, "page_size": PAGE, "sort": "name", "verbose": "true"}
            async with session.get(models, params=query) as reply:
                pages = (await reply.json())["pagination"]["total_pages"]
            page += 1


if __name__ == "__main__":
    side, what, *rest = sys.argv[1:]
    bare = bare_create if what == "create" else bare_plan
    started = time.perf_counter()
    asyncio.run(ours(what) if side == "ours" else bare(*rest))
    print(time.perf_counter() - started)
