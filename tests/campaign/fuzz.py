"""Random inputs for everything that reads a file: `python -m campaign.fuzz --seconds 600`. Nothing may raise but what we raise on purpose.

The inputs are the examples of the tests, spoilt: bytes and lines dropped, doubled, swapped, parts of one in another, words that
mean something put in between. One seed is one input.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from reconciler.core import document
from reconciler.core.document.reorder import KeyOrder
from reconciler.core.errors import Problem, ReconcilerError
from reconciler.manifest.discover import discover
from reconciler.manifest.formatting import format_bytes
from reconciler.manifest.importing import Target, import_files
from reconciler.manifest.key_order import key_order
from reconciler.planner import planfile_reader

ROOT: Final = Path(__file__).resolve().parents[2]
LONGEST: Final = 4_096  # bytes of an input
WORDS: Final = (
    *(
        b"${env:X}",
        b"${file:/etc/passwd}",
        b"$${",
        b"<<: *a",
        b"&a ",
        b"*a",
        b"? ",
        b"- ",
        b": ",
        b"|\n",
        b">-\n",
        b"!!binary ",
    ),
    *(
        b"%YAML 1.1\n",
        b"---\n",
        b"...\n",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        "\u2028".encode(),
        b"\t",
        b"1e999",
        b"-0",
        b"NaN",
    ),
    *(
        b'"',
        b"'",
        b"[",
        b"{",
        b"}",
        b"]",
        b"null",
        b"true",
        b"0777",
        b"1:30",
        b"key",
        b"kind: Model\n",
        b"kind: latticeflow/Model\n",
    ),
    *(
        b"model_list:\n",
        b"agents:\n",
        b"model: {type: openai}\n",
        b"\\u0000",
        b'"format_version": "1.0"',
        b"#",
        b"\r\n",
    ),
)


def corpus() -> list[bytes]:
    """Every small example of the tests and of the project."""
    folders = (ROOT / "tests" / "examples", ROOT / "manifests", ROOT / "examples")
    files = sorted(
        file for folder in folders for file in folder.rglob("*") if file.suffix in (".yaml", ".yml", ".json")
    )
    return [data for file in files if len(data := file.read_bytes()) <= LONGEST]


def spoilt(seed: int, known: list[bytes]) -> bytes:
    """The one input of a seed."""
    chance = random.Random(f"fuzz {seed}")
    data = bytearray(chance.choice(known))
    for _ in range(chance.randint(1, 8)):
        one, other = sorted(chance.randint(0, len(data)) for _ in range(2))
        match chance.randrange(6):
            case 0:
                del data[one : min(other, one + 40)]
            case 1:
                data[one:one] = chance.choice(WORDS)
            case 2:
                data[one:one] = data[one : min(other, one + 80)]
            case 3 if data:
                data[min(one, len(data) - 1)] ^= 1 << chance.randrange(8)
            case 4:
                piece = chance.choice(known)
                start = chance.randint(0, len(piece))
                data[one:other] = piece[start : start + 120]
            case _:
                lines = bytes(data).splitlines(keepends=True)
                chance.shuffle(lines)
                data = bytearray(b"".join(lines[: chance.randint(0, len(lines))]))
    return bytes(data[:LONGEST])


def _load(data: bytes) -> None:
    text = document.decode(data, "x.yaml")
    if not isinstance(text, Problem):
        for name in ("x.yaml", "x.json"):
            for _ in document.load(text, name).documents:
                document.places(text, name)


def _fmt(data: bytes) -> None:
    once = format_bytes(data, "x.yaml", _order)
    if not once.problems and format_bytes(once.after, "x.yaml", _order).after != once.after:
        raise AssertionError("formatted twice is not formatted once")


def _order(kind: str) -> KeyOrder:
    return key_order(kind, {}, ())


def _plan_file(data: bytes) -> None:
    planfile_reader.parse(data.decode("utf-8", "replace"), "plan.json")


def _import(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve()
        (folder / "x.yaml").write_bytes(data)
        import_files(discover(("x.yaml",), folder, folder), Target(folder / "out", folder, folder, None))


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "loader": _load,
    "fmt": _fmt,
    "plan-file": _plan_file,
    "import": _import,
}


def wrong(target: str, data: bytes) -> str | None:
    """What an input does that no input may do."""
    try:
        TARGETS[target](data)
    except ReconcilerError:
        return None
    except (Exception, RecursionError) as error:  # noqa: BLE001  # whatever it is: that is what is looked for
        return f"{type(error).__name__}: {error}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="campaign.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="in all")
    parser.add_argument("--seconds", type=float, default=3_600)
    parser.add_argument("--seed", type=int, default=1, help="of the first input")
    given = parser.parse_args()
    known, names, deadline = corpus(), list(TARGETS), time.monotonic() + given.seconds
    counts, found = Counter[str](), 0
    for seed in range(given.seed, given.seed + given.inputs):
        if time.monotonic() > deadline:
            break
        target = names[seed % len(names)]
        said = wrong(target, spoilt(seed, known))
        counts[target] += 1
        if said is not None:
            found += 1
            print(f"{target}, seed {seed}: {said}", flush=True)
    print(", ".join(f"{target} {count}" for target, count in counts.items()))
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main())
