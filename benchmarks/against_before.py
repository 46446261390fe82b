"""This tree against an older commit of it, both built here and now: the figures of docs/performance.md that are ratios.

    python benchmarks/against_before.py            10,000 manifests, seven pairs
    python benchmarks/against_before.py --quick    1,000 manifests, three pairs

Each side is installed into a virtual environment of its own under .cache, from its own files. A pair is both sides one after the
other, the first of them in turns; CPU is user + system of the whole process tree. The ratio of a job is the median of its pairs'
ratios, so that what else the machine does meanwhile falls on both. The table goes to stdout as Markdown, talk to stderr. Exits with
1 where a row is missed.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from measuring import CACHE, ENVIRONMENT, ROOT, Figure, Row, busy, measure, say, table, virtual_environment
from run import CONFIG, MANIFEST

BEFORE = "188cd58"
# so short that 50,000 of them fit into one file, of which at most 8 MiB are read
SHORT = "kind: Model\nkey: model-{number:05}\nendpoint: {{url: https://llm-{host}.example.com/v1, model: gpt-{team}}}\n"
STATE = ("registry.db", "registry.db-wal", "registry.db-shm")


@dataclass(frozen=True)
class Side:
    """One of the two: its programs, its copy of the project, and a home of its own, where the key of its cache lies."""

    name: str
    programs: Path
    folder: Path

    def run(self, *words: str, before: Callable[[], object] = lambda: None) -> Figure:
        home = self.folder / "home"
        environment = {**ENVIRONMENT, "HOME": str(home), "XDG_CACHE_HOME": str(home)}
        program = self.programs / "reconciler"
        return measure([program, *words], self.folder, before=before, environment=environment)

    def forget(self) -> None:
        """Remove the registry and the cache: what comes next meets the manifests for the first time."""
        self._forget_state()
        shutil.rmtree(self.folder / ".reconciler", ignore_errors=True)

    def forget_registry(self) -> None:
        """Remove the registry, after a plan: as where a pull request was planned, and is applied once it is merged."""
        self._forget_state()
        self.run("plan")

    def _forget_state(self) -> None:
        for name in STATE:
            (self.folder / name).unlink(missing_ok=True)

    def forget_cache(self) -> None:
        shutil.rmtree(self.folder / ".reconciler", ignore_errors=True)


@dataclass(frozen=True)
class Job:
    """What is measured on both sides. `at_most` is the target of its ratio, None where it is only told."""

    name: str
    words: tuple[str, ...]
    at_most: float | None = None
    forgets: Callable[[Side], object] = lambda side: None
    memory_at_most: float | None = None


def installed(name: str, source: Path) -> Path:
    """The programs of a virtual environment with the package at `source` in it, built anew."""
    folder = CACHE / name
    shutil.rmtree(folder, ignore_errors=True)
    say(f"installing {name}")
    programs = virtual_environment(name, [str(source)])
    subprocess.run([programs / "python", "-m", "compileall", "-q", folder / "lib"], check=False, env=ENVIRONMENT)
    return programs


def exported(revision: str) -> Path:
    """The files of a commit, in a folder of their own."""
    folder = CACHE / f"source-{revision}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
    return folder


def project(side: str, count: int, *, one_file: bool = False, manifest: str = MANIFEST) -> Path:
    """A project of so many manifests for one side, in files of their own, or all in one."""
    folder = CACHE / f"against-{side}-{count}{'-one' if one_file else ''}"
    shutil.rmtree(folder, ignore_errors=True)
    texts = (manifest.format(number=number, host=number % 7, team=number % 13) for number in range(count))
    (folder / "manifests").mkdir(parents=True)
    (folder / "reconciler.yaml").write_text(CONFIG)
    if one_file:
        (folder / "manifests" / "all.yaml").write_text("---\n".join(texts))
        return folder
    for number, text in enumerate(texts):
        path = folder / "manifests" / f"{number // 500:03}" / f"m{number:05}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


def pairs(before: Side, now: Side, job: Job, rounds: int) -> tuple[list[Figure], list[Figure]]:
    """Both sides in turns."""
    figures: dict[str, list[Figure]] = {before.name: [], now.name: []}
    for number in range(rounds):
        for side in (before, now) if number % 2 == 0 else (now, before):
            figures[side.name].append(side.run(*job.words, before=partial(job.forgets, side)))
    return figures[before.name], figures[now.name]


def rows_of(before: Side, now: Side, job: Job, rounds: int) -> list[Row]:
    say(job.name)
    old, new = pairs(before, now, job, rounds)
    cpu = statistics.median(mine.cpu / theirs.cpu for mine, theirs in zip(new, old, strict=True))
    spent = [statistics.median(one.cpu for one in figures) for figures in (new, old)]
    rows = [_row(job.name, f"{spent[0]:.2f} s CPU", f"{spent[1]:.2f} s CPU", cpu, job.at_most)]
    if job.memory_at_most is not None:
        memory = statistics.median(mine.memory / theirs.memory for mine, theirs in zip(new, old, strict=True))
        peaks = [statistics.median(one.memory for one in figures) for figures in (new, old)]
        what = f"{job.name}, peak memory"
        rows.append(_row(what, f"{peaks[0]:.0f} MiB", f"{peaks[1]:.0f} MiB", memory, job.memory_at_most))
    return rows


def _row(what: str, ours: str, theirs: str, ratio: float, at_most: float | None) -> Row:
    if at_most is None:
        return Row(what, f"{ours}, {ratio:.2f} ×", theirs)
    return Row(what, ours, theirs, f"{ratio:.2f} × (at most {at_most:.2f})", ratio <= at_most)


def growth(programs: Path, small: int, large: int) -> Row:
    """A plan of ten times as many manifests costs no more than ten times and a half."""
    say(f"growth to {large:,}")
    spent = []
    for count in (small, large):
        side = Side("growth", programs, project("growth", count))
        side.run("apply", "--yes", before=side.forget)
        spent.append(min(side.run("plan").cpu for _ in range(3)))
    name = f"growth: `plan` of {large:,} against {small:,}"
    return _row(name, f"{spent[1]:.2f} s CPU", f"{spent[0]:.2f} s CPU", spent[1] / spent[0], 10.5)


def one_file(programs: Path, count: int) -> Row:
    """So many documents in one file cost little more than in as many files."""
    say(f"{count:,} documents in one file")
    spent = []
    for together in (True, False):
        side = Side("one", programs, project("one", count, one_file=together, manifest=SHORT))
        spent.append(min(side.run("validate", "--no-cache").cpu for _ in range(3)))
    name = f"`validate --no-cache` of {count:,} documents in one file, against as many files"
    return _row(name, f"{spent[0]:.2f} s CPU", f"{spent[1]:.2f} s CPU", spent[0] / spent[1], 1.2)


def jobs(count: int) -> list[Job]:
    """In this order: the first leaves the registry that the others compare with."""
    return [
        Job(f"`apply` of {count:,} creates, nothing cached yet", ("apply", "--yes"), 0.60, Side.forget),
        Job(f"`apply` of {count:,} creates, after a plan", ("apply", "--yes"), 0.60, Side.forget_registry),
        Job(f"no-op `plan` of {count:,}", ("plan",), 0.40, memory_at_most=0.60),
        Job(f"no-op `plan` of {count:,}, nothing cached yet", ("plan",), None, Side.forget_cache),
        Job(f"`validate` of {count:,}", ("validate",), 0.50),
        Job(f"`validate` of {count:,}, nothing cached yet", ("validate",), None, Side.forget_cache),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="1,000 manifests, fewer pairs, and no growth")
    parser.add_argument("--pairs", type=int, help="so many pairs of each job, instead of seven, or three")
    parser.add_argument("--before", default=BEFORE, metavar="COMMIT", help=f"what to compare with ({BEFORE})")
    options = parser.parse_args()
    count, rounds = (1_000, 3) if options.quick else (10_000, 7)
    rounds = options.pairs or rounds
    say(busy())
    programs = {"before": installed("before", exported(options.before)), "now": installed("now", ROOT)}
    sides = [Side(name, programs[name], project(name, count)) for name in ("before", "now")]
    rows = [row for job in jobs(count) for row in rows_of(*sides, job, rounds)]
    single = [Side(name, programs[name], project(name, 1)) for name in ("before", "now")]
    rows += rows_of(*single, Job("`validate` of one file", ("validate",), 0.80), 3 * rounds)
    if not options.quick:
        rows += [growth(programs["now"], 10_000, 100_000), one_file(programs["now"], 50_000)]
    say(busy())
    return 0 if table(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
