"""A driver of somebody else's package: found by its entry point, and as good as one of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from programs import HANGS
from registry.memory import DRIVER, EXACT
from world import PLUGINS

from reconciler.registry import catalog

CONFIG = """\
owner: us
registries:
  mem: {driver: memory, url: "memory://one", token: "${env:TOKEN}", default: true}
"""
MANIFEST = """\
kind: Model
key: chat
endpoint: {url: "https://llm.example.com/v1", api_key: "${env:KEY}"}
---
kind: memory/Note
key: n
text: hello
"""


@pytest.mark.parametrize("driver", [DRIVER, EXACT], ids=["memory", "memory-exact"])
def test_an_installed_package_adds_its_drivers_by_name(driver: object) -> None:
    """The entry point group is all that is needed."""
    assert catalog.load_driver(driver.name) is driver  # type: ignore[attr-defined]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(PLUGINS), str(PLUGINS.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "PYTHONPATH": path, "TOKEN": "s3cret-token", "KEY": "s3cret-key"}
    return subprocess.run(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=HANGS,
    )


def test_the_command_line_plans_and_applies_with_an_installed_driver(tmp_path: Path) -> None:
    """Its kinds are manifests, its registry is planned and written, and its secrets are printed nowhere."""
    (tmp_path / "reconciler.yaml").write_text(CONFIG)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "chat.yaml").write_text(MANIFEST)
    planned = run(tmp_path, "plan", "--format", "json")
    assert planned.returncode == 0, planned.stderr
    assert sorted(change["address"] for change in json.loads(planned.stdout)["changes"]) == [
        "mem/Model/chat",
        "mem/Note/n",
        "mem/Provider/reconciler-chat",
        "mem/Secret/reconciler-chat-api-key",
    ]
    applied = run(tmp_path, "apply", "--yes", "--format", "json")
    assert applied.returncode == 0, applied.stderr
    assert json.loads(applied.stdout)["summary"]["created"] == 4
    assert "s3cret" not in planned.stdout + planned.stderr + applied.stdout + applied.stderr
