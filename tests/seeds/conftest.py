"""The seeds: the documents of other systems that say what users expect. Here is one test for each promise in them, under its own words.

Each test goes through the command line; what it did is judged by the vendor's own client or server where there is one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from cli.project import Project
from endpoint.place import place as place
from endpoint.server import KEY
from lf import Lf
from registry.aigo.server import Server, aigo
from registry.watsonx.server import Server as Orchestrate
from registry.watsonx.server import orchestrate

from reconciler.core.document.dump import dump_yaml

AIGO: Final = """\
owner: us
registries:
  aigo: {{driver: latticeflow, default: true, owns: ['*'], url: '{url}', api_key: '${{env:AIGO_KEY}}'}}
"""
OPENAI_KEY: Final = "sk-of-openai-9f2c71e04b8a4d6a"
WATSONX: Final = """\
owner: us
registries:
  wxo: {{driver: watsonx, default: true, url: '{url}', token: '${{env:WXO_TOKEN}}'}}
"""


def declare(project: Project, *documents: dict[str, Any]) -> None:
    """The manifests are these documents and nothing else."""
    project.write("manifests/all.yaml", "---\n".join(map(dump_yaml, documents)))


def applied(project: Project) -> dict[str, str]:
    """What an apply did to models, by key: `{"chat": "create"}`. What stands beside them is left out, and what was unchanged."""
    outcomes = json.loads(project.apply("--format", "json").out)["outcomes"]
    parts = [(one["address"].split("/", 2), one) for one in outcomes]
    return {address[2]: one["action"] for address, one in parts if address[1] == "Model" and one["status"] == "ok"}


@pytest.fixture
def ai_go(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """AI GO!, which the project leads to."""
    with aigo() as server:
        monkeypatch.setenv("AIGO_KEY", server.key)
        monkeypatch.setenv("LLM_KEY", KEY)
        monkeypatch.setenv("OPENAI_API_KEY", OPENAI_KEY)
        project.write("reconciler.yaml", AIGO.format(url=server.url))
        yield server


@pytest.fixture
def lf(ai_go: Server, tmp_path: Path) -> Lf:
    """LatticeFlow's own client, which looks at the same server."""
    folder = tmp_path / "lf"
    folder.mkdir()
    return Lf(ai_go.url, ai_go.key, folder)


@pytest.fixture
def wxo(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Orchestrate]:
    """watsonx Orchestrate, which the project leads to."""
    with orchestrate() as server:
        monkeypatch.setenv("WXO_TOKEN", server.token)
        project.write("reconciler.yaml", WATSONX.format(url=server.url))
        yield server
