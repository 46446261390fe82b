"""A scratch project in which the commands of a page are run, one after the other, in one shell."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from programs import HANGS

ROOT: Final = Path(__file__).resolve().parents[2]
SCRIPTS: Final = ROOT / "tests" / "docs" / "scripts"
PASSED: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR")
_MARK: Final = "\x01exit \x01"


@dataclass
class Session:
    """A shell in `root`. `words` maps what a page says of a server to what is there, and back in what is printed."""

    root: Path
    shell: subprocess.Popen[str]
    words: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str) -> None:
        """A file of the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._there(text), encoding="utf-8")

    def run(self, command: str) -> tuple[int, str]:
        """The exit code of a command, and all that it printed, in the page's words."""
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        self.shell.stdin.write(f"{{ {self._there(command)}\n}} </dev/null; printf '{_MARK}%s\\n' $?\n")
        self.shell.stdin.flush()
        lines: list[str] = []
        for line in self.shell.stdout:
            before, mark, code = line.partition(_MARK)
            if mark:
                return int(code), self._here("".join([*lines, before]))
            lines.append(line)
        raise AssertionError(f"the shell ended in: {command}\n{''.join(lines)}")

    def _there(self, text: str) -> str:
        for word, real in self.words.items():
            text = text.replace(word, real)
        return text

    def _here(self, text: str) -> str:
        for word, real in self.words.items():
            text = text.replace(real, word)
        return text


@contextmanager
def session(root: Path, variables: Mapping[str, str]) -> Iterator[Session]:
    """A session in a new folder `project` of `root`, whose environment is clean but for `variables`."""
    home = root / "home"
    folder = root / "project"
    home.mkdir()
    folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if name in PASSED or name.startswith("COVERAGE")}
    environment["COLUMNS"] = "100"  # what a reader of the page sees, whose screen is no wider
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    shell = subprocess.Popen(
        ["bash", "--norc", "--noprofile"],
        cwd=folder,
        env=environment
        | {"HOME": str(home), "USER": "me", "REPOSITORY": str(ROOT), "SCRIPTS": str(SCRIPTS)}
        | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    assert shell.stdin is not None
    assert shell.stdout is not None
    try:
        yield Session(folder, shell, {"/home/me/models": str(folder)})
    finally:
        shell.stdin.close()
        shell.stdout.close()
        shell.wait(timeout=HANGS)
