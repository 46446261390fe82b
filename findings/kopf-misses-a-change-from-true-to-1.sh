#!/bin/sh
# kopf 1.45.2 (PyPI): a field that goes from true to 1, from 1 to 1.0 or from [0] to [false] has not changed.
#
# kopf finds what changed in an object with Python's `==`, for which True, 1 and 1.0 are one value, inside lists and
# maps, too. An edit that changes nothing but that calls no handler of updates, and the annotation
# `last-handled-configuration` keeps the old value; the new one comes along with the next edit of another field. Types
# are left open by `x-kubernetes-preserve-unknown-fields`, as for the values of a chart or a model's parameters.
#
# Consequence: an operator that hands such a map on, to JSON or a template, goes on with the old value, and the object
# says that it is handled. A handler of raw events (@kopf.on.event) sees the edit.
#
# The API server of this script is a stub that stores, patches and watches one object.
#
# Seen on 2026-11-29, Python 3.11:
#   created:       [('create', {'stream': True, 'n': 1, 'stop': [0]})]
#   types changed: []
#   n is 2:        [('update', {'stream': 1, 'n': 2, 'stop': [False]})]
#   raw event:     1
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'kopf==1.45.2' 'aiohttp==3.14.5'
cat > "$dir/see.py" <<'PY'
import asyncio
import copy
import json
import sys

import kopf
from aiohttp import web

VERSION = {"groupVersion": "example.com/v1", "version": "v1"}
KIND = {"name": "models", "singularName": "model", "namespaced": True, "kind": "Model"}
NAMESPACE = {"name": "namespaces", "singularName": "", "namespaced": False, "kind": "Namespace", "verbs": ["list"]}
OBJECT = {
    "apiVersion": "example.com/v1",
    "kind": "Model",
    "metadata": {"name": "one", "namespace": "default", "uid": "u", "resourceVersion": "1", "generation": 1},
    "spec": {"parameters": {"stream": True, "n": 1, "stop": [0]}},
}
CALLS = []
RAW = []
WATCHES = []


@kopf.on.create("example.com", "v1", "models")
@kopf.on.update("example.com", "v1", "models")
def handle(reason, spec, **_):
    CALLS.append((str(reason), dict(spec["parameters"])))


@kopf.on.event("example.com", "v1", "models")
def raw(spec, **_):
    RAW.append(spec["parameters"]["stream"])


def store(changes, generation=0):
    def merge(target, patch):
        for key, value in patch.items():
            if isinstance(value, dict):
                merge(target.setdefault(key, {}), value)
            elif value is None:
                target.pop(key, None)
            else:
                target[key] = value

    merge(OBJECT, changes)
    metadata = OBJECT["metadata"]
    metadata["generation"] += generation
    metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)
    for watch in WATCHES:
        watch.put_nowait({"type": "MODIFIED", "object": copy.deepcopy(OBJECT)})


async def discovery(_):
    group = {"name": "example.com", "versions": [VERSION], "preferredVersion": VERSION}
    return web.json_response({"versions": ["v1"], "groups": [group], "resources": [NAMESPACE]})


async def resources(_):
    return web.json_response({"resources": [{**KIND, "verbs": ["list", "watch", "patch", "get"]}]})


async def models(request):
    if "watch" not in request.query:
        version = {"resourceVersion": OBJECT["metadata"]["resourceVersion"]}
        return web.json_response({"kind": "ModelList", "metadata": version, "items": [OBJECT]})
    answer = web.StreamResponse()
    await answer.prepare(request)
    watch = asyncio.Queue()
    WATCHES.append(watch)
    while True:
        await answer.write(json.dumps(await watch.get()).encode() + b"\n")


async def patch(request):
    store(await request.json())
    return web.json_response(OBJECT)


async def called(seconds):
    for _ in range(seconds * 10):
        if CALLS:
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    found = CALLS.copy()
    CALLS.clear()
    return found


async def main():
    app = web.Application()
    path = "/apis/example.com/v1"
    app.router.add_get(path, resources)
    app.router.add_get(f"{path}/namespaces/default/models", models)
    app.router.add_patch(f"{path}/namespaces/default/models/one", patch)
    app.router.add_get("/{rest:apis?|api/v1}", discovery)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]

    @kopf.on.login()
    def login(**_):
        return kopf.ConnectionInfo(server=f"http://127.0.0.1:{port}", token="none")

    @kopf.on.startup()
    def configure(settings, **_):
        settings.scanning.disabled = True
        settings.posting.enabled = False

    stop = asyncio.Event()
    operator = asyncio.create_task(kopf.operator(namespaces=["default"], standalone=True, stop_flag=stop))
    seen = [await called(60)]
    store({"spec": {"parameters": {"stream": 1, "n": 1.0, "stop": [False]}}}, generation=1)
    seen.append(await called(5))
    raw_last = RAW[-1]
    store({"spec": {"parameters": {"n": 2}}}, generation=1)
    seen.append(await called(30))
    stop.set()
    await asyncio.wait([operator], timeout=10)
    await runner.cleanup()
    for words, calls in zip(("created:", "types changed:", "n is 2:"), seen):
        print(f"{words:14} {calls}")
    print("raw event:    ", raw_last)
    sys.exit([len(calls) for calls in seen] != [1, 0, 1] or raw_last is True)


asyncio.run(main())
PY
cd "$dir"
"$dir/venv/bin/python" see.py
