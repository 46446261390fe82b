"""Known vulnerabilities of pinned packages, asked of pip-audit's sources: `audit.py FILE…`.

Exits with 1 where an advisory names one of them, and with 2 where nobody could be asked: then nothing is known of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

PIP_AUDIT: Final = (
    Path(sys.executable).parent / "pip-audit",
    "--strict",
    "--no-deps",
    "--disable-pip",
    "--format=json",
)


def main(files: list[str]) -> int:
    """The worst answer of all files; each is told as it comes."""
    return max((audit(file) for file in files), default=2)


def audit(file: str) -> int:
    """The exit code for one file of requirements."""
    command = [*PIP_AUDIT, "--requirement", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own program
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        last = done.stderr.strip().rpartition("\n")[2]
        print(f"{file}: NOT AUDITED: the source of advisories gave no answer ({last})", file=sys.stderr)
        return 2
    named = [(package, found) for package in packages for found in package["vulns"]]
    for package, found in named:
        mended = ", ".join(found["fix_versions"]) or "no version yet"
        print(f"{file}: {package['name']} {package['version']}: {found['id']}, mended in {mended}", file=sys.stderr)
    print(f"{file}: {len(packages)} packages, {len(named)} advisories")
    return 1 if named else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
