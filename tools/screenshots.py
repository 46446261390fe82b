"""Takes the pictures of docs/reports.md: `python tools/screenshots.py` writes docs/assets/report-*.png.

Needs Debian's chromium and playwright. What is shown is made up here, and passes through the same renderer as a real plan.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from reconciler import __version__, render
from reconciler.applier.report import Outcome, Report
from reconciler.core.resource import Address, Desired, Resource, Source
from reconciler.planner.plan import Change, FieldChange, Origin, Plan
from reconciler.render.terminal import Style

ASSETS = Path(__file__).resolve().parents[1] / "docs" / "assets"
BEFORE = (
    "You are a support assistant.\nAnswer in the language of the question.\nNever promise a refund.\n\nSign as Ada."
)
AFTER = (
    "You are a patient support assistant.\nAnswer in the language of the question.\n"
    "Never promise a refund, a credit or a date.\nQuote the article that you rely on.\n\nSign as Ada."
)


def address(key: str, kind: str = "Model", registry: str = "gateway") -> Address:
    return Address(registry, kind, key)


def change(key: str, action: str, reason: str, file: str = "", *fields: FieldChange, **more: Any) -> Change:
    where = more.pop("where", address(key))
    source = Source(f"manifests/{file}", 3) if file else None
    desired = Desired(Resource(where, {}), key, labels={"team": file.partition("/")[0]}) if file else None
    return Change(where, action, reason, fields, source=source, desired=desired, **more)


def plan() -> Plan:
    credential = address("azure-east", "Credential")
    replaced = address("sql-helper", registry="nemo")
    fleet = (
        change(f"tenant-{number:03d}", "update", "drifted", "tenants/fleet.yaml", FieldChange("/limits/rpm", 60, 90))
        for number in range(143)
    )
    changes = (
        change("legacy-summary", "delete", "removed"),
        change(
            "sql-helper", "replace", "immutable", "analytics/sql.yaml",
            FieldChange("/model", "meta/llama-3.1-70b-instruct", "meta/llama-3.3-70b-instruct"),
            where=replaced, replaces=("/model",), unmanaged=("/rate_card",),
        ),
        change("router-v2", "rename", "renamed", "platform/router.yaml", previous=address("router")),
        change("azure-east", "create", "new", "support/azure.yaml", FieldChange("/values", sensitive=True), where=credential),
        change(
            "support-chat", "create", "new", "support/chat.yaml", FieldChange("/model", after="azure/gpt-5-mini"),
            depends_on=(credential,),
        ),
        change(
            "support-router", "create", "new", "support/router.yaml", FieldChange("/fallbacks", after=["support-chat"]),
            depends_on=(address("support-chat"), address("router-v2")),
        ),
        change(
            "summary", "update", "changed", "support/summary.yaml",
            FieldChange("/parameters/temperature", 0.2, 0.7),
            FieldChange("/api_key", sensitive=True),
            FieldChange("/prompt", BEFORE, AFTER),
            depends_on=(credential,),
        ),
        *fleet,
    )  # fmt: skip
    places = {"gateway": "litellm https://llm.example.com", "nemo": "nemo https://nemo.example.com/default"}
    return Plan(
        changes,
        311,
        environment="production",
        registries={name: {"place": place} for name, place in places.items()},
        fingerprint="9f2c51ab77e0c4d1",
        origin=Origin(commit="4be7d12a9c03", version=__version__),
    )


def report(shown: Plan) -> Report:
    outcomes, start = [], 0.01
    for place, one in enumerate(shown.changes[:16]):
        seconds = 0.04 + 0.05 * (place * 7 % 5)
        outcomes.append(Outcome(one.address, one.action, "ok", one.reason, duration=seconds, started=start))
        start += seconds / 2
    late = shown.changes[6]
    message = "503 Service Unavailable after 4 tries (at manifests/support/summary.yaml:9)"
    outcomes[6] = Outcome(late.address, "update", "failed", "registry-temporary", message, 1.2, 0.5)
    return Report(shown, tuple(outcomes), backup=".reconciler/backup/2026-11-28T20-15-00Z")


def main() -> None:
    style = Style(color=False)
    shown = plan()
    pages = {
        "plan": render.load(render.PLAN["html"])(shown, style),
        "apply": render.load(render.REPORT["html"])(report(shown), style),
    }
    pictures = (
        ("report-plan", "plan", "light", {"width": 1180, "height": 1120}, "#gateway/Model/summary"),
        ("report-plan-dark", "plan", "dark", {"width": 1180, "height": 900}, ""),
        ("report-apply", "apply", "light", {"width": 1180, "height": 1500}, ""),
    )
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        for name, page, scheme, viewport, fragment in pictures:
            file = Path(folder, f"{page}.html")
            file.write_text(pages[page], "utf-8")
            tab = browser.new_page(viewport=viewport, color_scheme=scheme)
            tab.goto(file.as_uri() + fragment)
            tab.wait_for_timeout(500)
            if fragment:
                tab.evaluate("document.activeElement.blur()")
            tab.screenshot(path=ASSETS / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
