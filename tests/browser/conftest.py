"""One Chromium for all tests of the reports, without a network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Open = Callable[..., Page]


# of a module, since asynchronous tests of other modules could not run beside it
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, which tests/tools.sh installs."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("chromium is missing; `make tools` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the pages of a test complained of, or asked from elsewhere. What is left there at its end fails it."""
    return []


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path, complaints: list[str]) -> Iterator[Open]:
    """Opens a report from a file."""
    contexts: list[BrowserContext] = []

    def opened(html: str, fragment: str = "", **how: Any) -> Page:
        file = tmp_path / f"report-{len(contexts)}.html"
        file.write_text(html, "utf-8")
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **how})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith("file:") else complaints.append(asked.url))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(file.as_uri() + fragment)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def axe(tools: Path) -> Callable[[Page], list[str]]:
    """What axe-core finds in a page: each rule that is broken, with where."""
    source = (tools / "node_modules/axe-core/axe.min.js").read_text("utf-8")

    def found(page: Page) -> list[str]:
        page.evaluate(source)  # beside the page's policy, which would not let it in
        answer = page.evaluate("async () => JSON.stringify((await axe.run()).violations)")
        return [f"{one['id']}: {node['target']}" for one in json.loads(answer) for node in one["nodes"]]

    return found
