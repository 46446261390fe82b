"""The HTML reports in a real Chromium: they are found without fault by axe, usable by keyboard, and quick because they do little."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browser.conftest import Open
from playwright.sync_api import Page
from render.samples import PLAIN, address, plan, report, validation

from reconciler import render
from reconciler.core.errors import ManifestError
from reconciler.core.resource import Address, Desired, Resource, Source
from reconciler.planner.plan import Change, FieldChange, Plan

Axe = Callable[[Page], list[str]]

MANY = 2_000


def html(family: str, value: object) -> str:
    families = {"plan": render.PLAN, "drift": render.DRIFT, "apply": render.REPORT, "validate": render.VALIDATION}
    return str(render.load(families[family]["html"])(value, PLAIN))


def failure() -> str:
    checked = validation()
    error = ManifestError("the manifests have 2 errors", checked.problems, checked.lines, hint="correct them")
    return str(render.load("reconciler.render.failure:render")("html", error, "plan"))


def pages() -> dict[str, str]:
    return {
        "plan": html("plan", joined()),
        "drift": html("drift", plan()),
        "apply": html("apply", report()),
        "validate": html("validate", validation()),
        "failure": failure(),
    }


def joined() -> Plan:
    """The sample with a fold, labels and dependencies."""
    fleet = tuple(
        Change(
            address(f"tenant-{number}"),
            "update",
            "drifted",
            (FieldChange("/limits/rpm", 60, 90),),
            source=Source("manifests/fleet.yaml", number + 1),
            desired=Desired(Resource(address(f"tenant-{number}"), {}), "x", labels={"team": f"t{number % 2}"}),
        )
        for number in range(8)
    )
    sample = plan()
    needs = (address("reconciler-chat-api_key", "Secret"),)
    first, *rest = sample.changes
    changes = (first, *(_needing(change, needs) if change.address.key == "chat" else change for change in rest), *fleet)
    return Plan(changes, 10, sample.orphans, sample.guards, sample.problems, fingerprint=sample.fingerprint)


def _needing(change: Change, needs: tuple[Address, ...]) -> Change:
    return Change(change.address, change.action, change.reason, change.fields, source=change.source, depends_on=needs)


def many(number: int = MANY) -> Plan:
    """A plan of so many creates, none of which needs another."""
    return Plan(
        tuple(
            Change(
                Address(("aigo", "nemo")[place % 2], "Model", f"model-{place:05d}"),
                "create",
                "new",
                (FieldChange("/display_name", after=f"Model {place}"), FieldChange("/limits", after={"rpm": place})),
                source=Source("manifests/fleet.yaml", place + 1),
            )
            for place in range(number)
        ),
        0,
    )


def eventually(page: Page, true: str) -> None:
    """Wait until an expression is true in a page. Playwright's own wait evaluates a text there, which the page's policy forbids."""
    for _ in range(600):
        if page.evaluate(true):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never true: {true}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["plan", "drift", "apply", "validate", "failure"])
def test_axe_finds_nothing(name: str, scheme: str, open_page: Open, axe: Axe) -> None:
    """No page breaks a rule of axe, closed or with all rows open, in light and in dark."""
    page = open_page(pages()[name], color_scheme=scheme)
    assert axe(page) == []
    if page.locator("#expand").count():
        page.click("#expand")
        assert axe(page) == []


@pytest.mark.parametrize("name", ["plan", "drift", "apply", "validate", "failure"])
def test_nothing_is_wider_than_a_phone(name: str, open_page: Open, axe: Axe) -> None:
    """At 360 pixels nothing but drawings and quoted lines scrolls sideways, also with all rows open."""
    page = open_page(pages()[name], viewport={"width": 360, "height": 700})
    if page.locator("#expand").count():
        page.click("#expand")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert axe(page) == []


def test_without_javascript_everything_can_be_read(open_page: Open) -> None:
    """Each change and its fields are shown, and the filter, which could do nothing, is not."""
    page = open_page(html("plan", joined()), java_script_enabled=False)
    assert page.locator(".row").count() == page.locator(".row > .body:visible").count() > 0
    assert not page.locator(".toolbar").is_visible()
    assert page.locator(".row", has_text="summary").first.get_by_text("(secret)").is_visible()


def test_printing_expands_everything(open_page: Open) -> None:
    """On paper every row is open, folds and panels too, and there is nothing to click."""
    page = open_page(html("plan", joined()))
    assert page.locator(".row > .body:visible").count() == 0
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".row > .body:visible").count() == page.locator(".row").count()
    assert page.locator(".members li:visible").count() == 9  # eight in the fold, one orphan
    assert not page.locator(".toolbar").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details.fold[open]").count() == 0


def test_the_filter(open_page: Open) -> None:
    """Words, registries and labels narrow together; what is left is counted; nothing left says so, with the way back."""
    page = open_page(html("plan", joined()))
    shown = page.locator("[data-v]:visible")
    page.fill("#search", "SUMMARY temperature")
    assert shown.count() == 1
    assert page.inner_text("#found") == "1 of 17 changes shown"
    page.fill("#search", "rpm")
    assert shown.count() == 8  # members of a fold are found by what they share, and the fold opens
    page.get_by_label("Label").select_option(label="team=t1 (4)")
    assert shown.count() == 4
    page.fill("#search", "no such thing")
    assert shown.count() == 0
    page.get_by_role("button", name="Clear it").click()
    assert page.inner_text("#found") == "17 changes"
    page.get_by_label("Action").select_option(label="delete (2)")
    assert page.locator("section.group:visible h2").all_text_contents() == ["Deleted and replaced 3"]


def test_keyboard_alone(open_page: Open) -> None:
    """Tab reaches the content, the search, each choice and each row; Enter opens and closes a row; Escape clears the search."""
    page = open_page(html("plan", plan()))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
        if reached[-1] == "head":
            break
    assert {"search", "expand", "collapse"} <= set(reached)
    page.keyboard.press("Enter")
    opened = page.locator(".row.open")
    assert (opened.count(), opened.locator(".head").get_attribute("aria-expanded")) == (1, "true")
    page.keyboard.press("Enter")
    assert opened.count() == 0
    page.focus("#search")
    page.keyboard.type("summary")
    assert page.locator("[data-v]:visible").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("[data-v]:visible").count() == len(plan().changes)


def test_a_link_leads_to_a_change_and_opens_it(open_page: Open) -> None:
    """#address opens the row, or the fold that it is in, brings it into view and takes the focus there."""
    page = open_page(html("plan", joined()), "#aigo/Model/summary")
    eventually(page, "document.activeElement.parentElement.id === 'aigo/Model/summary'")
    assert page.locator(".row.open").get_attribute("id") == "aigo/Model/summary"
    page.evaluate("location.hash = '#aigo/Model/tenant-5'")
    page.wait_for_selector(".fold[open]")
    assert page.get_by_text("tenant-5").is_visible()
    page.fill("#search", "router")
    page.evaluate("location.hash = '#aigo/Model/chat'")  # a link to what the filter hides lifts the filter
    eventually(page, "document.querySelector('#search').value === ''")
    assert page.locator(".row.open").count() == 2


def test_the_address_is_copied(open_page: Open) -> None:
    """An open row offers its address and its link; the clipboard then holds them."""
    page = open_page(html("plan", plan()), "#aigo/Model/summary", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy address").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "aigo/Model/summary"
    page.get_by_role("button", name="Copy link").click()
    eventually(page, "navigator.clipboard.readText().then(text => text.endsWith('#aigo/Model/summary'))")


def test_no_value_becomes_code(open_page: Open) -> None:
    """Keys, fields and values of a hostile hand are text: no element, handler or script of theirs is in the page."""
    bad = "\"'></title></style></script><script>alert(1)</script><img src=x onerror=alert(1)>javascript:alert(1)\u202e\x1b{{7*7}}"
    where = Address(bad, bad, bad)
    change = Change(where, "update", bad, (FieldChange("/" + bad, bad, bad + "x"),), message=bad, source=Source(bad, 1))
    labelled = Change(
        Address("a", "b", bad),
        "create",
        "new",
        (FieldChange("/x", after={bad: [bad]}),),
        desired=Desired(Resource(where, {}), "k", labels={bad: bad}),
        depends_on=(where,),
    )
    page = open_page(html("plan", Plan((change, labelled), 0, (where,), environment=bad)))
    page.click("#expand")
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0
    assert (
        page.evaluate(
            "[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length"
        )
        == 0
    )
    assert page.evaluate("[...document.querySelectorAll('[href]')].every(e => e.getAttribute('href').startsWith('#'))")
    assert "{{7*7}}" in page.inner_text("main")


def test_the_policy_stops_what_is_not_ours(open_page: Open, complaints: list[str]) -> None:
    """A script, a handler, a style or an image that got into the page all the same neither runs nor loads."""
    foreign = (
        "<script>window.ran = 1</script><p id=p style='color: red' onclick='window.ran = 1'>x</p>"
        "<img src='https://tracker.example/x.png'><link rel=stylesheet href='https://tracker.example/x.css'>"
    )
    page = open_page(html("plan", plan()).replace("</main>", f"{foreign}</main>"))
    page.click("#p")
    assert page.evaluate("window.ran === undefined && document.querySelector('#p').style.color === ''")
    refused = [complaint for complaint in complaints if "Content Security Policy" in complaint]
    assert len(refused) == 5
    asked = {complaint for complaint in complaints if complaint not in refused}
    assert asked <= {"https://tracker.example/x.png", "https://tracker.example/x.css"}  # told, and never sent
    assert page.evaluate("document.querySelector('img').naturalWidth") == 0
    complaints.clear()


def test_many_changes_cost_little(open_page: Open) -> None:
    """A long plan is laid out where it is looked at only; a filter that changes nothing touches no row; nothing is drawn."""
    page = open_page(html("plan", many()))
    assert page.locator("[data-v]").count() == MANY
    assert page.locator("svg").count() == 0
    elements = page.evaluate("document.getElementsByTagName('*').length")
    assert elements < 20 * MANY
    laid_out = "[...document.querySelectorAll('.row')].filter(row => row.checkVisibility({contentVisibilityAuto: true})).length"
    eventually(page, f"{laid_out} < {MANY // 4}")
    page.evaluate(
        "() => { window.touched = 0; new MutationObserver(found => { window.touched += found.length })"
        ".observe(document.querySelector('main'), {subtree: true, attributes: true, attributeFilter: ['hidden']}) }"
    )
    page.fill("#search", "model-0")
    assert page.evaluate("window.touched") == 0  # all rows stay
    page.fill("#search", "model-00007")
    assert page.locator(".row:visible").count() == 1
    assert page.evaluate("window.touched") < MANY / 10  # chunks in which nothing is left are hidden as a whole
    # what is far away follows when nobody waits, and at the latest when it comes near
    page.fill("#search", "model-000")
    eventually(page, "[...document.querySelectorAll('[data-v]')].filter(row => row.checkVisibility()).length === 100")
