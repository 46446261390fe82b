"""Several processes at one file of the registry `local`, and processes that die."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from programs import HANGS

PREAMBLE = """
import asyncio, itertools, sys
from pathlib import Path
from reconciler.core.errors import StaleObjectError
from reconciler.registry.protocol import Write
from reconciler.registry.local import KINDS
from reconciler.registry.local.store import connect
from reconciler.core.resource import Address, Resource

path, name = Path(sys.argv[1]), sys.argv[2]

def made(key, number, current=None):
    return Write(Resource(Address("local", "Model", key), {"metadata": {"n": number}}), current, actor=name)
"""

# makes each of 40 objects that the others have not made, and adds 60 to a counter that all share
COMPETE = """
async def add(registry):
    counter = Address("local", "Model", "counter")
    while True:
        current = await registry.get(counter)
        try:
            if current is None:
                return await registry.create(made("counter", 1))
            return await registry.update(made("counter", current.spec["metadata"]["n"] + 1, current))
        except StaleObjectError:
            pass

async def main():
    async with connect(path, KINDS) as registry:
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(60):
            await add(registry)
            if number < 40:
                try:
                    await registry.create(made(f"key-{number}", number))
                    print(f"key-{number}")
                except StaleObjectError:
                    pass

asyncio.run(main())
"""

# makes and changes objects until it is killed, and says so only when the registry has said so
ENDLESS = """
async def main():
    async with connect(path, KINDS) as registry:
        async def work(keys):
            for key in keys:
                first = await registry.create(made(key, 1))
                print(key, 1, flush=True)
                await registry.update(made(key, 2, first))
                print(key, 2, flush=True)
        keys = (f"{name}-{number}" for number in itertools.count())
        await asyncio.gather(*(work(keys) for _ in range(8)))

asyncio.run(main())
"""


def start(script: str, path: Path, name: str) -> "subprocess.Popen[str]":
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PREAMBLE + script, str(path), name]
    return subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def query(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def test_writers_lose_nothing_of_each_others(tmp_path: Path) -> None:
    """Of several processes that write one new file at once, exactly one wins each race, and no update is lost."""
    path = tmp_path / "registry.db"
    processes = [start(COMPETE, path, f"p{number}") for number in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    wins: Counter[str] = Counter()
    for process in processes:
        output, _ = process.communicate(timeout=HANGS)
        assert process.returncode == 0
        wins.update(output.split())
    assert wins == Counter(f"key-{number}" for number in range(40))
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    assert query(path, "PRAGMA foreign_key_check") == []
    assert query(path, "SELECT revision FROM object WHERE key = 'counter'") == [(180,)]
    last = (
        "SELECT r.spec FROM revision r JOIN object o ON o.id = r.object_id WHERE o.key = 'counter' ORDER BY r.revision"
    )
    assert [text for (text,) in query(path, last)] == [f'{{"metadata":{{"n":{n}}}}}' for n in range(1, 181)]
    assert query(path, "SELECT DISTINCT actor FROM revision ORDER BY 1") == [("p0",), ("p1",), ("p2",)]


def test_killed_writer_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    """Killed at any moment, a process leaves a sound file with every write that it reported, and none in half."""
    path = tmp_path / "registry.db"
    chance = random.Random(20261120)
    acknowledged: dict[str, int] = {}
    for number in range(6):
        process = start(ENDLESS, path, f"r{number}")
        assert process.stdout is not None
        counted = chance.randint(2, 60)  # not a time: a busy machine may do nothing in it
        lines = [process.stdout.readline() for _ in range(counted)]
        time.sleep(chance.uniform(0, 0.02))
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
        process.communicate()
        for line in lines:
            if line.endswith("\n"):
                key, revision = line.split()
                acknowledged[key] = int(revision)
        assert query(path, "PRAGMA integrity_check") == [("ok",)]
    stored: dict[str, int] = dict(query(path, "SELECT key, revision FROM object"))
    assert len(acknowledged) > 6
    assert {key for key, revision in acknowledged.items() if stored.get(key, 0) < revision} == set()
    halves = """SELECT o.key FROM object o WHERE o.revision <> (SELECT max(revision) FROM revision WHERE object_id = o.id)
        OR o.revision <> (SELECT count(*) FROM revision WHERE object_id = o.id)"""
    assert query(path, halves) == []
