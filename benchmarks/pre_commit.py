"""The CPU that each of our hooks adds to `pre-commit run`, in a repository of 100 manifests.

    python benchmarks/pre_commit.py

pre-commit's own share is measured with the same configuration whose hooks do nothing. measuring.py says what a figure is. The
table goes to stdout as Markdown, talk to stderr.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from measuring import CACHE, ENVIRONMENT, Row, busy, compile_ours, measure, say, table
from run import CONFIG, MANIFEST

MANIFESTS = 100
ROUNDS = 7
BAR = 0.35
HOOKS: Mapping[str, Sequence[str]] = {
    "reconciler-validate": ("validate",),
    "reconciler-schema": ("schema", "--check"),
    "reconciler-fmt": ("fmt",),
}
GIT = {
    **ENVIRONMENT,
    "GIT_AUTHOR_NAME": "x",
    "GIT_AUTHOR_EMAIL": "x@example.com",
    "GIT_COMMITTER_NAME": "x",
    "GIT_COMMITTER_EMAIL": "x@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def repository(programs: Path) -> Path:
    """A repository with a project of 100 manifests, its schemas, and all of it staged."""
    folder = CACHE / "pre-commit"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "manifests" / "models").mkdir(parents=True)
    (folder / "reconciler.yaml").write_text(CONFIG, "utf-8")
    for number in range(MANIFESTS):
        text = MANIFEST.format(number=number, host=number % 50, team=number % 20)
        (folder / "manifests" / "models" / f"model-{number:05}.yaml").write_text(text, "utf-8")
    for words in (("schema",), ("fmt",)):
        subprocess.run([programs / "reconciler", *words], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, env=GIT, check=True)
    subprocess.run(["git", "add", "--all"], cwd=folder, env=GIT, check=True)
    return folder


def configuration(programs: Path, names: Sequence[str], *, idle: bool) -> str:
    """A configuration of pre-commit with some of our hooks; idle ones do nothing."""
    lines = ["repos:", "  - repo: local", "    hooks:"]
    for name in names:
        entry = "/bin/true" if idle else " ".join([str(programs / "reconciler"), *HOOKS[name]])
        lines += [f"      - id: {name}", f"        name: {name}", f"        entry: {entry}", "        language: system"]
        lines += ["        require_serial: true"]
        schema = name == "reconciler-schema"
        lines += ["        pass_filenames: false" if schema else "        files: ^manifests/"]
    return "\n".join(lines) + "\n"


def added(programs: Path, folder: Path, names: Sequence[str]) -> float:
    """The CPU seconds that these hooks add to one run over all files."""
    shares = []
    for idle in (False, True):
        file = folder / "hooks.yaml"
        file.write_text(configuration(programs, names, idle=idle), "utf-8")
        command = (programs / "pre-commit", "run", "--all-files", "--config", "hooks.yaml")
        subprocess.run(["git", "add", "hooks.yaml"], cwd=folder, env=GIT, check=True)
        shares.append(measure(command, folder, ROUNDS, environment=GIT).cpu)
    return shares[0] - shares[1]


def main() -> None:
    """Measure each hook alone, and all of them."""
    programs = compile_ours()
    folder = repository(programs)
    say(f"{busy()}; {MANIFESTS} manifests")
    rows = []
    for names in ([name] for name in HOOKS):
        share = added(programs, folder, names)
        rows.append(Row(f"`{names[0]}`", f"{share:.3f} s CPU", "", f"at most {BAR} s CPU", share <= BAR))
        say(rows[-1].what)
    rows.append(Row("all three in one run", f"{added(programs, folder, list(HOOKS)):.3f} s CPU", ""))
    if not table(rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
