"""docs/kubernetes.md takes a reader from nothing to a synced model: run against a real API server, it does what it shows.

`WRITE_DOCS=1 pytest tests/kubernetes/test_guide.py` writes what the commands print into the page.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from docs.running import Setting, run_page
from docs.session import ROOT, Session
from kubernetes.api_server import PROGRAM, ApiServer
from kubernetes.loop import Controller

PAGE: Final = ROOT / "docs" / "kubernetes.md"
ACCOUNT: Final = "model-reconciler"


@pytest.fixture
def own_api_server(tmp_path: Path) -> Iterator[ApiServer]:
    """An API server of the page's own: the worker's has our definitions by now, and the reader begins with nothing."""
    with ApiServer.private(tmp_path / "kubernetes") as server:
        yield server


@pytest.fixture
def settings(own_api_server: ApiServer, tmp_path: Path) -> dict[str, Setting]:
    """What stands behind the servers that the page names."""

    def cluster(here: Session, stack: ExitStack, words: tuple[str, ...]) -> None:
        programs = tmp_path / "bin"
        programs.mkdir()
        kubectl = programs / "kubectl"
        kubectl.write_text(f'#!/bin/sh\nexec {shlex.quote(str(PROGRAM))} kubectl "$@"\n', "utf-8")
        kubectl.chmod(0o755)
        here.run(f'export PATH={programs}:"$PATH" KUBECONFIG={own_api_server.kubeconfig}')

    def controller(here: Session, stack: ExitStack, words: tuple[str, ...]) -> None:
        """The process that a pod would be, with the rights of its account: this cluster has no nodes."""
        (namespace,) = words
        started = Controller(own_api_server.account(namespace, ACCOUNT), namespace, tmp_path, "--lease-duration", "5")
        stack.callback(started.kill)
        started.start()

    return {"kubernetes": cluster, "controller": controller}


@pytest.mark.timeout(900)
def test_the_page_does_what_it_shows(settings: dict[str, Setting], tmp_path: Path) -> None:
    """Run from top to bottom, every command prints what stands below it."""
    run_page(PAGE, settings, tmp_path, {})
