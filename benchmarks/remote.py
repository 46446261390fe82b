"""A registry on a real server, side by side with a bare loop of aiohttp: 500 models created, and 1,200 that stay as they are.

    python benchmarks/remote.py mlflow           or nemo; about five minutes; benchmarks/run.py does it too
    python benchmarks/remote.py mlflow --quick   one round of each
    python benchmarks/remote.py mlflow --plan    the 1,200 alone

Both sides ask one real server (tests/registry/<driver>; `make tools` installs it), each from a new process whose start is not counted. The loop
sends the very requests that we sent to create the models, as many at one time as the server likes best; beside a plan it makes the calls that
list what a plan has to know, and nothing else. The sides take turns, and each round creates in a workspace of its own. Of the creates, the least
of each side is compared; of the plans, which are many and short, each with the loop beside it, and what counts is the median of these pairs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from measuring import CACHE, ENVIRONMENT, HERE, ROOT, Row, busy, compile_ours, say, table

CREATED = 500
STORED = 1_200  # more than MLflow gives at once
PROBED = 100


@dataclass(frozen=True)
class Bench:
    """What is measured of one driver: a manifest, and how many times as long as the bare loop each job may take."""

    manifest: str
    creating: float
    planning: float
    widths: tuple[int, ...]  # requests at one time, of which the server likes one best


BENCHES = {
    "mlflow": Bench(
        """\
kind: mlflow/RegisteredModel
key: model-{number:04}
description: Answers questions about topic {number} for the team that asked for it, in a calm and friendly tone.
tags: {{team: team-{number}, tier: gold, cost_centre: '{number}'}}
""",
        creating=1.10,
        planning=1.3,
        widths=(2, 4, 8, 16),
    ),
    "nemo": Bench(
        """\
kind: nemo/Model
key: model-{number:04}
description: Answers questions about topic {number} for the team that asked for it, in a calm and friendly tone.
base_model: gpt-oss-120b
custom_fields: {{team: team-{number}, tier: gold, cost_centre: {number}}}
""",
        creating=1.15,
        planning=1.3,
        widths=(4, 8, 16, 32),
    ),
}
CONFIG = "owner: bench\nregistries:\n  it: {{driver: {driver}, url: {url}, workspace: {workspace}, concurrency: {width}, default: true}}\n"


class Took(NamedTuple):
    """What one round of one side took, in seconds: by the clock, and of CPU in its own process."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s ({self.cpu:.2f} of CPU)"


@dataclass(frozen=True)
class Server:
    """A running server of one driver, and a proxy to it that writes down what is sent."""

    driver: str
    process: subprocess.Popen[str]
    url: str
    proxy: str

    def order(self, words: str) -> str:
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def workspace(self) -> str:
        """The name of a new one."""
        return self.order("workspace")

    @property
    def bench(self) -> Bench:
        return BENCHES[self.driver]

    @property
    def folder(self) -> Path:
        return CACHE / self.driver


@contextmanager
def served(driver: str) -> Iterator[Server]:
    """A server with nothing in it. Raises SystemExit where it does not start."""
    data = CACHE / driver / "data"
    shutil.rmtree(data, ignore_errors=True)
    environment, pipe = ENVIRONMENT | {"PYTHONPATH": str(ROOT / "tests")}, subprocess.PIPE
    program = [sys.executable, HERE / "remote_served.py", driver, data]
    with subprocess.Popen(list(map(str, program)), stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        url, proxy = (process.stdout.readline().strip() for _ in range(2))
        if not proxy:
            raise SystemExit(f"the server of {driver} does not start; `make tools` installs it")
        yield Server(driver, process, url, proxy)


def project(server: Server, count: int, url: str, workspace: str, width: int) -> Path:
    """A project of so many models for one workspace, 100 in each file."""
    folder = server.folder / f"project-{count}"
    (folder / "manifests").mkdir(parents=True, exist_ok=True)
    for first in range(0, count, 100):
        numbers = range(first, min(first + 100, count))
        documents = [server.bench.manifest.format(number=number) for number in numbers]
        (folder / "manifests" / f"m{first:04}.yaml").write_text("---\n".join(documents))
    config = CONFIG.format(driver=server.driver, url=url, workspace=workspace, width=width)
    (folder / "reconciler.yaml").write_text(config)
    return folder


def seconds(server: Server, folder: Path, side: str, *words: str | int | Path) -> Took:
    """What one round of one side took. Raises SystemExit where it did not do what it was to do."""
    command = list(map(str, [sys.executable, HERE / "remote_side.py", server.driver, side, *words]))
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{side} {' '.join(map(str, words))} exited with {done.returncode}")
    return Took(*map(float, done.stdout.split()))


def requests_of(server: Server) -> Path:
    """The file of what we send: once through the proxy, which is not measured."""
    workspace = server.workspace()
    seconds(server, project(server, CREATED, server.proxy, workspace, server.bench.widths[-1]), "ours", "create")
    file = server.folder / "requests.json"
    server.order(f"requests {file} {workspace}")
    sent = json.loads(file.read_text())
    if len(sent) != CREATED:
        raise SystemExit(f"for {CREATED} models we wrote {len(sent)} times")
    (server.folder / "some.json").write_text(json.dumps(sent[:PROBED]))
    return file


def best_width(server: Server) -> int:
    """How many requests at one time the server answers fastest."""
    some = server.folder / "some.json"
    took = {
        width: seconds(server, CACHE, "bare", "create", server.url, server.workspace(), width, some).wall
        for width in server.bench.widths
    }
    say(", ".join(f"{width} at one time: {PROBED / wall:.0f} creates/s" for width, wall in took.items()))
    return min(took, key=took.__getitem__)


def creating(server: Server, rounds: int) -> tuple[Row, int]:
    """The line of the creates, and how many at one time were best."""
    file = requests_of(server)
    width = best_width(server)
    ours, bare = [], []
    for _ in range(rounds):
        folder = project(server, CREATED, server.url, server.workspace(), width)
        ours.append(seconds(server, folder, "ours", "create"))
        bare.append(seconds(server, folder, "bare", "create", server.url, server.workspace(), width, file))
        say(f"{CREATED} creates: {ours[-1]}, bare {bare[-1]}")
    what = f"{server.driver}: {CREATED} models created, {width} at one time"
    ratio, bar = min(ours).wall / min(bare).wall, server.bench.creating
    return _row(what, ours, bare, f"{ratio:.2f} × (at most {bar:g})", holds=ratio <= bar), width


def planning(server: Server, rounds: int, width: int) -> Row:
    workspace = server.workspace()
    folder = project(server, STORED, server.url, workspace, width)
    seconds(server, folder, "ours", "create")
    ours, bare = [], []
    for _ in range(rounds):
        ours.append(seconds(server, folder, "ours", "plan"))
        bare.append(seconds(server, folder, "bare", "plan", server.url, workspace))
        say(f"plan: {ours[-1]}, bare {bare[-1]}")
    median = statistics.median(one.wall / other.wall for one, other in zip(ours, bare, strict=True))
    bar, least = server.bench.planning, min(ours).wall / min(bare).wall
    told = f"{median:.2f} × (at most {bar:g}; median of {rounds} pairs, the least of each side {least:.2f} ×)"
    return _row(f"{server.driver}: no-op plan of {STORED:,} models", ours, bare, told, holds=median <= bar)


def _row(what: str, ours: list[Took], bare: list[Took], told: str, *, holds: bool) -> Row:
    return Row(what, f"{min(ours).wall:.2f} s", f"bare aiohttp {min(bare).wall:.2f} s", told, holds)


def rows(driver: str, *, quick: bool, only_plan: bool = False) -> list[Row]:
    """The lines of the table. Raises SystemExit where the server is not installed."""
    with served(driver) as server:
        if only_plan:
            return [planning(server, 3 if quick else 10, server.bench.widths[1])]
        created, width = creating(server, 1 if quick else 2)
        return [created, planning(server, 3 if quick else 10, width)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("driver", choices=sorted(BENCHES))
    parser.add_argument("--quick", action="store_true", help="one round of each")
    parser.add_argument("--plan", action="store_true", help="no creates, only the plan")
    chosen = parser.parse_args()
    compile_ours()
    say(busy())
    found = rows(chosen.driver, quick=chosen.quick, only_plan=chosen.plan)
    say(busy())
    return 0 if table(found) else 1


if __name__ == "__main__":
    sys.exit(main())
