"""One client of Kubernetes as kubernetes_clients.py measures it: keeps a copy of all Models, and says what it sees.

    python kubernetes_client_worker.py CLIENT OBJECTS

Prints one JSON object a line: `listed` once it knows so many objects, `seen` for each change of one whose name begins with
`probe`. A line on its input asks for `figures`; their end ends it.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

GROUP: Final = {"group": "models.reconciler.dev", "version": "v1alpha1", "plural": "models"}
PAGE: Final = 500
Put = Callable[[Mapping[str, Any], bool], None]


def tell(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def memory() -> float:
    """The resident set, in MB."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Copy:
    """What a client knows: the objects by key."""

    def __init__(self, wanted: int) -> None:
        self.objects: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.changes = 0
        self._wanted = wanted

    def put(self, item: Mapping[str, Any], gone: bool = False) -> None:
        metadata = item["metadata"]
        key = metadata["namespace"], metadata["name"]
        metadata.pop("managedFields", None)
        self.changes += 1
        if gone:
            self.objects.pop(key, None)
        else:
            self.objects[key] = item
        self.note(item, len(self.objects))

    def note(self, item: Mapping[str, Any], known: int) -> None:
        if known == self._wanted:
            self._wanted = -1
            tell(listed=known, cpu=time.process_time(), memory=memory())
        if item["metadata"]["name"].startswith("probe"):
            tell(seen=item["metadata"]["name"], value=item["spec"]["description"])


async def reconciler(copy: Copy) -> None:
    """The informer and the cluster of the controller."""
    informers: Any = importlib.import_module("reconciler.controller.informer")
    crds: Any = importlib.import_module("reconciler.controller.crds")
    clusters: Any = importlib.import_module("reconciler.controller.lightkube_cluster")
    async with clusters.open_cluster() as cluster:
        known: list[Any] = []

        def changed(_key: object, _before: object, after: Mapping[str, Any] | None) -> None:
            copy.changes += 1
            if after is not None:
                copy.note(after, len(known[0]))

        known.append(informers.Informer(cluster, crds.MODEL, None, changed))
        await known[0].run()


async def lightkube(copy: Copy) -> None:
    """Its own list and watch, and a loop around them."""
    client_module: Any = importlib.import_module("lightkube")
    generic: Any = importlib.import_module("lightkube.generic_resource")
    errors: Any = importlib.import_module("httpx2")
    model = generic.create_namespaced_resource(GROUP["group"], GROUP["version"], "Model", GROUP["plural"])
    client = client_module.AsyncClient()
    while True:
        try:
            found = client.list(model, namespace="*", chunk_size=PAGE)
            async for item in found:
                copy.put(item)
            async for kind, item in client.watch(model, namespace="*", resource_version=found.resourceVersion):
                copy.put(item, kind == "DELETED")
        except errors.HTTPError:
            await asyncio.sleep(1)


async def kubernetes_asyncio(copy: Copy) -> None:
    """Its CustomObjectsApi and its Watch, and a loop around them."""
    module: Any = importlib.import_module("kubernetes_asyncio")
    aiohttp: Any = importlib.import_module("aiohttp")
    await module.config.load_kube_config()
    async with module.client.ApiClient() as client:
        api = module.client.CustomObjectsApi(client)
        while True:
            try:
                following, version = "", ""
                while True:
                    page = await api.list_cluster_custom_object(**GROUP, limit=PAGE, _continue=following)
                    for item in page["items"]:
                        copy.put(item)
                    following, version = page["metadata"].get("continue", ""), page["metadata"]["resourceVersion"]
                    if not following:
                        break
                watch = module.watch.Watch()
                stream = watch.stream(api.list_cluster_custom_object, **GROUP, resource_version=version)
                async for event in stream:
                    copy.put(event["raw_object"], event["type"] == "DELETED")
            except (module.client.ApiException, aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(1)


async def kopf(copy: Copy) -> None:
    """Low-level events and an index alone: none of its handlers writes."""
    module: Any = importlib.import_module("kopf")

    @module.on.startup()
    async def configure(settings: Any, **_: Any) -> None:
        settings.posting.enabled = False
        settings.scanning.disabled = True
        settings.watching.inactivity_timeout = 90

    @module.index(GROUP["group"], GROUP["version"], GROUP["plural"], id="known")
    async def known(body: Any, **_: Any) -> Any:
        return {(body["metadata"]["namespace"], body["metadata"]["name"]): dict(body)}

    @module.on.event(GROUP["group"], GROUP["version"], GROUP["plural"])
    async def changed(body: Any, known: Any, **_: Any) -> None:
        copy.changes += 1
        copy.note(body, len(known))

    await module.operator(clusterwide=True, standalone=True)


CLIENTS: Final[dict[str, Callable[[Copy], Awaitable[None]]]] = {
    "reconciler": reconciler,
    "lightkube": lightkube,
    "kubernetes_asyncio": kubernetes_asyncio,
    "kopf": kopf,
}
MODULES: Final = {"reconciler": "reconciler.controller.lightkube_cluster"}


async def main(name: str, wanted: int) -> None:
    began = time.process_time()
    importlib.import_module(MODULES.get(name, name))
    tell(imported=time.process_time() - began, memory=memory())
    copy = Copy(wanted)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    running = asyncio.ensure_future(CLIENTS[name](copy))
    while await reader.readline():
        if running.done():
            running.result()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        tell(figures=copy.changes, cpu=time.process_time(), memory=memory(), peak=peak)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
