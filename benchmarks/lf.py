"""AI GO!, side by side with its own client `lf`: 500 models created, unchanged and all updated, without latency and with 50 ms.

    python benchmarks/lf.py            about five minutes; benchmarks/run.py does it too
    python benchmarks/lf.py --quick    one round of each

Both sides write equal models to the same emulator (tests/registry/aigo), in a process of its own that counts requests and
connections; that a side did the whole work, and no more, is checked there. `lf` is the one that the tests use (`make tools`).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from measuring import CACHE, ENVIRONMENT, HERE, ROOT, Figure, Row, busy, compile_ours, least, measure, say, table

from reconciler.registry.settings import CONCURRENCY

PROGRAM = ROOT / ".cache" / "tools" / "lf" / "bin" / "lf"
KEY = "key-of-the-benchmark"
SECRET = "LLM_KEY"
COUNT = 500
LATENCIES = (0.0, 0.05)  # seconds
WIDE = 32  # requests at one time; beside the default
TIMES = 8  # as fast as lf, at least, where there is latency
MILLISECONDS = 1.0  # of CPU for each write, at most

MODEL = """\
key: model-{number:03}
display_name: Model number {number}
description: Answers questions about topic {number}, {edition} edition.
rate_limit: 60
max_concurrent_requests: 4
task: chat_completion
config:
  connection_type: custom_connection
  adapter: {{key: latticeflow$openai_chat_completion}}
  url: https://llm-{number}.example.com/v1/chat/completions
  model_key: gpt-oss-120b
  custom_headers: {{X-Team: team-{number}}}
  api_key: """
CONFIG = """\
owner: bench
registries:
  aigo: {driver: latticeflow, default: true}
"""


class Case(NamedTuple):
    """What is measured: `edition` of the files, and the method of the `COUNT` writes that it takes, if it takes any."""

    name: str
    edition: str
    method: str | None


CREATED, UNCHANGED, UPDATED = CASES = (
    Case("created", "first", "POST"),
    Case("unchanged", "first", None),
    Case("all updated", "second", "PUT"),
)


class Client(NamedTuple):
    """A program that writes the models of the folder it runs in, and its rounds at each latency."""

    name: str
    command: Sequence[str | Path]
    rounds: Sequence[int]


class Asked(NamedTuple):
    """What the server counted in one run: requests by method, connections accepted, the most requests at one time."""

    requests: Mapping[str, int]
    connections: int
    peak: int


class Measured(NamedTuple):
    figure: Figure
    asked: Asked


@dataclass(frozen=True)
class Server:
    """A running emulator, and the environment in which a client finds it."""

    process: subprocess.Popen[str]
    environment: Mapping[str, str]

    def order(self, word: str) -> str:
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def count(self) -> Asked:
        """Since the last time."""
        return Asked(**json.loads(self.order("count")))


# --- both sides' files, and the server --------------------------------------------------------------------------


def editions() -> Path:
    """A folder of two editions. `<edition>/` is a project of ours, `<edition>/models/` holds the equal files for lf."""
    folder = CACHE / "aigo"
    for edition in ("first", "second"):
        for name in ("manifests", "models"):
            (folder / edition / name).mkdir(parents=True, exist_ok=True)
        (folder / edition / "reconciler.yaml").write_text(CONFIG)
        for number in range(COUNT):
            model, file = MODEL.format(number=number, edition=edition), f"m{number:03}.yaml"
            ours = f"kind: latticeflow/Model\n{model}{{name: {SECRET}}}\n"
            (folder / edition / "manifests" / file).write_text(ours)
            (folder / edition / "models" / file).write_text(f"{model}<< secrets.{SECRET} >>\n")
    return folder


@contextmanager
def served(latency: float, home: Path) -> Iterator[Server]:
    """An emulator that holds the secret and the built-in adapters, and no models. `latency` is in seconds."""
    program = [sys.executable, HERE / "counted.py", KEY, str(latency), SECRET]
    environment = ENVIRONMENT | {"PYTHONPATH": str(ROOT / "tests")}
    pipe = subprocess.PIPE
    with subprocess.Popen(program, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        url = process.stdout.readline().strip()
        theirs = ("LF_", "RECONCILER_")
        rest = {name: value for name, value in ENVIRONMENT.items() if not name.startswith(theirs)}
        yield Server(process, rest | {"LF_URL": url, "LF_API_KEY": KEY, "HOME": str(home)})


# --- measuring --------------------------------------------------------------------------------------------------


class Results:
    """What was measured of each client in each case, at each latency."""

    def __init__(self, clients: Sequence[Client], folder: Path) -> None:
        """The clients take turns, so that what else the machine does falls on all of them."""
        self._found: dict[tuple[str, Case, float], list[Measured]] = defaultdict(list)
        for index, latency in enumerate(LATENCIES):
            say(f"AI GO!, {COUNT} models, {latency * 1000:.0f} ms of latency")
            with served(latency, folder) as server:
                for number in range(max(client.rounds[index] for client in clients)):
                    for client in clients:
                        if number < client.rounds[index]:
                            self._round(client, latency, server, folder)

    def _round(self, client: Client, latency: float, server: Server, folder: Path) -> None:
        """Every case once, from an empty registry on. Raises SystemExit where a client did not do what it was to do."""
        server.order("empty")
        for case in CASES:
            server.count()
            figure = measure(client.command, folder / case.edition, environment=server.environment)
            asked = server.count()
            writes = {method: count for method, count in asked.requests.items() if method != "GET"}
            if writes != ({case.method: COUNT} if case.method else {}):
                raise SystemExit(f"{client.name}, {COUNT} models, {case.name}: it wrote {writes}")
            self._found[client.name, case, latency].append(Measured(figure, asked))

    def least(self, client: str, case: Case, latency: float) -> Figure:
        return least(one.figure for one in self._found[client, case, latency])

    def each_write(self, client: str, case: Case) -> float:
        """Milliseconds of CPU: what the writes cost more than finding that there is nothing to do."""
        more = self.least(client, case, 0.0).cpu - self.least(client, UNCHANGED, 0.0).cpu
        return more / COUNT * 1000

    def asked(self, client: str, case: Case) -> list[Asked]:
        """What the server counted, in every round."""
        return [one.asked for latency in LATENCIES for one in self._found[client, case, latency]]


# --- the table --------------------------------------------------------------------------------------------------


def rows(bin_: Path, *, quick: bool) -> list[Row]:
    """The lines of the table. Raises SystemExit where lf is not installed."""
    if not PROGRAM.is_file():
        raise SystemExit("missing: .cache/tools/lf; `make tools` installs it")
    folder = editions()
    apply = (bin_ / "reconciler", "apply", "--yes")
    few, many = (
        ((1, 1), (1, 1)) if quick else ((2, 2), (5, 2))
    )  # as many where the two are compared: more find a lower least
    clients = (
        Client("reconciler", apply, many),
        Client("wide", (*apply, "--concurrency", str(WIDE)), many),
        Client("lf", (PROGRAM, "add", "model", "-f", "models/*.yaml"), few),
    )
    rounds = 2 if quick else 7
    ours, theirs = (measure([program, "--help"], folder, rounds) for program in (apply[0], PROGRAM))
    results = Results(clients, folder)
    return [
        Row(
            "AI GO!: `--help`",
            f"{ours.wall:.2f} s, {ours.cpu:.2f} s CPU",
            f"`lf` {theirs.wall:.2f} s, {theirs.cpu:.2f} s CPU",
        ),
        *(_speed(results, case, latency) for latency in LATENCIES for case in CASES),
        *(_cost(results, case) for case in (CREATED, UPDATED)),
        *(_connections(results, case) for case in (CREATED, UPDATED)),
    ]


def _speed(results: Results, case: Case, latency: float) -> Row:
    ours, wide, theirs = (results.least(client, case, latency) for client in ("reconciler", "wide", "lf"))
    ratio = theirs.wall / ours.wall
    barred = latency > 0 and case.method is not None
    return Row(
        f"AI GO!: {COUNT} models, {case.name}, {latency * 1000:.0f} ms of latency",
        f"{ours.wall:.2f} s, {ours.cpu:.2f} s CPU ({WIDE} at one time: {wide.wall:.2f} s)",
        f"`lf` {theirs.wall:.2f} s, {theirs.cpu:.2f} s CPU",
        f"{ratio:.1f} × faster (at least {TIMES})" if barred else "",
        ratio >= TIMES or not barred,
    )


def _cost(results: Results, case: Case) -> Row:
    ours, wide, theirs = (results.each_write(client, case) for client in ("reconciler", "wide", "lf"))
    return Row(
        f"AI GO!: CPU for each model, {case.name}",
        f"{ours:.2f} ms ({WIDE} at one time: {wide:.2f} ms)",
        f"`lf` {theirs:.1f} ms",
        f"at most {MILLISECONDS:g} ms",
        max(ours, wide) <= MILLISECONDS,
    )


def _connections(results: Results, case: Case) -> Row:
    ours, wide, theirs = (results.asked(client, case) for client in ("reconciler", "wide", "lf"))
    most, most_wide = (max(max(asked.connections, asked.peak) for asked in found) for found in (ours, wide))
    return Row(
        f"AI GO!: requests and connections, {COUNT} models, {case.name}",
        f"{_requests(ours)} and {most} ({WIDE} at one time: {most_wide})",
        f"`lf` {_requests(theirs)} and {max(asked.connections for asked in theirs)}",
        f"at most {CONCURRENCY} and {WIDE} connections",
        most <= CONCURRENCY and most_wide <= WIDE,
    )


def _requests(found: Sequence[Asked]) -> int:
    return max(sum(asked.requests.values()) for asked in found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="one round of each")
    quick = parser.parse_args().quick
    say(busy())
    found = rows(compile_ours(), quick=quick)
    say(busy())
    return 0 if table(found) else 1


if __name__ == "__main__":
    sys.exit(main())
