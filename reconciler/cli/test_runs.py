"""Tests of models at their endpoints: which models are meant, and the results as data.

`test` and `apply --test` share it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from reconciler.cli.streams import say
from reconciler.core.errors import UsageError
from reconciler.core.resource import Address, DesiredState
from reconciler.endpoint.gate import concerned, withheld
from reconciler.endpoint.many import run_tests
from reconciler.endpoint.subjects import named, subjects
from reconciler.endpoint.test_run import check_input, streams
from reconciler.endpoint.values import Subject
from reconciler.planner.plan import Plan
from reconciler.project.loaded import LoadedManifests
from reconciler.project.selection import parse_selector
from reconciler.project.workspace import Workspace
from reconciler.registry.capabilities import Check, TestResult
from reconciler.render.escape import printable

STREAMING: Final = "streaming"  # the check that --require makes a must


def meant(workspace: Workspace, loaded: LoadedManifests, key: str, given: Any) -> Subject | None:
    """The declared model with an endpoint that a key or an address names, if one does.

    Raises UsageError for several, InputError where it cannot be asked with what is given.
    """
    loaded.check_unique(key)
    found = named(key, _declared(workspace, loaded))
    if len(found) > 1:
        places = ", ".join(sorted(str(one.addresses[0]) for one in found))
        raise UsageError(f"{key!r} names {len(found)} models: {places}", hint="give the address")
    if not found:
        return None
    check_input(found[0], given)
    return replace(found[0], addresses=tuple(sorted(found[0].addresses, key=lambda one: (str(one) != key, one))))


def selected(
    workspace: Workspace, loaded: LoadedManifests, selectors: Sequence[str], given: Any
) -> tuple[Subject, ...]:
    """Every declared model with an endpoint whose labels meet all selectors.

    Raises ManifestError where the manifests have errors, UsageError where a selector matches nothing, InputError where
    a model cannot be asked with what is given.
    """
    every = _declared(workspace, loaded, loaded.checked())
    requirements = [one for text in selectors for one in parse_selector(text)]
    chosen = tuple(one for one in every if all(requirement.holds(one.labels) for requirement in requirements))
    if requirements and not chosen:  # a gate that tests nothing must not be green
        asked = " ".join(f"--select {text}" for text in selectors)
        raise UsageError(f"{asked} matches no declared model with an endpoint", hint="look at the models' `labels`")
    for subject in chosen if given is not None else ():
        check_input(subject, given)
    return chosen


async def results(
    workspace: Workspace, chosen: Sequence[Subject], given: Any, *, required: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Test the models: the `test` answers, in the order given. What is `required` fails where it is only degraded."""
    every = await run_tests(chosen, workspace.resolver, given=given)
    return [_result(subject, _demanding(subject, one, required)) for subject, one in zip(chosen, every, strict=True)]


async def gated(workspace: Workspace, loaded: LoadedManifests, plan: Plan) -> Plan:
    """The plan without the models whose endpoint fails, and without what depends on them.

    Each is reported on stderr; degraded ones stay.
    """
    chosen = concerned(plan, _declared(workspace, loaded))
    failures: dict[Address, str] = {}
    for subject, result in zip(chosen, await run_tests(chosen, workspace.resolver, probe=False), strict=True):
        ended = f"{result.state}: {result.trouble}" if result.trouble else result.state
        say(f"test {printable(subject.key)}: {printable(ended)}")
        if not result.ok:
            failures.update(dict.fromkeys(subject.addresses, result.trouble))
    return withheld(plan, failures)


def answer_of(address: Address, result: TestResult) -> dict[str, Any]:
    """The `test` answer for one model. Empty parts are left out."""
    data = {
        "address": str(address),
        "ok": result.ok,
        "state": result.state,
        "checks": [_check(check) for check in result.checks],
        "output": result.output,
        "capabilities": dict(result.capabilities),
        "figures": dict(result.figures),
        "steps": [
            {name: value for name, value in step._asdict().items() if value is not None} for step in result.steps
        ],
    }
    return {name: value for name, value in data.items() if value or name not in ("capabilities", "figures", "steps")}


def require(result: TestResult, required: Collection[str], missing: str) -> TestResult:
    """The result where each required check is a must: `missing` says why one was not run, where it was not."""
    ran = {check.name for check in result.checks}
    checks = tuple(
        check._replace(ok=check.ok and not (check.degraded and check.name in required)) for check in result.checks
    )
    absent = [Check(name, ok=False, message=missing, duration=0.0) for name in sorted(required) if name not in ran]
    return replace(result, checks=(*checks, *(absent if result.ok else ())))


def _demanding(subject: Subject, result: TestResult, required: Collection[str]) -> TestResult:
    """A task without streams, such as embeddings, cannot be required to stream."""
    if not streams(subject):
        required = [name for name in required if name != STREAMING]
    return require(result, required, "it is required, and a format of its own is not asked for it")


def _check(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "ok": check.ok,
        "state": check.state,
        "message": check.message,
        "duration_ms": round(check.duration * 1000),
    }


def _declared(
    workspace: Workspace, loaded: LoadedManifests, desired: DesiredState | None = None
) -> tuple[Subject, ...]:
    drivers = [entry.driver for entry in workspace.entries.values()]
    return subjects(loaded.manifests, loaded.desired if desired is None else desired, drivers)


def _result(subject: Subject, result: TestResult) -> dict[str, Any]:
    endpoint = urlunsplit(urlsplit(subject.endpoint.url)._replace(query="", fragment=""))
    return {**answer_of(subject.addresses[0], result), "endpoint": endpoint}
