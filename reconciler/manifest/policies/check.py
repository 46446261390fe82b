"""Check manifests against policies: who breaks which, and what waivers leave of that."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from reconciler.core.errors import Problem
from reconciler.core.resource import Address, Desired
from reconciler.core.schema.findings import Finding
from reconciler.manifest.manifests import Manifest
from reconciler.manifest.policies import bounded
from reconciler.manifest.policies.bounded import Verdict
from reconciler.manifest.policies.cases import Case, cases_of
from reconciler.manifest.policies.mistakes import problems_of
from reconciler.manifest.policies.policy import Policies, Policy
from reconciler.manifest.policies.verdicts import Failed
from reconciler.manifest.policies.waivers import Violation, Waived, waive
from reconciler.registry.entry import RegistryEntry


class Checked(NamedTuple):
    """What policies say of manifests, and the problems of the policies themselves."""

    waived: Waived
    problems: tuple[Problem, ...]


@dataclass
class _Group:
    """What makes one problem of several verdicts: one policy, one manifest, one place in it, one reason."""

    policy: Policy
    manifest: Manifest
    pointer: str
    failed: Failed | None
    addresses: list[Address] = field(default_factory=list)


def check(
    policies: Policies,
    manifests: Sequence[Manifest],
    desired: Sequence[Desired],
    entries: Mapping[str, RegistryEntry],
    *,
    environment: str | None,
    today: date,
) -> Checked:
    """Check the objects that manifests declare. `today` is the day, in UTC, on which waivers hold or have ended."""
    cases = list(cases_of(manifests, desired, entries, environment))
    rules = policies.policies
    work = [[number for number, case in enumerate(cases) if policy.matches(case.subject)] for policy in rules]
    verdicts = bounded.judge(rules, [case.seen for case in cases], work)
    problems = problems_of(((rules[number], item) for number, item in verdicts.unusable), policies.texts)
    violations = _violations(rules, cases, verdicts.broken)
    return Checked(waive(manifests, violations, policies.names, today), (*policies.problems, *problems))


def _violations(rules: Sequence[Policy], cases: Sequence[Case], broken: Sequence[Verdict]) -> Iterator[Violation]:
    """One violation for what several registries have in common; it says which."""
    groups: dict[tuple[int, int, str, Failed | None], _Group] = {}
    for verdict in broken:
        case = cases[verdict.case]
        for pointer in dict.fromkeys(map(case.place, verdict.pointers)) or ("",):
            group = _Group(rules[verdict.policy], case.manifest, pointer, verdict.failed)
            key = (verdict.policy, id(case.manifest), pointer, verdict.failed)
            groups.setdefault(key, group).addresses.append(case.item.address)
    for group in groups.values():
        yield Violation(group.manifest, group.policy, _finding(group))


def _finding(group: _Group) -> Finding:
    policy = group.policy
    rule = f"policy/{policy.name}"
    if group.failed is None:
        registries = list(dict.fromkeys(address.registry for address in group.addresses))
        where = f"{'registry' if len(registries) == 1 else 'registries'} {', '.join(registries)}"
        message = f"{policy.message} ({policy.place}, {where})"
        return Finding(rule, message, group.pointer, severity=policy.severity)
    what = ", ".join(map(str, group.addresses))
    message = f"cannot judge {what}: {group.failed.message} ({policy.place})"
    return Finding(rule, message, group.pointer, suggestion=_asking_first(policy, group.failed.missing))


def _asking_first(policy: Policy, missing: str) -> str | None:
    """How an expression asks whether a member is there before it uses it."""
    if not missing:
        return None
    path = re.search(rf"[\w.]+\.{re.escape(missing)}(?!\w)", policy.cel or "")
    if path is None:
        return f"ask first whether it is there, as in `{missing!r} in object`"
    return f"ask first whether it is there: has({path[0]})"
