"""The figures we quote, measured side by side with peers in one run.

    python benchmarks/run.py            everything (about a quarter of an hour)
    python benchmarks/run.py --quick    fewer rounds and no 50,000 manifests

Each peer lives in its own virtual environment under .cache, with bytecode compiled as ours is; measuring.py says what a figure is. The
table goes to stdout as Markdown, talk to stderr.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import lf
import remote
from measuring import CACHE, ROOT, Figure, Row, busy, compile_ours, measure, say, table, virtual_environment

MANIFEST = """\
# yaml-language-server: $schema=../../schemas/manifest.schema.json
kind: Model
key: model-{number:05}
display_name: Model number {number}
description: Answers questions about topic {number} for the team that asked for it, in a calm and friendly tone.
task: chat_completion
endpoint:
  url: https://llm-{host}.example.com/v1
  model: gpt-oss-120b
  api_key: ${{env:SUPPORT_LLM_KEY}}
  timeout: 30
parameters: {{temperature: 0.2, top_p: 0.95, n: 1, max_completion_tokens: 1024}}
limits: {{requests_per_minute: 60, max_concurrency: 4}}
tags: [support, prod, team-{team}]
labels: {{team: cx, tier: gold}}
metadata: {{cost_centre: {number}}}
"""
CONFIG = """\
owner: bench
registries:
  local: {driver: local, path: registry.db, default: true}
"""
OCTODNS = """\
providers:
  config: {class: octodns.provider.yaml.YamlProvider, directory: ./source, default_ttl: 300}
  target: {class: octodns.provider.yaml.YamlProvider, directory: ./target, default_ttl: 300}
zones:
  example.com.: {sources: [config], targets: [target]}
"""


def project(count: int) -> Path:
    """A project of so many manifests, one in each file, 500 in each folder."""
    folder = CACHE / f"project-{count}"
    if not (folder / "reconciler.yaml").exists():
        shutil.rmtree(folder, ignore_errors=True)
        for number in range(count):
            path = folder / "manifests" / f"{number // 500:03}" / f"m{number:05}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(MANIFEST.format(number=number, host=number % 7, team=number % 13))
        (folder / "reconciler.yaml").write_text(CONFIG)
    return folder


def zone(count: int) -> Path:
    """An octoDNS project of one zone with so many records, the same on both sides."""
    folder = CACHE / f"zone-{count}"
    for side in ("source", "target"):
        (folder / side).mkdir(parents=True, exist_ok=True)
        lines = [
            "---",
            *(
                f"r{number:05}: {{ttl: 300, type: A, value: 10.0.{number // 250 % 250}.{number % 250 + 1}}}"
                for number in range(count)
            ),
        ]
        (folder / side / "example.com.yaml").write_text("\n".join(lines) + "\n")
    (folder / "config.yaml").write_text(OCTODNS)
    return folder


def start_up(bin_: Path, peers: Path, rounds: int) -> list[Row]:
    one = project(1)
    schema = ROOT / "schemas" / "manifest.schema.json"
    file = "manifests/000/m00000.yaml"
    ours = measure([bin_ / "reconciler", "validate", file], one, rounds)
    theirs = measure([peers / "check-jsonschema", "--schemafile", schema, file], one, rounds)
    helped = measure([bin_ / "reconciler", "--help"], one, rounds)
    ratio = ours.cpu / theirs.cpu
    return [
        Row(
            "`validate` of one file, whole process",
            f"{ours.cpu:.3f} s CPU",
            f"check-jsonschema {theirs.cpu:.3f} s CPU",
            f"{ratio:.2f} × (at most 0.5)",
            ratio <= 0.5,
        ),
        Row("`reconciler --help`", f"{helped.cpu:.3f} s CPU", "", "at most 0.15 s CPU", helped.cpu <= 0.15),
    ]


def many(bin_: Path, peers: Path, rounds: int) -> list[Row]:
    folder = project(10_000)
    schema = ROOT / "schemas" / "manifest.schema.json"
    files = sorted(str(path.relative_to(folder)) for path in folder.glob("manifests/*/*.yaml"))
    theirs = measure([peers / "check-jsonschema", "--schemafile", schema, *files], folder, 1)
    first = measure([bin_ / "reconciler", "validate", "--no-cache"], folder, rounds)
    measure([bin_ / "reconciler", "validate"], folder, 1)  # fills the cache
    again = measure([bin_ / "reconciler", "validate"], folder, rounds)
    return [
        _times_faster("`validate --no-cache` of 10,000 manifests", first, theirs, 8),
        _times_faster("`validate` of 10,000 manifests that did not change", again, theirs, 25),
    ]


def _times_faster(what: str, ours: Figure, theirs: Figure, at_least: float) -> Row:
    ratio = theirs.cpu / ours.cpu
    return Row(
        what,
        f"{ours.cpu:.2f} s CPU, {ours.memory:.0f} MB",
        f"check-jsonschema {theirs.cpu:.1f} s CPU",
        f"{ratio:.1f} × faster (at least {at_least:g})",
        ratio >= at_least,
    )


def registry(bin_: Path, peers: Path, rounds: int, counts: Sequence[int]) -> list[Row]:
    rows = []
    each: dict[int, float] = {}
    for count in counts:
        folder = project(count)
        times = 1 if count > 10_000 else rounds
        created = measure(
            [bin_ / "reconciler", "apply", "--yes"], folder, times, before=partial(_remove_database, folder)
        )
        planned = measure([bin_ / "reconciler", "plan"], folder, times)
        each[count] = planned.cpu / count * 1e6
        if count == 10_000:
            again = measure([bin_ / "reconciler", "apply", "--yes"], folder, rounds)
            rows += _ten_thousand(created, planned, again, octodns(peers, rounds))
    spread = ", ".join(f"{count:,}: {micros:.0f} µs" for count, micros in each.items())
    # the smallest count bears the start-up, so flat means that the largest costs no more for each than the smallest
    flat = each[max(each)] <= each[min(each)] * 1.1
    rows.append(Row("no-op `plan`, CPU for each manifest", spread, "", "flat", flat))
    return rows


def _remove_database(folder: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (folder / f"registry.db{suffix}").unlink(missing_ok=True)


def octodns(peers: Path, rounds: int) -> Figure:
    return measure([peers / "octodns-sync", "--config-file", "config.yaml", "--quiet"], zone(10_000), rounds)


def _ten_thousand(created: Figure, planned: Figure, again: Figure, dns: Figure) -> list[Row]:
    return [
        Row("`apply` of 10,000 creates", f"{created.wall:.2f} s", "", "at most 8 s", created.wall <= 8),
        Row(
            "no-op `plan` of 10,000 manifests",
            f"{planned.cpu:.2f} s CPU, {planned.memory:.0f} MB",
            f"octoDNS, 10,000 records: {dns.cpu:.2f} s CPU, {dns.memory:.0f} MB",
            "at most 4 s CPU and 300 MB",
            planned.cpu <= 4 and planned.memory <= 300,
        ),
        Row(
            "no-op `apply` of 10,000 manifests",
            f"{again.cpu:.2f} s CPU",
            "",
            "no more than the plan",
            again.cpu <= planned.cpu * 1.1,
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and no 50,000 manifests")
    quick = parser.parse_args().quick
    bin_ = compile_ours()
    say(busy())
    aigo = lf.rows(bin_, quick=quick)  # first: it says at once if lf is missing
    platform = [row for driver in remote.BENCHES for row in remote.rows(driver, quick=quick)]
    peers = virtual_environment("peers", ["check-jsonschema", "octodns"])
    say("start-up")
    rows = start_up(bin_, peers, 5 if quick else 40)
    say("10,000 manifests: validate")
    rows += many(bin_, peers, 1 if quick else 3)
    say("the local registry")
    rows += registry(bin_, peers, 1 if quick else 3, (1_000, 10_000) if quick else (1_000, 10_000, 50_000))
    say(busy())
    return 0 if table(rows + aigo + platform) else 1


if __name__ == "__main__":
    sys.exit(main())
