"""Random inputs for everything that reads what others wrote: `python -m campaign.fuzz --seconds 600`. One target and one seed are one input.

Nothing may come out but the errors that are raised on purpose, within bounds of time and memory. Half of the inputs are
examples, spoilt; the others are well-formed, and of the wrong shape.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from campaign.answers import ANSWERS
from campaign.bounds import TooMuchError, bounded, limit_memory
from campaign.readers import READERS
from campaign.spoil import as_json, as_yaml, misshapen, spoilt
from campaign.stores import STORES

from reconciler.core import document
from reconciler.core.errors import ReconcilerError

TARGETS: Final = {**READERS, **STORES, **ANSWERS}
WRITTEN: Final = {"loader", "fmt", "validate", "import", "config", "policy", "insidellms"}  # targets that read YAML


@cache
def trees(target: str) -> Sequence[Any]:
    """The examples of a target as data."""
    found = []
    for data in TARGETS[target].examples():
        text = document.decode(data[TARGETS[target].head :], "x.yaml")
        if isinstance(text, str):
            found += [one.value for one in document.load(text, "x.yaml").documents]
    return found or [{}]


def input_of(target: str, seed: int) -> bytes:
    """The input of a seed."""
    chance, reader = random.Random(f"{target} {seed}"), TARGETS[target]
    head = chance.randbytes(reader.head) if chance.random() < 0.6 else bytes([chance.randrange(256), 0])[: reader.head]
    if chance.random() < 0.5:
        return head + spoilt(chance, [data[reader.head :] for data in reader.examples()])
    tree = misshapen(chance, chance.choice(trees(target)))
    return head + (as_yaml(chance, tree) if target in WRITTEN and chance.random() < 0.7 else as_json(chance, tree))


def wrong(target: str, data: bytes) -> str | None:
    """What an input does that no input may do."""
    try:
        with bounded():
            TARGETS[target].read(data)
    except ReconcilerError:
        return None
    except (Exception, RecursionError, TooMuchError) as error:  # noqa: BLE001  # whatever it is: that is what is looked for
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {str(error)[:200]} ({last.filename}:{last.lineno})"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="campaign.fuzz", description=__doc__)
    parser.add_argument("--target", action="append", choices=TARGETS, help="one of them; all if absent")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="in all")
    parser.add_argument("--seconds", type=float, default=3_600)
    parser.add_argument("--seed", type=int, default=1, help="of the first input")
    parser.add_argument("--guided", action="store_true", help="by coverage, with atheris, one target")
    given = parser.parse_args()
    if given.guided:
        if len(given.target or ()) != 1:
            parser.error("--guided takes one --target")
        command = [sys.executable, "-m", "campaign.guided", given.target[0], str(given.seconds)]
        return subprocess.run(command, check=False).returncode
    names, deadline = given.target or list(TARGETS), time.monotonic() + given.seconds
    for name in names:
        trees(name)
    limit_memory()
    counts, found = Counter[str](), 0
    for number in range(given.inputs):
        if time.monotonic() > deadline:
            break
        target, seed = names[number % len(names)], given.seed + number // len(names)
        said = wrong(target, input_of(target, seed))
        counts[target] += 1
        if said is not None:
            found += 1
            print(f"{target}, seed {seed}: {said}", flush=True)
    print(", ".join(f"{target} {count}" for target, count in counts.items()))
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main())
