"""Label selectors of the command line: `team=cx`, `team!=cx`, `team`, `!team`, several in one text by commas.

All must hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from reconciler.core.errors import UsageError
from reconciler.core.resource import DesiredState


class Requirement(NamedTuple):
    """One requirement on labels. `value` None asks only whether the label is there."""

    label: str
    value: str | None = None
    negated: bool = False

    def holds(self, labels: Mapping[str, str]) -> bool:
        """True where labels meet it. As in kubectl, `team!=cx` also holds where there is no such label."""
        met = self.label in labels if self.value is None else labels.get(self.label) == self.value
        return met is not self.negated


def parse_selector(text: str) -> tuple[Requirement, ...]:
    """The requirements in one `--select`. Raises UsageError where a part is none."""
    return tuple(_requirement(part.strip(), text) for part in text.split(","))


def _requirement(part: str, text: str) -> Requirement:
    for sign, negated in (("!=", True), ("==", False), ("=", False)):
        label, found, value = part.partition(sign)
        if found:
            requirement = Requirement(label.strip(), value.strip(), negated)
            break
    else:
        requirement = Requirement(part.removeprefix("!").strip(), None, part.startswith("!"))
    if not requirement.label or "!" in requirement.label:
        raise UsageError(
            f"--select {text!r}: {part!r} is no requirement",
            hint="LABEL=VALUE, LABEL!=VALUE, LABEL or !LABEL, several with commas between",
        )
    return requirement


def select(desired: DesiredState, selectors: Iterable[str]) -> DesiredState:
    """Select the part of the desired state whose labels meet every selector; all of it without one.

    Raises UsageError for a selector that cannot be understood, and where nothing meets them: a typo must not look like
    success.
    """
    texts = tuple(selectors)
    requirements = [requirement for text in texts for requirement in parse_selector(text)]
    if not requirements:
        return desired
    chosen = tuple(item for item in desired.resources if all(one.holds(item.labels) for one in requirements))
    if not chosen:
        known = sorted({f"{name}={value}" for item in desired.resources for name, value in item.labels.items()})
        listed = ", ".join(known[:10]) + (", …" if len(known) > 10 else "")
        hint = f"labels of the manifests: {listed}" if known else "no manifest has labels"
        asked = " ".join(f"--select {text}" for text in texts)
        raise UsageError(f"{asked} matches no manifest", hint=hint)
    return replace(desired, resources=chosen, complete=False)
