"""Opens HTML reports of 10,000 changes in Chromium, filters them, and compares the times with their bars.

    python benchmarks/html_report.py [--changes N] [--rounds N]

Needs Debian's chromium and playwright. A time is the least of its rounds. "Open" ends with the second frame after the page was
loaded, "filter" with the frame that shows what is left.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from measuring import Row, busy, say, table
from playwright.sync_api import Browser, Page, sync_playwright

from reconciler import render
from reconciler.core.resource import Address, Desired, Resource, Source
from reconciler.planner.plan import Change, FieldChange, Plan
from reconciler.render.terminal import Style

OPEN, FILTER, SIZE = 2.0, 0.1, 8.0  # the bars: seconds, seconds, megabytes
SEARCHES = ("model-0012", "team-3 rpm", "nothing has this", "")
FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
SEARCH = """async words => {
    const search = document.querySelector("#search");
    const start = performance.now();
    search.value = words;
    search.dispatchEvent(new Event("input"));
    await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    return (performance.now() - start) / 1000;
}"""


def changes(number: int) -> Iterator[Change]:
    """Creates, updates that all differ, deletes, and equal updates, of each the same number."""
    for place in range(number):
        address = Address(("gateway", "nemo", "aigo")[place % 3], "Model", f"model-{place:05d}")
        labels = {"team": f"team-{place % 40}", "env": ("prod", "dev")[place % 2]}
        source = Source(f"manifests/team-{place % 40}/models.yaml", place + 1)
        desired = Desired(Resource(address, {}), address.key, labels=labels)
        yield varied(place, Change(address, "", "", source=source, desired=desired))


def varied(place: int, one: Change) -> Change:
    """One of the four, by its place."""
    if place % 4 == 0:
        endpoint = {"url": f"https://m{place}.example.com/v1", "format": "openai", "api_key": "${env:KEY}"}
        values = {"display_name": f"Model {place}", "endpoint": endpoint, "limits": {"rpm": place, "tpm": 10 * place}}
        fields = tuple(FieldChange(f"/{name}", after=value) for name, value in values.items())
        return replace(one, action="create", reason="new", fields=fields)
    if place % 4 == 1:
        before, after = f"The model number {place} of a team", f"The old model number {place} of the team"
        fields = (FieldChange("/limits/rpm", 60, place), FieldChange("/description", before, after))
        return replace(one, action="update", reason="changed", fields=fields)
    if place % 4 == 2:
        return Change(one.address, "delete", "removed")
    return replace(one, action="update", reason="drifted", fields=(FieldChange("/limits/rpm", 60, 90),))


def opened(browser: Browser, file: Path) -> tuple[Page, float]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    started = time.perf_counter()
    page.goto(file.as_uri())
    page.evaluate(FRAMES)
    return page, time.perf_counter() - started


def measured(file: Path, rounds: int) -> tuple[float, float]:
    """The least time to open the file, and of the slowest search the least."""
    opens: list[float] = []
    searches: list[list[float]] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        for _ in range(rounds):
            page, seconds = opened(browser, file)
            opens.append(seconds)
            searches.append([page.evaluate(SEARCH, words) for words in SEARCHES])
            page.close()
        browser.close()
    return min(opens), max(min(times) for times in zip(*searches, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    plan = Plan(tuple(changes(options.changes)), 0)
    started = time.process_time()
    html = render.load(render.PLAN["html"])(plan, Style(color=False))
    cpu = time.process_time() - started
    size = len(html.encode()) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "plan.html")
        file.write_text(html, "utf-8")
        say(f"measuring; {busy()}")
        opens, search = measured(file, options.rounds)
    number = f"{options.changes:,} changes"
    rows = [
        Row(f"render {number} as HTML, CPU", f"{cpu:.1f} s", ""),
        Row(f"the file of {number}", f"{size:.1f} MB", "", f"< {SIZE:g} MB", size < SIZE),
        Row(f"open {number} in Chromium", f"{opens:.2f} s", "", f"< {OPEN:g} s", opens < OPEN),
        Row(
            f"the slowest of {len(SEARCHES)} searches in them",
            f"{search:.3f} s",
            "",
            f"< {FILTER:g} s",
            search < FILTER,
        ),
    ]
    return 0 if table(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
