"""NeMo Platform, side by side with a bare loop of aiohttp: 500 models created, and 1,200 that stay as they are.

    python benchmarks/nemo.py            about five minutes; benchmarks/run.py does it too
    python benchmarks/nemo.py --quick    one round of each

Both sides ask one real server (tests/registry/nemo; `make tools` installs it), each from a new process whose start is not counted. The loop
posts the very bodies that we posted, as many at one time as the server likes best; beside a plan it makes the calls that list the models, and
nothing else. The sides take turns, and each round creates in a workspace of its own.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measuring import CACHE, ENVIRONMENT, HERE, ROOT, Row, busy, compile_ours, say, table

CREATED = 500
STORED = 1200
PROBED = 100
WIDTHS = (4, 8, 16, 32)  # requests at one time, of which the server likes one best
CREATING = 1.15  # times as long as the bare loop, at most
PLANNING = 1.5

MODEL = """\
kind: nemo/Model
key: model-{number:04}
description: Answers questions about topic {number} for the team that asked for it, in a calm and friendly tone.
base_model: gpt-oss-120b
custom_fields: {{team: team-{number}, tier: gold, cost_centre: {number}}}
"""
CONFIG = "owner: bench\nregistries:\n  nemo: {{driver: nemo, url: {url}, workspace: {workspace}, concurrency: {width}, default: true}}\n"


@dataclass(frozen=True)
class Server:
    """A running server, and a proxy to it that writes down what is posted."""

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


@contextmanager
def served() -> Iterator[Server]:
    """A server with nothing in it. Raises SystemExit where it does not start."""
    data = CACHE / "nemo" / "data"
    shutil.rmtree(data, ignore_errors=True)
    environment, pipe = ENVIRONMENT | {"PYTHONPATH": str(ROOT / "tests")}, subprocess.PIPE
    program = [sys.executable, HERE / "nemo_served.py", data]
    with subprocess.Popen(list(map(str, program)), stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        url, proxy = (process.stdout.readline().strip() for _ in range(2))
        if not proxy:
            raise SystemExit("the NeMo server does not start; `make tools` installs it")
        yield Server(process, url, proxy)


def project(count: int, url: str, workspace: str, width: int) -> Path:
    """A project of so many models for one workspace, 100 in each file."""
    folder = CACHE / "nemo" / f"project-{count}"
    (folder / "manifests").mkdir(parents=True, exist_ok=True)
    for first in range(0, count, 100):
        documents = [MODEL.format(number=number) for number in range(first, min(first + 100, count))]
        (folder / "manifests" / f"m{first:04}.yaml").write_text("---\n".join(documents))
    (folder / "reconciler.yaml").write_text(CONFIG.format(url=url, workspace=workspace, width=width))
    return folder


def seconds(folder: Path, *words: str | int | Path) -> float:
    """What one round of one side took. Raises SystemExit where it did not do what it was to do."""
    program = [sys.executable, HERE / "nemo_side.py", *words]
    command = list(map(str, program))
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, words))} exited with {done.returncode}")
    return float(done.stdout)


# --- measuring --------------------------------------------------------------------------------------------------


def bodies_of(server: Server) -> Path:
    """The file of what we post: once through the proxy, which is not measured."""
    seconds(project(CREATED, server.proxy, server.workspace(), WIDTHS[-1]), "ours", "create")
    file = CACHE / "nemo" / "bodies.json"
    server.order(f"bodies {file}")
    bodies = json.loads(file.read_text())
    if len(bodies) != CREATED:
        raise SystemExit(f"for {CREATED} models we wrote {len(bodies)} times")
    (CACHE / "nemo" / "some.json").write_text(json.dumps(bodies[:PROBED]))
    return file


def best_width(server: Server) -> int:
    """How many requests at one time the server answers fastest."""
    some = CACHE / "nemo" / "some.json"
    took = {width: seconds(CACHE, "bare", "create", server.url, server.workspace(), width, some) for width in WIDTHS}
    say(", ".join(f"{width} at one time: {PROBED / wall:.0f} creates/s" for width, wall in took.items()))
    return min(took, key=took.__getitem__)


def creating(server: Server, rounds: int) -> Row:
    file = bodies_of(server)
    width = best_width(server)
    ours, bare = [], []
    for _ in range(rounds):
        folder = project(CREATED, server.url, server.workspace(), width)
        ours.append(seconds(folder, "ours", "create"))
        bare.append(seconds(folder, "bare", "create", server.url, server.workspace(), width, file))
        say(f"{CREATED} creates: {ours[-1]:.2f} s, bare {bare[-1]:.2f} s")
    return _row(f"NeMo: {CREATED} models created, {width} at one time", ours, bare, CREATING)


def planning(server: Server, rounds: int) -> Row:
    workspace = server.workspace()
    folder = project(STORED, server.url, workspace, WIDTHS[-2])
    seconds(folder, "ours", "create")
    ours, bare = [], []
    for _ in range(rounds):
        ours.append(seconds(folder, "ours", "plan"))
        bare.append(seconds(folder, "bare", "plan", server.url, workspace))
    return _row(f"NeMo: no-op plan of {STORED:,} models", ours, bare, PLANNING)


def _row(what: str, ours: list[float], bare: list[float], bar: float) -> Row:
    ratio = min(ours) / min(bare)
    peer = f"bare aiohttp {min(bare):.2f} s"
    return Row(what, f"{min(ours):.2f} s", peer, f"{ratio:.2f} × (at most {bar:g})", ratio <= bar)


def rows(*, quick: bool) -> list[Row]:
    """The lines of the table. Raises SystemExit where the server is not installed."""
    with served() as server:
        say(f"NeMo, {CREATED} models created")
        created = creating(server, 1 if quick else 2)
        say(f"NeMo, a plan of {STORED:,} models")
        return [created, planning(server, 3 if quick else 10)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="one round of each")
    quick = parser.parse_args().quick
    compile_ours()
    say(busy())
    found = rows(quick=quick)
    say(busy())
    return 0 if table(found) else 1


if __name__ == "__main__":
    sys.exit(main())
