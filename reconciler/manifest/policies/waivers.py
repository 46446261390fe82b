"""Waivers: exceptions from policies that manifests ask for, each with a reason and a last day. Pure: the day is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from reconciler.core.model import Waiver
from reconciler.core.schema.findings import Finding, nearest
from reconciler.manifest.manifests import Manifest
from reconciler.manifest.policies.policy import Policy


class Violation(NamedTuple):
    """A policy that one manifest breaks, or that cannot be judged for it."""

    manifest: Manifest
    policy: Policy
    finding: Finding


class Waived(NamedTuple):
    """What is left of some violations once waivers have spoken.

    `used` and `unused` are the warnings of waivers that waive nothing: of those that did waive something, and of those
    that did not. Only who knows every environment can tell which of them to give.
    """

    findings: tuple[tuple[Manifest, Finding], ...]
    used: tuple[tuple[Manifest, Finding], ...]
    unused: tuple[tuple[Manifest, Finding], ...]


def waive(
    manifests: Iterable[Manifest], violations: Iterable[Violation], known: Mapping[str, str], today: date
) -> Waived:
    """Apply the waivers of some manifests to what they break on a day, in UTC.

    A waiver holds through the day `until`. It concerns its own manifest and the policy that it names, nothing else.
    `known` has the names of all policies, those that cannot be used among them.
    """
    broken = list(violations)
    findings: list[tuple[Manifest, Finding]] = []
    for violation in broken:
        ends = [waiver.until for waiver in violation.manifest.waivers if waiver.policy == violation.policy.name]
        if not ends:
            findings.append((violation.manifest, violation.finding))
        elif date.fromisoformat(max(ends)) < today:
            message = f"{violation.finding.message}; its waiver ended {max(ends)}"
            findings.append((violation.manifest, violation.finding._replace(message=message)))
    hit = {(violation.manifest.source, violation.policy.name) for violation in broken}
    used: list[tuple[Manifest, Finding]] = []
    unused: list[tuple[Manifest, Finding]] = []
    for manifest in manifests:
        for index, waiver in enumerate(manifest.waivers):
            if waiver.policy not in known:
                findings.append((manifest, _unknown(index, waiver, known)))
                continue
            held = (manifest.source, waiver.policy) in hit
            (used if held else unused).append((manifest, _unused(index, waiver)))
    return Waived(tuple(findings), tuple(used), tuple(unused))


def _unknown(index: int, waiver: Waiver, known: Mapping[str, str]) -> Finding:
    message = f"there is no policy {waiver.policy!r}" + ("" if known else ": the project has none")
    return Finding("unknown-policy", message, f"/waivers/{index}/policy", suggestion=nearest(waiver.policy, known))


def _unused(index: int, waiver: Waiver) -> Finding:
    message = f"this waives nothing: the policy {waiver.policy!r} is met without it; remove it"
    return Finding("unused-waiver", message, f"/waivers/{index}", severity="warning")
