"""Label selectors of the command line: `team=cx`, `team!=cx`, `team`, `!team`, several in one text by commas.

All must hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple, Protocol, TypeVar

from reconciler.core.errors import UsageError
from reconciler.core.resource import DesiredState
from reconciler.core.schema.findings import nearest


class Labelled(Protocol):
    """What has labels, and so can be selected."""

    @property
    def labels(self) -> Mapping[str, str]: ...


Item = TypeVar("Item", bound=Labelled)


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


def parse_selectors(texts: Iterable[str]) -> tuple[Requirement, ...]:
    """The requirements in every `--select`. Raises UsageError where a part is none."""
    return tuple(requirement for text in texts for requirement in parse_selector(text))


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

    Raises UsageError for a selector that cannot be understood, and where nothing meets them.
    """
    texts = tuple(selectors)
    requirements = parse_selectors(texts)
    if not requirements:
        return desired
    chosen = meeting(requirements, desired.resources)
    if not chosen:
        raise matches_nothing(texts, desired.resources, "manifest")
    return replace(desired, resources=chosen, complete=False)


def meeting(requirements: Iterable[Requirement], items: Iterable[Item]) -> tuple[Item, ...]:
    """The items whose labels meet every requirement."""
    return tuple(item for item in items if all(one.holds(item.labels) for one in requirements))


def matches_nothing(selectors: Iterable[str], items: Iterable[Labelled], noun: str) -> UsageError:
    """The error for selectors that none of the items meets: a typo must not look like success."""
    known = sorted({f"{name}={value}" for item in items for name, value in item.labels.items()})
    listed = ", ".join(known[:10]) + (f", and {len(known) - 10:,} more" if len(known) > 10 else "")
    hint = f"labels of the {noun}s: {listed}" if known else f"no {noun} has labels"
    parts = [part.strip() for text in selectors for part in text.split(",")]
    meant = next((nearest(part, known) for part in parts if part not in known and "!" not in part), None)
    hint = f"did you mean {meant!r}? {hint}" if meant is not None else hint
    asked = " ".join(f"--select {text}" for text in selectors)
    return UsageError(f"{asked} matches no {noun}", hint=hint)
