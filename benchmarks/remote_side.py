"""One round of one side against a server, in a process of its own. Run by remote.py; prints seconds by the clock and of its CPU, both from after its imports on.

remote_side.py DRIVER ours create            the manifests of the folder it runs in: read, planned and applied
remote_side.py DRIVER ours plan              read and planned; fails if there is anything to do
remote_side.py DRIVER bare create URL WORKSPACE WIDTH FILE    sends the requests in FILE, WIDTH at one time
remote_side.py DRIVER bare plan URL WORKSPACE                 lists what a plan has to know
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp

from reconciler.project import api
from reconciler.project.api import LoadedProject
from reconciler.project.workspace import open_workspace

HEADERS = {"mlflow": "X-MLFLOW-WORKSPACE"}  # which say the workspace, where no path does
LISTS = {  # the lists of a plan, as many rows of each as the server gives at once
    "mlflow": (
        "/api/2.0/mlflow/registered-models/search?max_results=1000",
        "/api/2.0/mlflow/model-versions/search?max_results=200000",
        "/api/3.0/mlflow/gateway/secrets/list",
        "/api/3.0/mlflow/gateway/model-definitions/list",
        "/api/3.0/mlflow/gateway/endpoints/list",
    ),
    "nemo": ("/apis/models/v2/workspaces/{workspace}/models?page={page}&page_size=1000&sort=name&verbose=true",),
}


def headers(driver: str, workspace: str) -> dict[str, str]:
    return {HEADERS[driver]: workspace} if driver in HEADERS else {}


async def ours(what: str) -> None:
    project = _loaded()
    async with api.connect(project) as registries:
        remote = await api.remote_state(registries)
        plan = api.make_plan(project.desired, remote, project.policy())
        if what == "create":
            report = await api.apply(plan, registries)
            if {outcome.status for outcome in report.outcomes} != {"ok"}:
                raise SystemExit("not all was created")
        elif plan.changes:
            raise SystemExit("there is something to do")


def _loaded() -> LoadedProject:
    """The project as the command line loads it: with the cache of its manifests, which `create` leaves to `plan`."""
    workspace = open_workspace(None, environment=None, cached=True)
    loaded = workspace.load()
    return LoadedProject(workspace, loaded.checked(), loaded.warnings)


async def bare_create(driver: str, url: str, workspace: str, width: str, file: str) -> None:
    with Path(file).open() as text:  # noqa: ASYNC230  # nothing else runs yet
        requests = iter(json.load(text))
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector, headers=headers(driver, workspace)) as session:
        await asyncio.gather(*(_send(session, requests, workspace) for _ in range(int(width))))


async def _send(session: aiohttp.ClientSession, requests: Iterator[tuple[str, str, object]], workspace: str) -> None:
    for method, path, body in requests:
        async with session.request(method, path.replace("{workspace}", workspace), json=body) as reply:
            await reply.json()
            if not reply.ok:
                raise SystemExit(f"the server answered {reply.status}")


async def bare_plan(driver: str, url: str, workspace: str) -> None:
    async with aiohttp.ClientSession(url, headers=headers(driver, workspace)) as session:
        await asyncio.gather(*(_list(session, path, workspace) for path in LISTS[driver]))


async def _list(session: aiohttp.ClientSession, path: str, workspace: str) -> None:
    page, token = 1, ""
    while page:
        async with session.get(path.format(workspace=workspace, page=page) + token) as reply:
            answer = await reply.json()
            if not reply.ok:
                raise SystemExit(f"{path} did not answer whole: {reply.status}")
        following = answer.get("next_page_token")
        token = f"&page_token={following}" if following else ""
        page = page + 1 if following or page < answer.get("pagination", {}).get("total_pages", 1) else 0


if __name__ == "__main__":
    driver, side, what, *rest = sys.argv[1:]
    importlib.import_module(f"reconciler.registry.{driver}.store")  # which is otherwise imported in mid-run
    bare = bare_create if what == "create" else bare_plan
    gc.disable()  # as in the program (`reconciler.__main__`), and on both sides
    started, worked = time.perf_counter(), time.process_time()
    asyncio.run(ours(what) if side == "ours" else bare(driver, *rest))
    print(time.perf_counter() - started, time.process_time() - worked)
