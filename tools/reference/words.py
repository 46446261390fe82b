"""The pages of the stable words: validation rules, reasons of a plan, reasons of an outcome, guards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from markdown import cell, code, page, paragraph, sentence, table

from reconciler.applier.report import OUTCOME_REASONS
from reconciler.core.answer_words import ACTION_MEANINGS, COUNT_MEANINGS, STATUS_MEANINGS, Meaning
from reconciler.core.problem_rules import GROUPS
from reconciler.planner.guards import GUARDS
from reconciler.planner.reasons import REASONS
from reconciler.project.explain.words import Consent, consents
from reconciler.registry import catalog


def rules_page() -> str:
    """Each rule that a problem may name, under an anchor of its own."""
    intro = (
        "Every problem names a rule: a stable word, in brackets in the text, `rule` in JSON, `ruleId` in SARIF, whose "
        "`helpUri` leads to this page. Each word keeps its meaning; new ones may come."
    )
    blocks = [paragraph(intro)]
    for group, rules in GROUPS.items():
        blocks.append(f"## {group}")
        for word, rule in rules.items():
            blocks += [f"### {word}", paragraph(rule.meaning), paragraph(f"**What to do:** {rule.remedy}")]
    found = list(_consents())
    if found:
        blocks.append("## Values that need consent")
        blocks.append(
            paragraph("Warnings of a plan. Without the consent that they name, a [guard](guards.md) stops the run.")
        )
        for one in found:
            blocks += [f"### {one.guard.removeprefix('allow-')}", paragraph(sentence(one.rule.reason))]
    return page("Validation rules", *blocks)


def reasons_page() -> str:
    """Each reason of a change."""
    intro = (
        "Every change of a plan has a reason: a stable word, `reason` in JSON. In text and Markdown a plan says it as "
        "the line in italics. Its action says what is done: `create`, `update`, `rename`, `replace` and `delete` are "
        "written by `apply`; `conflict` and `blocked` are left alone, and the plan says why."
    )
    blocks = [paragraph(intro), "## Actions", meanings_table("action", ACTION_MEANINGS)]
    blocks += ["## What is counted beside them", meanings_table("count", COUNT_MEANINGS), "## Reasons"]
    for word, reason in REASONS.items():
        blocks += [f"### {word}", f"*{reason.shown}*", paragraph(reason.meaning)]
        blocks.append(paragraph(f"**What to do:** {reason.remedy}") if reason.remedy else "")
    return page("Reasons of a plan", *blocks)


def outcomes_page() -> str:
    """Why an outcome is not what was planned."""
    intro = (
        "A report has one outcome for each change. Where its status is `ok`, `conflict` or `blocked`, its reason is that "
        "of the [plan](reasons.md); else it is one of these."
    )
    rows = ([f'<a id="{word}"></a>{code(word)}', cell(meaning)] for word, meaning in OUTCOME_REASONS.items())
    states = meanings_table("state", STATUS_MEANINGS)
    reasons = table(["Reason", "Meaning"], rows)
    return page("Reasons of an outcome", paragraph(intro), "## States", states, "## Reasons", reasons)


def guards_page() -> str:
    """Each guard, and what lifts it."""
    intro = (
        "A guard stops a run before anything is written. The plan names it with the exact flag that lifts it, or says "
        "that none does. Guards count models and not what is derived from them, in each registry, whatever the cause of "
        "a delete; `reconciler delete KEY` does not count."
    )
    blocks = [paragraph(intro)]
    for name, guard in GUARDS.items():
        blocks += [f"## {name}", paragraph(guard.meaning), f"**Lifted by:** {guard.lifted_by}."]
    for one in _consents():
        blocks += [f"## {one.guard}", paragraph(one.meaning), f"**Lifted by:** {one.lifted_by}."]
    return page("Guards", *blocks)


def meanings_table(prefix: str, meanings: Mapping[str, Meaning]) -> str:
    """A table of words, each under an anchor of its own."""
    rows = (
        [f'<a id="{prefix}-{word}"></a>{code(word)}', cell(found.meaning), cell(found.remedy)]
        for word, found in meanings.items()
    )
    return table(["Word", "Meaning", "What to do"], rows)


def _consents() -> Iterator[Consent]:
    """The values with consequences that the built-in drivers' kinds declare."""
    return consents(catalog.built_in())
