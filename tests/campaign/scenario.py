"""What a schedule begins with: manifests, and a registry that holds objects of ours, of others and of nobody."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from world import Document, World

from reconciler.testing.sample import Sample

CONSENTS: Final[dict[str, Any]] = {"prune": True, "allow_deletes": 99, "allow_replaces": 99}
ROLES: Final = (
    "new",
    "new",
    "same",
    "changed",
    "changed",
    "absent",
    "pruned",
    "renamed",
    "protected",
    "taken",  # desired by us, and another owner's
    "strange",  # another owner's, and nobody else's business
    "nobody's",
)
STAYS: Final = ("same", "protected", "taken", "strange", "nobody's")  # the roles of what nobody wants gone
Named = Callable[[Sample, str], str]


def plainly(sample: Sample, name: str) -> str:
    return name


@dataclass
class Scenario:
    """The documents of the run, and what is applied before it, by owner."""

    before: dict[str | None, list[Document]] = field(default_factory=lambda: {"us": [], "them": [], None: []})
    desired: list[Document] = field(default_factory=list)
    ours: list[Document] = field(default_factory=list)  # objects of `before` as somebody changes them
    new: list[Document] = field(default_factory=list)  # what another owner may be first with
    stays: list[str] = field(default_factory=list)  # keys of what nobody wants gone
    consents: dict[str, Any] = field(default_factory=lambda: dict(CONSENTS))  # of the run that the faults strike

    async def fill(self, world: World) -> None:
        for owner, documents in self.before.items():
            if documents:
                report = await world.as_owner(owner).apply(*documents)
                wrong = [outcome for outcome in report.outcomes if outcome.status != "ok"]
                if wrong:
                    raise AssertionError(f"the registry cannot be filled: {wrong}")


def scenario_of(seed: int, samples: tuple[Sample, ...], named: Named = plainly) -> Scenario:
    """The one scenario of a seed: two to five objects, each in a role of its own."""
    chance, made = random.Random(f"scenario {seed}"), Scenario()
    for number in range(chance.randint(2, 5)):
        sample = chance.choice(samples)
        _add(made, sample, f"object-{seed}-{number}", chance, named)
    if chance.random() < 0.25:  # then what would delete is refused as a whole
        made.consents["allow_deletes"] = 0
    return made


def _add(made: Scenario, sample: Sample, name: str, chance: random.Random, named: Named) -> None:
    role = chance.choice(ROLES)
    document = sample.document | {"key": named(sample, name)}
    _add_beside(made, sample)
    if role in STAYS:
        made.stays.append(str(document["key"]))
    match role:
        case "new":
            made.desired.append(document)
            made.new.append(document)
        case "same" | "changed":
            made.before["us"].append(document)
            made.ours.append(_changed(sample, document, chance))
            made.desired.append(_changed(sample, document, chance) if role == "changed" else document)
        case "absent":
            made.before["us"].append(document)
            made.desired.append({"kind": document["kind"], "key": document["key"], "state": "absent"})
        case "pruned":
            made.before["us"].append(document)
        case "renamed":
            made.before["us"].append(document)
            key = named(sample, f"{name}-renamed")
            made.desired.append(document | {"key": key, "previous_keys": [document["key"]]})
        case "protected":
            made.before["us"].append(document | {"protected": True})
        case "taken":
            made.before["them"].append(document)
            made.desired.append(document)
        case "strange":
            made.before["them"].append(document)
        case _:
            made.before[None].append(document)


def _add_beside(made: Scenario, sample: Sample) -> None:
    """What the sample refers to is there, and stays."""
    for one in sample.beside:
        for documents in (made.before["us"], made.desired):
            if one not in documents:
                documents.append(one)


def _changed(sample: Sample, document: Document, chance: random.Random) -> Document:
    place = chance.choice(sorted(sample.updates))
    value = chance.choice(sample.updates[place])
    changed = next(iter(Sample(document, {}).having(place, value)))
    return dict(changed)
