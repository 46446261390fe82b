"""Saved plans: issued and sealed when they are written, judged by seal and age when they are read.

The digest in a plan file finds an accident. Against somebody who edits the file on its way, as an artefact of a
pipeline, there is the seal, made with `fingerprint_key`. Without a key apply still judges every object again: see
`planner.recheck`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from reconciler.core.errors import PlanFileError, SecretError
from reconciler.core.fingerprint import seal, sealed_by
from reconciler.planner.plan import Issue, Plan
from reconciler.planner.planfile import SavedPlan
from reconciler.project.workspace import Workspace

SKEW: Final = timedelta(minutes=5)  # by which the clocks of two machines may differ
_AGAIN: Final = "make it again with `reconciler plan --save`, and look at it again"


def issue(workspace: Workspace, now: datetime) -> Issue:
    """Give a plan that is saved now its number, and the time until which it may be applied."""
    moment = now.astimezone(UTC)
    return Issue(secrets.token_hex(16), _text(moment), _text(moment + workspace.project.plan_expiry))


def sealer(workspace: Workspace) -> Callable[[str], str] | None:
    """The function that seals a plan, or None where the project has no key or the key has no value here."""
    key = workspace.fingerprint_key_if_known()
    return None if key is None else partial(seal, key)


def trusted(saved: SavedPlan, workspace: Workspace, shown: str, now: datetime) -> Plan:
    """The plan of a file whose seal and age are right.

    Raises PlanFileError where they are not, SecretError without the key.
    """
    check_seal(saved, workspace, shown)
    _check_age(saved.plan.issued, workspace.project.plan_expiry, shown, now.astimezone(UTC))
    return saved.plan


def expired(issued: Issue, now: datetime) -> bool:
    """True where a plan says itself that it may not be applied any more. A time that is none is an expired one."""
    try:
        return now.astimezone(UTC) > _moment(issued.expires)
    except ValueError:
        return True


def check_seal(saved: SavedPlan, workspace: Workspace, shown: str) -> None:
    """Raises PlanFileError where the seal is not right, or missing where the project seals; SecretError without the key."""
    if workspace.project.fingerprint_key is None:
        if saved.seal is not None:
            raise PlanFileError(
                f"{shown} is sealed, and no key is here to check the seal with",
                hint="set `fingerprint_key` in reconciler.yaml, as where the plan was made",
            )
        return
    if saved.seal is None:
        raise PlanFileError(
            f"{shown} is not sealed, and this project seals its plans (`fingerprint_key`)",
            hint="make it again where the key has a value: then `reconciler plan --save` seals it",
        )
    try:
        key = workspace.fingerprint_key()
    except SecretError as error:
        raise SecretError(f"the seal of {shown} cannot be checked: {error.message}", hint=error.hint) from error
    if key is None or not sealed_by(key, saved.content, saved.seal):
        raise PlanFileError(
            f"the seal of {shown} is wrong: it was edited, or sealed with another `fingerprint_key`", hint=_AGAIN
        )


def _check_age(issued: Issue | None, expiry: timedelta, shown: str, now: datetime) -> None:
    """The clocks of two machines differ, so a plan may come from a future that is near.

    Nothing makes it last longer.
    """
    if issued is None:
        raise PlanFileError(f"{shown} does not say when it was saved: another reconciler wrote it", hint=_AGAIN)
    try:
        at, expires = _moment(issued.at), _moment(issued.expires)
    except ValueError as error:
        raise PlanFileError(f"{shown} does not say rightly when it was saved", hint=_AGAIN) from error
    if at - now > SKEW:
        raise PlanFileError(
            f"{shown} was saved at {issued.at}, and it is only {_text(now)} here",
            hint="set the clock of this machine, or of the one that made the plan",
        )
    if now > min(expires, at + expiry):
        raise PlanFileError(
            f"{shown} has expired: it was saved at {issued.at}, for {_words(min(expires - at, expiry))}",
            hint=f"{_AGAIN}; `plans: {{expire: 7d}}` in reconciler.yaml says for how long a plan holds",
        )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _moment(text: str) -> datetime:
    """Raises ValueError where it is none, or says nothing of its zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no zone")
    return moment.astimezone(UTC)


def _words(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:.3g} hours"
