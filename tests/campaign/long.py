"""The long run: `python -m campaign.long --seconds 3600`. One engine process lives through it all, and must not grow.

Each round somebody edits manifests, a stranger changes or deletes what stands in the registries, the server may flap, and two appliers run at
the same moment. At the end all is quiet, and two runs at most bring everything to rest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from campaign.footprint import Footprint, footprint, grown, medians
from registry.aigo.server import aigo
from registry.nemo_proxy import Passed, Proxy, proxied
from world import Document, World, model

KEYS: Final = tuple(f"model-{number:02}" for number in range(12))
FEWEST: Final = 4  # manifests that stay
CONFIG: Final = """\
owner: us
registries:
  local: {{driver: local, path: registry.db, default: true}}
  aigo: {{driver: latticeflow, url: '{url}', api_key: '${{file:aigo.key}}', owns: ['model-[0-9]*'], default: true}}
"""
STRANGE: Final = "model-of-others"


class Engine:
    """One applier, in a process of its own."""

    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("long_engine.py")), str(root)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.answer()

    def start(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("apply\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, int]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the engine ended with {self.process.wait()}")
        found: dict[str, int] = json.loads(line)
        return found

    def end(self) -> None:
        self.process.communicate()


@dataclass
class LongRun:
    """A project, its registries, and those who work on it. `came_to` counts how runs ended, `flaps` what the server did."""

    root: Path
    chance: random.Random
    proxy: Proxy
    stranger: World
    engines: tuple[Engine, Engine]
    found: list[Footprint] = field(default_factory=list)
    came_to: Counter[str] = field(default_factory=Counter)
    flaps: Counter[str] = field(default_factory=Counter)

    async def round(self) -> None:
        self._edit()
        await self._drift()
        self._flap()
        for engine in self.engines:
            engine.start()
        for engine in self.engines:
            answer = await asyncio.to_thread(engine.answer)
            self.came_to.update(answer)
        self.proxy.faults.clear()
        self.proxy.passed.clear()
        self.found.append(footprint(self.engines[0].process.pid, self.root))

    def _edit(self) -> None:
        """Changes, removes or adds one to three manifests."""
        for key in self.chance.sample(KEYS, self.chance.randint(1, 3)):
            file = self.root / "manifests" / f"{key}.json"
            there = len(list(file.parent.glob("*.json")))
            if file.exists() and there > FEWEST and self.chance.random() < 0.3:
                file.unlink()
            else:
                write(self.root, key, f"Number {self.chance.randrange(10_000)}.")

    async def _drift(self) -> None:
        """Somebody changes or deletes one of our objects, straight in the registries."""
        key = self.chance.choice(KEYS)
        here = (self.root / "manifests" / f"{key}.json").exists()
        what = self.chance.choice(("changes", "deletes", "nothing"))
        if here and what == "changes":
            await self.stranger.apply(declared(key, "By hand."), complete=False)
        elif here and what == "deletes":
            gone = {"kind": "Model", "key": key, "state": "absent"}
            await self.stranger.apply(gone, complete=False, allow_deletes=9)

    def _flap(self) -> None:
        """The server refuses, breaks off or forgets to answer some requests of this round."""
        what = self.chance.choice(("well", "well", "down", "busy", "lost", "forgetful"))
        nth, times = self.chance.randint(1, 12), self.chance.randint(1, 3)
        self.flaps[what] += 1
        if what == "down":
            self.proxy.lose(done=False, nth=nth, times=times, of=_every)
        elif what == "busy":
            self.proxy.answer(503, nth=nth, times=times, of=_every)
        elif what == "lost":
            self.proxy.lose(done=False, nth=nth)
        elif what == "forgetful":
            self.proxy.lose(done=True, nth=nth)

    async def rest(self) -> list[str]:
        """What is wrong once all is quiet and two runs were made: what is left to do, and what became of others' objects."""
        for _ in range(2):
            self.engines[0].start()
            last = await asyncio.to_thread(self.engines[0].answer)
        self.engines[0].start()
        again = await asyncio.to_thread(self.engines[0].answer)
        wrong = [f"still something to do after two quiet runs: {again}, after {last}"] if again else []
        remote = await self.stranger.remote()
        wanted = {file.stem for file in (self.root / "manifests").glob("*.json")} | {STRANGE}
        for name, listing in remote.listings.items():
            stored = [one for one in listing.resources if one.address.kind == "Model"]
            keys = sorted(one.address.key for one in stored)
            if keys != sorted(wanted):
                wrong.append(f"{name} holds {keys}, and not {sorted(wanted)}")
            wrong.extend(
                f"{one.address} is no longer as others made it"
                for one in stored
                if one.address.key == STRANGE and one.spec.get("description") != "Theirs."
            )
        return wrong


def declared(key: str, description: str) -> Document:
    return model(key, display_name=key, description=description)


def write(root: Path, key: str, description: str) -> None:
    (root / "manifests" / f"{key}.json").write_text(json.dumps(declared(key, description)), "utf-8")


def _every(_: Passed) -> bool:
    return True


@contextmanager
def project() -> Iterator[tuple[Path, Proxy, dict[str, dict[str, Any]]]]:
    """A project of two registries, one of them behind a proxy; and its registries as the stranger reaches them."""
    with tempfile.TemporaryDirectory() as folder, aigo() as server, proxied(server.url) as proxy:
        server.records = False
        root = Path(folder)
        (root / "manifests").mkdir()
        (root / "aigo.key").write_text(server.key, "utf-8")
        (root / "reconciler.yaml").write_text(CONFIG.format(url=proxy.url), "utf-8")
        entries = {
            "local": {"driver": "local", "path": "registry.db"},
            "aigo": {"driver": "latticeflow", "url": server.url, "api_key": "${file:aigo.key}"},
        }
        yield root, proxy, entries


async def lived(seed: int, *, rounds: int, seconds: float) -> tuple[LongRun, list[str]]:
    """A run of so many rounds, or until the time is over: all that was found, and what is wrong."""
    with project() as (root, proxy, entries):
        async with AsyncExitStack() as stack:
            stranger = await stack.enter_async_context(World.of(root=root, **entries))
            await stranger.as_owner("them").apply(declared(STRANGE, "Theirs."), complete=False)
            for key in KEYS[: len(KEYS) // 2]:
                write(root, key, "The first one.")
            run = LongRun(root, random.Random(f"long {seed}"), proxy, stranger, (Engine(root), Engine(root)))
            for engine in run.engines:
                stack.callback(engine.end)
            deadline = time.monotonic() + seconds
            while len(run.found) < rounds and time.monotonic() < deadline:
                await run.round()
            return run, await run.rest()


def main() -> int:
    parser = argparse.ArgumentParser(prog="campaign.long", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3_600)
    parser.add_argument("--rounds", type=int, default=1_000_000, help="at most")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    run, wrong = asyncio.run(lived(given.seed, rounds=given.rounds, seconds=given.seconds))
    wrong += grown(run.found)
    print(f"{len(run.found)} rounds from seed {given.seed}")
    print("  runs ended: " + ", ".join(f"{what} {count}" for what, count in sorted(run.came_to.items())))
    print("  the server: " + ", ".join(f"{what} {count}" for what, count in sorted(run.flaps.items())))
    for name, (second, last) in medians(run.found).items():
        print(f"  {name}: {second:g} in the second quarter, {last:g} in the last")
    print(f"  at the end: {asdict(run.found[-1])}")
    print("\n".join(wrong) or "flat, and at rest")
    return min(len(wrong), 1)


if __name__ == "__main__":
    sys.exit(main())
