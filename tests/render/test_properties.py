"""Whatever a plan or report holds, every format renders it, safely."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import render
from reconciler.applier.report import Outcome, Report
from reconciler.core.actions import ACTIONS, DONE, STATUSES
from reconciler.core.errors import Problem
from reconciler.core.pointer import MISSING
from reconciler.core.resource import Address, Source
from reconciler.manifest.validation import Validation
from reconciler.planner.plan import Change, Consents, FieldChange, Guard, Plan
from reconciler.render.terminal import Style

RAW = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")

hostile = st.sampled_from(
    ["\x1b[2J", "\u202e", "`", "|", "\\", "\r\n", "@a", "<!--", "\ud800", "::", "]]>", "token: x", "~~~"]
)
texts = st.lists(st.text(max_size=8) | hostile, max_size=4).map("".join)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.text(min_size=90, max_size=130)
data = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
addresses = st.builds(
    Address, st.sampled_from(["aigo", "nemo"]) | texts, st.just("Model") | texts, st.sampled_from("abc") | texts
)
sources = st.none() | st.builds(Source, texts, st.integers(1, 99))
sides = st.just(MISSING) | data
fields = st.builds(FieldChange, texts, sides, sides, st.booleans())
changes = st.builds(
    Change,
    addresses,
    st.sampled_from(ACTIONS),
    st.sampled_from(["new", "changed", "drifted", "immutable"]) | texts,
    st.lists(fields, max_size=4).map(tuple),
    parent=st.none() | addresses,
    previous=st.none() | addresses,
    source=sources,
    message=texts,
    replaces=st.lists(texts, max_size=1).map(tuple),
)
places = st.integers(1, 6)
problems = st.builds(
    Problem,
    st.sampled_from(["a.yaml", "b.yaml"]) | texts,
    places,
    st.integers(1, 40),
    st.just("literal-secret") | texts,
    texts,
    st.integers(0, 6),
    st.integers(0, 40),
    st.sampled_from(["error", "warning"]),
    texts,
    st.none() | texts,
)
plans = st.builds(
    Plan,
    st.lists(changes, max_size=6).map(tuple),
    st.integers(0, 3),
    st.lists(addresses, max_size=3).map(tuple),
    st.lists(st.builds(Guard, texts, texts, st.none() | texts), max_size=2).map(tuple),
    st.lists(problems, max_size=2).map(tuple),
    st.builds(Consents, st.booleans(), st.none() | places, take_ownership=st.lists(texts, max_size=1).map(tuple)),
    st.none() | texts,
)
outcomes = st.builds(
    Outcome, addresses, st.sampled_from(list(DONE)), st.sampled_from(STATUSES), texts, texts, st.floats(0, 9)
)
reports = st.builds(
    Report,
    plans,
    st.lists(outcomes, max_size=25).map(tuple),
    st.none() | texts,
    st.lists(texts, max_size=2).map(tuple),
)
validations = st.builds(
    Validation,
    st.integers(0, 3),
    st.integers(0, 3),
    st.lists(problems, max_size=4).map(tuple),
    st.fixed_dictionaries(
        {"a.yaml": st.lists(texts, max_size=6), "b.yaml": st.lists(st.text(max_size=200), max_size=3)}
    ),
)
styles = st.builds(
    lambda width, strict: Style(color=False, width=width, strict=strict), st.sampled_from([20, 80, 100]), st.booleans()
)


def rendered(formats, value, style: Style) -> dict[str, str]:
    found = {name: render.load(spec)(value, style) for name, spec in formats.items()}
    assert not [name for name, text in found.items() if RAW.search(text)]
    assert found == {name: render.load(spec)(value, style) for name, spec in formats.items()}
    return found


@settings(max_examples=80, deadline=None)
@given(plans, styles)
def test_any_plan_renders(plan: Plan, style: Style) -> None:
    """Every format renders every plan the same twice, without a raw control character, and JSON is JSON."""
    found = rendered(render.PLAN, plan, style)
    assert len(json.loads(found["json"])["changes"]) == sum(change.action != "unchanged" for change in plan.changes)
    named = re.findall(r"^> - (?!\*\*)", found["markdown"], re.MULTILINE)
    assert len(named) == sum(change.action in ("delete", "replace") for change in plan.changes)
    rendered(render.DRIFT, plan, style)


@settings(max_examples=60, deadline=None)
@given(reports, styles)
def test_any_report_renders(report: Report, style: Style) -> None:
    """Every format renders every report, and JSON is JSON."""
    assert len(json.loads(rendered(render.REPORT, report, style)["json"])["outcomes"]) == len(report.outcomes)


@settings(max_examples=120, deadline=None)
@given(validations, styles)
def test_any_validation_renders(validation: Validation, style: Style) -> None:
    """Every format renders every set of problems; JSON and SARIF are JSON, JUnit is XML, one annotation is one line."""
    found = rendered(render.VALIDATION, validation, style)
    number = len(validation.problems)
    assert len(json.loads(found["json"])["problems"]) == number
    assert len(json.loads(found["sarif"])["runs"][0]["results"]) == number
    assert ElementTree.fromstring(found["junit"]).tag == "testsuites"
    assert len(found["github"].split("\n")) == number + 1
