"""Fuzzing that coverage guides: libFuzzer, through atheris, changes the examples of one target and keeps what reaches further.

atheris is no dependency of ours: it has no wheels for the newest Pythons, and nothing but this needs it.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

LONGEST = 4_096  # bytes of an input
MISSING = """\
error: coverage-guided fuzzing needs atheris, which is not installed here
hint: make a folder with it beside the project's own packages, on a Python that it has a wheel for (3.11 to 3.13):
      pip install --target .cache/atheris atheris
      PYTHONPATH=tests:.cache/atheris .venv/bin/python -m campaign.fuzz --guided --target validate --seconds 600"""


def run(target: str, seconds: float) -> int:
    """Fuzz a target for so long. Ends the process at the first input that does what no input may do, and tells it."""
    try:
        atheris = importlib.import_module("atheris")
    except ModuleNotFoundError:
        print(MISSING, file=sys.stderr)
        return 64
    with atheris.instrument_imports(include=["reconciler"]):
        fuzz = importlib.import_module("campaign.fuzz")  # here, so that what it imports is counted

    def one(data: bytes) -> None:
        said = fuzz.wrong(target, data)
        if said is not None:
            raise AssertionError(f"{target}: {said}: {data!r}")

    with tempfile.TemporaryDirectory() as corpus:
        for number, data in enumerate(fuzz.TARGETS[target].examples()):
            Path(corpus, str(number)).write_bytes(data)
        limits = [f"-max_total_time={seconds:.0f}", f"-max_len={LONGEST}", "-rss_limit_mb=2048", "-timeout=60"]
        atheris.Setup([sys.argv[0], *limits, "-print_final_stats=1", corpus], one)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], float(sys.argv[2])))
