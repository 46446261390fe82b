"""Models tried out at their endpoints: which ones are meant, and what became of them as data. `test` and `apply --test` share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from reconciler.cli.streams import say
from reconciler.core.errors import InputError, UsageError
from reconciler.core.resource import Address
from reconciler.endpoint.gate import concerned, withheld
from reconciler.endpoint.many import all_tried
from reconciler.endpoint.subjects import named, subjects
from reconciler.endpoint.tester import check_input
from reconciler.endpoint.values import Subject, Tried
from reconciler.planner.plan import Plan
from reconciler.project.workspace import Loaded, Workspace
from reconciler.registry.capabilities import Check
from reconciler.render.escape import printable


def meant(loaded: Loaded, key: str, given: Any) -> Subject | None:
    """The declared model with an endpoint that a key or an address names, if one does.

    Raises UsageError for several, InputError where it cannot be asked with what is given.
    """
    found = named(key, subjects(loaded.manifests.manifests, loaded.desired))
    if len(found) > 1:
        places = ", ".join(sorted(str(one.addresses[0]) for one in found))
        raise UsageError(f"{key!r} names {len(found)} models: {places}", hint="give the address")
    if not found:
        return None
    check_input(found[0], given)
    return replace(found[0], addresses=tuple(sorted(found[0].addresses, key=lambda one: (str(one) != key, one))))


def selected(loaded: Loaded, selections: Sequence[tuple[str, str]], given: Any) -> tuple[Subject, ...]:
    """Every declared model with an endpoint whose labels hold all of these.

    Raises ManifestError where the manifests have errors, InputError where one of them cannot be asked with what is given.
    """
    every = subjects(loaded.manifests.manifests, loaded.checked())
    chosen = tuple(one for one in every if all(one.labels.get(name) == value for name, value in selections))
    if selections and not chosen:  # a gate that tests nothing must not be green
        asked = " ".join(f"--select {name}={value}" for name, value in selections)
        raise InputError(f"{asked} matches no declared model with an endpoint", hint="look at the models' `labels`")
    for subject in chosen if given is not None else ():
        check_input(subject, given)
    return chosen


async def results(here: Workspace, chosen: Sequence[Subject], given: Any) -> list[dict[str, Any]]:
    """What became of each, in the order given, as the answer of `test` tells it."""
    every = await all_tried(chosen, here.resolver, given=given)
    return [_result(subject, tried) for subject, tried in zip(chosen, every, strict=True)]


async def gated(here: Workspace, loaded: Loaded, plan: Plan) -> Plan:
    """The plan without the models whose endpoint fails, and without what depends on them. Each is told on stderr."""
    chosen = concerned(plan, subjects(loaded.manifests.manifests, loaded.desired))
    failures: dict[Address, str] = {}
    for subject, tried in zip(chosen, await all_tried(chosen, here.resolver, probe=False), strict=True):
        ended = "ok" if tried.ok else f"failed: {tried.failure}"
        say(f"test {printable(subject.key)}: {printable(ended)}")
        if not tried.ok:
            failures.update(dict.fromkeys(subject.addresses, tried.failure))
    return withheld(plan, failures)


def checks_of(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """The checks as the answer of `test` tells them."""
    return [
        {"name": check.name, "ok": check.ok, "message": check.message, "duration_ms": round(check.duration * 1000)}
        for check in checks
    ]


def _result(subject: Subject, tried: Tried) -> dict[str, Any]:
    data = {
        "address": str(subject.addresses[0]),
        "ok": tried.ok,
        "checks": checks_of(tried.checks),
        "output": tried.output,
        "endpoint": urlunsplit(urlsplit(subject.endpoint.url)._replace(query="", fragment="")),
        "capabilities": dict(tried.capabilities),
        "figures": dict(tried.figures),
        "steps": [step._asdict() for step in tried.steps],
    }
    return {name: value for name, value in data.items() if value or name not in ("capabilities", "figures", "steps")}
