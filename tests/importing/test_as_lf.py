"""What an imported file says is what `lf` sends for it: the vendor's own client is the judge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from importing.imports import imported, texts
from lf import Lf
from registry.aigo.server import Server, aigo

from reconciler.core.document import load
from reconciler.manifest.references import Scope, resolve
from reconciler.registry.latticeflow.kinds import KINDS

VARIABLES = {"HOST": "https://h.example.com", "RL": "60", "NAME": "n", "A_b1": "ab"}

MODEL = """\
# ours
key: a
display_name: $NAME
description: !include text.txt
rate_limit: $RL
config:
  $ref: base/config.yaml
  url: mine
  custom_headers: {Mine: x}
"""
CONFIG = """\
url: $HOST/v1/${A_b1}x$NAME
model_key: ${NAME:-x}
custom_headers:
  A: 0777
  B: 1:30
  C: 1_000
  D: yes
  E: "no"
  F: 1e3
  G: "$5"
  H: pre-$NAME
  I: "$NAME $NAME"
  J: ${UNKNOWN-x
  K: $HOST-${A_b1}
  L: ~x
  M: 2026-11-20x
  N: $ $NAME
  O: .5
  P: 0x1F
  Q: 12:30:45
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with aigo() as server:
        yield server


def _numbers(value: Any) -> Any:
    """Numbers as floats: as `lf` sends those of headers."""
    if isinstance(value, dict):
        return {name: _numbers(item) for name, item in value.items()}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def test_lf_sends_what_the_manifest_says(server: Server, tmp_path: Path) -> None:
    """Variables, included and referred files, and YAML 1.1: one file, and both sides make the same object of it."""
    files = {"a.yaml": MODEL, "base/config.yaml": CONFIG, "text.txt": "  line ${x}\n  two\n\n"}
    manifest = texts(imported(tmp_path, files, "a.yaml"))["models/a.yaml"]
    scope = Scope(tmp_path, str(tmp_path / "out/models"), VARIABLES)
    data, found = resolve(load(manifest, "x.yaml").documents[0].value, KINDS["Model"].root, scope)
    assert not found

    Lf(server.url, server.key, tmp_path)("add", "model", "-f", "a.yaml", **VARIABLES)
    (sent,) = server.state.models.values()
    assert (sent["display_name"], sent["description"]) == (data["display_name"], data["description"])
    assert sent["rate_limit"] == int(data["rate_limit"])
    assert "Mine" not in data["config"]["custom_headers"]  # what a file refers to wins, member by member
    assert _numbers(data["config"]) == {name: _numbers(sent["config"][name]) for name in data["config"]}
