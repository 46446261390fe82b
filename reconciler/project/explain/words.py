"""The stable words with their meanings: rules, actions, reasons, guards, states, outcomes, exit codes, field rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from reconciler.applier.report import OUTCOME_REASONS
from reconciler.core.answer_words import ACTION_MEANINGS, CONDITION_MEANINGS, COUNT_MEANINGS, STATUS_MEANINGS
from reconciler.core.exit_codes import EXIT_CODES, PRECEDENCE
from reconciler.core.problem_rules import RULES as PROBLEM_RULES
from reconciler.core.rules import RULES as FIELD_RULES
from reconciler.core.rules import NeedsConsent
from reconciler.core.topic import Topic
from reconciler.planner.guards import GUARDS
from reconciler.planner.reasons import REASONS
from reconciler.project.explain.fields import first_paragraph
from reconciler.registry.protocol import Driver

RULE: Final = "validation rule"
ACTION: Final = "action of a plan"
COUNT: Final = "count of a plan"
REASON: Final = "reason of a change"
GUARD: Final = "guard"
STATUS: Final = "state of an outcome"
OUTCOME: Final = "reason of an outcome"
CONDITION: Final = "reason of a condition in a cluster"
EXIT_CODE: Final = "exit code"
FIELD_RULE: Final = "field rule"
SORTS: Final = {
    "rules": RULE,
    "actions": ACTION,
    "counts": COUNT,
    "reasons": REASON,
    "guards": GUARD,
    "states": STATUS,
    "outcomes": OUTCOME,
    "conditions": CONDITION,
    "exit_codes": EXIT_CODE,
    "field_rules": FIELD_RULE,
}


class Consent(NamedTuple):
    """A value with consequences: the guard that asks for consent, the field that may hold it, its rule."""

    guard: str
    field: str
    rule: NeedsConsent

    @property
    def meaning(self) -> str:
        return f"The run would set `{self.field}` to `{str(self.rule.value).lower()}`: {self.rule.reason}."

    @property
    def lifted_by(self) -> str:
        return f"`guards: {{{self.rule.guard}: true}}` in reconciler.yaml"


def consents(drivers: Mapping[str, Driver]) -> Iterator[Consent]:
    """The values with consequences that the kinds of drivers declare; each guard once."""
    seen: set[str] = set()
    for name, driver in drivers.items():
        for kind in driver.kinds.values():
            for path, node in kind.root.walk():
                rule = node.rule(NeedsConsent)
                if rule is not None and rule.guard not in seen:
                    seen.add(rule.guard)
                    yield Consent(rule.guard.replace("_", "-"), f"{name}/{kind.name} {'.'.join(path)}", rule)


def words(drivers: Mapping[str, Driver]) -> Iterator[Topic]:
    """Every word that an answer may hold, sort by sort."""
    for word, rule in PROBLEM_RULES.items():
        yield Topic(word, RULE, rule.meaning, rule.remedy, f"reference/rules.html#{word}")
    for consent in consents(drivers):
        name = consent.guard.removeprefix("allow-")
        meaning = f"{consent.meaning} A warning of a plan; the guard `{consent.guard}` stops the run without consent."
        yield Topic(name, RULE, meaning, f"{consent.lifted_by} allows it.", f"reference/rules.html#{name}")
    for sort, page, meanings in (
        (ACTION, "reasons.html#action-", ACTION_MEANINGS),
        (COUNT, "reasons.html#count-", COUNT_MEANINGS),
        (STATUS, "outcomes.html#state-", STATUS_MEANINGS),
    ):
        for word, found in meanings.items():
            yield Topic(word, sort, found.meaning, found.remedy, f"reference/{page}{word}")
    for word, reason in REASONS.items():
        shown = () if reason.shown == word else (f"A plan says it as: {reason.shown}",)
        yield Topic(word, REASON, reason.meaning, reason.remedy, f"reference/reasons.html#{word}", notes=shown)
    yield from _guards(drivers)
    for word, meaning in OUTCOME_REASONS.items():
        yield Topic(word, OUTCOME, meaning, page=f"reference/outcomes.html#{word}")
    for word, found in CONDITION_MEANINGS.items():
        yield Topic(word, CONDITION, found.meaning, found.remedy, f"reference/kubernetes.html#condition-{word}")
    for code in PRECEDENCE:
        meaning = f"{EXIT_CODES[code][:1].upper()}{EXIT_CODES[code][1:]}."
        yield Topic(str(code), EXIT_CODE, meaning, page=f"reference/exit-codes.html#exit-{code}")
    for kind in FIELD_RULES:
        name = kind.__name__
        yield Topic(
            name, FIELD_RULE, first_paragraph(kind.__doc__ or ""), page=f"reference/field-rules.html#{name.lower()}"
        )


def _guards(drivers: Mapping[str, Driver]) -> Iterator[Topic]:
    lifted = {name: (guard.meaning, guard.lifted_by) for name, guard in GUARDS.items()}
    lifted |= {consent.guard: (consent.meaning, consent.lifted_by) for consent in consents(drivers)}
    for name, (meaning, lifted_by) in lifted.items():
        yield Topic(name, GUARD, meaning, f"Lifted by: {lifted_by}.", f"reference/guards.html#{name}")
