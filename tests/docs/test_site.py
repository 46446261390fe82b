"""The site of the documentation builds strictly, needs nothing from elsewhere, and has an anchor for every stable word."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest
from programs import HANGS

from reconciler.applier.report import OUTCOME_REASONS
from reconciler.cli.main import COMMANDS
from reconciler.core.answer_words import ACTION_MEANINGS, COUNT_MEANINGS, STATUS_MEANINGS
from reconciler.core.exit_codes import EXIT_CODES
from reconciler.core.problem_rules import DOCUMENTATION, RULES, help_uri
from reconciler.core.rules import RULES as FIELD_RULES
from reconciler.planner.guards import GUARDS
from reconciler.planner.reasons import REASONS
from reconciler.registry import catalog

ROOT: Final = Path(__file__).resolve().parents[2]

# Where the anchor of each word is: the page, and the words.
ANCHORS: Final = {
    "reference/rules.html": [*RULES],
    "reference/reasons.html": [
        *REASONS,
        *(f"action-{word}" for word in ACTION_MEANINGS),
        *(f"count-{word}" for word in COUNT_MEANINGS),
    ],
    "reference/outcomes.html": [*OUTCOME_REASONS, *(f"state-{word}" for word in STATUS_MEANINGS)],
    "reference/guards.html": [*GUARDS],
    "reference/exit-codes.html": [f"exit-{code}" for code in EXIT_CODES],
    "reference/commands.html": [*COMMANDS],
    "reference/field-rules.html": [rule.__name__.lower() for rule in FIELD_RULES],
    "reference/manifest.html": ["key", "endpoint.tls.ca"],
    "reference/configuration.html": ["owner", "guards.max_deletes", "registries.nemo.workspace"],
    **{
        f"reference/kinds/{name}.html": [f"{name}{kind.lower()}" for kind in catalog.load_driver(name).kinds]
        for name in catalog.names()
    },
}


class Page(HTMLParser):
    """The ids of a page, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        if tag in ("script", "img", "iframe", "source") or (tag == "link" and given.get("rel") == "stylesheet"):
            self.loaded.append(given.get("src") or given.get("href") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. Broken links, broken anchors and pages outside the navigation fail the build."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.parametrize("page", ANCHORS)
def test_every_word_has_its_anchor(site: Path, page: str) -> None:
    """Whoever follows a link to a rule, a reason, a guard, a command or an exit code ends at what explains it."""
    assert set(ANCHORS[page]) - Page((site / page).read_text(encoding="utf-8")).ids == set()


def test_help_uris_lead_to_the_rules(site: Path) -> None:
    """The `helpUri` of each rule, taken as a path of the site, is a page with that anchor."""
    ids = Page((site / "reference/rules.html").read_text(encoding="utf-8")).ids
    for rule in RULES:
        page, _, anchor = str(help_uri(rule)).removeprefix(DOCUMENTATION).partition("#")
        assert (page, anchor in ids) == ("reference/rules.html", True), rule


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    """It is read behind a firewall and on a train, and tells nobody who reads it."""
    loaded = {path for file in site.rglob("*.html") for path in Page(file.read_text(encoding="utf-8")).loaded}
    assert {path for path in loaded if "//" in path} == set()


def test_the_search_index_holds_every_page(site: Path) -> None:
    """The search finds what a page says, also where the site is opened as files."""
    index = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")} - {"404.html"}
    assert {page for page in pages if f'"location":"{page}' not in re.sub(r"\s*:\s*", ":", index)} == set()
