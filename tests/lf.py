"""LatticeFlow's own client `lf`, run as a program against a server on loopback: the judge that knows nothing of us.

One call takes more than a second, most of it imports.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
PROGRAM: Final = ROOT / ".cache" / "tools" / "lf" / "bin" / "lf"
PASSED: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")  # of the environment; the rest is not for lf
MINUTES: Final = 5


class Said(NamedTuple):
    """How one call ended. Colours and folded lines are off: a line is what lf wrote in one go."""

    code: int
    out: str
    err: str

    @property
    def both(self) -> str:
        return self.out + self.err

    def json(self) -> Any:
        """stdout, which has to be JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Lf:
    """`lf` with nothing but this server to talk to. `folder` is its working directory and its home; relative paths begin there."""

    url: str
    key: str
    folder: Path

    def __call__(self, *arguments: str | Path, code: int | None = 0, **variables: str) -> Said:
        """Runs `lf` to its end. Fails, with all that it said, unless it exits with `code` (None: any)."""
        environment = {name: os.environ[name] for name in PASSED if name in os.environ}
        environment |= {
            "HOME": str(self.folder),
            "COLUMNS": "500",  # it folds its lines to the terminal's width
            "NO_COLOR": "1",
            "TERM": "dumb",
            "LF_URL": self.url,
            "LF_API_KEY": self.key,
        }
        done = subprocess.run(
            [str(installed()), *map(str, arguments)],
            cwd=self.folder,
            env=environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60 * MINUTES,
            check=False,
        )
        said = Said(done.returncode, done.stdout, done.stderr)
        assert code is None or said.code == code, f"lf {' '.join(map(str, arguments))}: {said}"
        return said

    def write(self, name: str, document: Any) -> Path:
        """A file for lf. JSON is YAML enough for it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2), "utf-8")
        return path


def installed() -> Path:
    """The program. A missing tool fails the test: a skipped one would promise what nobody saw."""
    if not PROGRAM.is_file():
        pytest.fail("missing: .cache/tools/lf; `make tools` installs it")
    return PROGRAM
