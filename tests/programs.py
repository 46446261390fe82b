"""Running programs in tests: what failed is shown, and nothing waits for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
BIN: Final = Path(sys.executable).parent
HANGS: Final = 240.0  # seconds after which a program is said to hang: on a busy machine it may well be slow


def run(
    *command: str | Path, cwd: Path, env: Mapping[str, str] | None = None, code: int | None = 0
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end, at most ten minutes. Fails, with all that it said, unless it exits with `code` (None: any)."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert code is None or done.returncode == code, (
        f"{command} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
    )
    return done


def git_environment(folder: Path) -> dict[str, str]:
    """Variables with which git knows an author and nothing of the machine's own settings."""
    settings = folder / "gitconfig"
    settings.write_text(
        "[user]\nname = Test\nemail = test@example.com\n[init]\ndefaultBranch = main\n[safe]\ndirectory = *\n", "utf-8"
    )
    return {"GIT_CONFIG_GLOBAL": str(settings), "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_COUNT": "0"}
