"""Start-up: each command imports what it needs and nothing more. What is imported is measured, not time."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

import pytest
from cli.project import Project

# libraries and rooms of ours that are expensive, each for a work that these commands do not do here
UNUSED: Final = {
    "validate": {"asyncio", "sqlite3", "reconciler.planner.planner", "reconciler.applier", "reconciler.endpoint"},
    "plan": {"reconciler.applier", "reconciler.endpoint"},
    "apply": {"reconciler.endpoint"},
}
NEVER: Final = {
    "aiohttp",
    "deepdiff",
    "httpx2",
    "jinja2",
    "jsonschema",
    "opentelemetry",
    "pydantic",
    "pydantic_core",
    "reconciler.cli.observed",
    "reconciler.core.document.comments",
    "reconciler.core.schema.answers",
    "reconciler.core.schema.form",
    "reconciler.project.schemas",
    "rich",
    "ruamel",
}
WORDS: Final = {"validate": ["validate"], "plan": ["plan"], "apply": ["apply", "--yes"]}
PROGRAM: Final = """
import json, sys
before = set(sys.modules)  # where coverage is measured, it has loaded sqlite3 for itself
from reconciler.cli import main
code = main.run(json.loads(sys.argv[1]))
print("\\n" + json.dumps([code, sorted(set(sys.modules) - before)]))
"""


@pytest.mark.parametrize("command", WORDS)
def test_a_command_imports_what_it_needs(command: str, project: Project) -> None:
    """A project with one model and a local registry: no HTTP client, no schema validator, no other command's modules."""
    project.manifest("chat")
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(WORDS[command])],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=True,
    )
    code, loaded = json.loads(ran.stdout.splitlines()[-1])
    assert code == 0, ran.stderr
    assert f"reconciler.cli.{command}" in loaded  # or the list below would say nothing
    assert (UNUSED[command] | NEVER) & set(loaded) == set()
