"""Limits on what one run may delete. Pure; each guard is one small function with a name.

Guards count models (not their derived resources), per registry, whatever the cause. A tripped guard means that nothing at all is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from reconciler.core.resource import Address

MOST_NAMED: Final = 5  # silent sources in one message


@dataclass(frozen=True, slots=True)
class Guard:
    """A guard that tripped. `override` is the exact flag that lifts it, or None where none does."""

    name: str
    message: str
    override: str | None


class GuardRule(NamedTuple):
    """What a guard stops, and what lifts it."""

    meaning: str
    lifted_by: str


# Every guard of ours by name. The guards on values with consequences are named by the kinds that declare them (`NeedsConsent`).
GUARDS: Final[Mapping[str, GuardRule]] = {
    "max-deletes": GuardRule(
        "The run would delete more models in one registry than `guards.max_deletes` allows.", "`--allow-deletes N`"
    ),
    "max-delete-percent": GuardRule(
        "The run would delete a larger share of the models that are ours in one registry than "
        "`guards.max_delete_percent` allows. One single delete never trips it.",
        "`--allow-deletes N`",
    ),
    "allow-deletes": GuardRule(
        "The run would delete more models in all registries together than `--allow-deletes N` allows.",
        "`--allow-deletes` with a higher number",
    ),
    "no-documents": GuardRule("`--prune` was given and the configured manifests hold no document at all.", "nothing"),
    "partial": GuardRule("`--prune` was given and only a part of the manifests was read.", "nothing"),
    "no-owner": GuardRule(
        "`--prune` was given and without `owner` (or `owns`) nothing in the registry is known to be ours.",
        "`owner` in reconciler.yaml",
    ),
    "empty-source": GuardRule(
        "`--prune` was given and a configured file or folder holds no document, or a file that looks like a manifest "
        "is not read: what was declared there would be taken for removed.",
        "nothing; `reconciler validate` names the file and says what to do. A folder that is meant to be empty holds "
        "a file `.keep`",
    ),
    "excluded-source": GuardRule(
        "`--prune` was given and would delete an object that a manifest declares in a file which `exclude` leaves out: "
        "a glob that hides too much looks like a manifest that was removed.",
        "nothing; make the glob narrower, or take the document out of that file. `state: absent` in a manifest that is "
        "read says that the object is to go",
    ),
    "same-place": GuardRule(
        "`--prune` was given and would delete an object that the manifests declare for another registry of the same "
        "driver, and nothing tells the two places apart: they may be one under two names.",
        "nothing; give both one name, or, where they are two, delete the object with `reconciler delete`",
    ),
    "unreadable-environment": GuardRule(
        "`--prune` was given and another environment declares objects in the same place, or may, but its settings or "
        "manifests have errors, or a variable that is not set here says where it leads. Only objects without room for a "
        "mark are in danger then: nobody could tell whose they are.",
        "nothing; correct those settings or manifests, or set the variable",
    ),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """The guards' limits, for each registry. The defaults here are those of reconciler.yaml."""

    max_deletes: int = 5
    max_delete_percent: float = 20
    allowed: frozenset[str] = frozenset()  # the guards on values with consequences that are lifted


DEFAULTS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Deletions:
    """Counts of one registry: the models that a run would delete, and those that we owned there before it."""

    count: int
    owned: int


def tripped(deletions: Mapping[str, Deletions], limits: Limits, allowed: int | None) -> tuple[Guard, ...]:
    """The guards that these deletions trip. `allowed` is `--allow-deletes N`: it replaces both limits, for the whole run."""
    if allowed is not None:
        return tuple(_more_than_allowed(sum(item.count for item in deletions.values()), allowed))
    total = sum(item.count for item in deletions.values())
    found: list[Guard] = []
    for registry, item in sorted(deletions.items()):
        found.extend(_too_many(registry, item, limits, total))
        found.extend(_too_large_a_share(registry, item, limits, total))
    return tuple(found)


def _more_than_allowed(total: int, allowed: int) -> Iterator[Guard]:
    if total > allowed:
        message = f"the run would delete {total} models, and --allow-deletes {allowed} allows {allowed}"
        yield Guard("allow-deletes", message, f"--allow-deletes {total}")


def _too_many(registry: str, item: Deletions, limits: Limits, total: int) -> Iterator[Guard]:
    if item.count > limits.max_deletes:
        message = (
            f"{registry}: the run would delete {item.count} models, more than guards.max_deletes ({limits.max_deletes})"
        )
        yield Guard("max-deletes", message, f"--allow-deletes {total}")


def _too_large_a_share(registry: str, item: Deletions, limits: Limits, total: int) -> Iterator[Guard]:
    """One single deletion never trips this, or nobody could ever delete one of three models."""
    if item.count <= 1:
        return
    base = max(item.owned, item.count)  # what is not ours may be deleted too, by `state: absent`
    percent = 100 * item.count / base
    if percent > limits.max_delete_percent:
        limit = f"guards.max_delete_percent ({limits.max_delete_percent:g} %)"
        message = f"{registry}: the run would delete {item.count} of {base} models, {percent:.0f} %, more than {limit}"
        yield Guard("max-delete-percent", message, f"--allow-deletes {total}")


def consent(address: str, field: str, guard: str, reason: str) -> Guard:
    """A value with consequences that nobody agreed to."""
    message = f"{address} sets {field}: {reason}; `guards: {{{guard}: true}}` in reconciler.yaml allows it"
    return Guard(guard.replace("_", "-"), message, None)


def _some(named: Sequence[str], between: str = ", ") -> str:
    """The first of what is named, and how many there are beside."""
    more = f", and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return f"{between.join(named[:MOST_NAMED])}{more}"


def no_documents() -> Guard:
    return Guard("no-documents", "the configured manifests hold no document: pruning would delete everything", None)


def partial() -> Guard:
    return Guard("partial", "only a part of the manifests was read: pruning would delete the rest", None)


def empty_source(sources: Sequence[str]) -> Guard:
    """What stood in a folder or file that now says nothing would be taken for removed."""
    what = "a configured source may have lost" if len(sources) == 1 else "configured sources may have lost"
    message = f"{what} what was declared in it, which pruning would delete: {_some(sources, '; ')}"
    return Guard("empty-source", f"{message}; `reconciler validate` says what to do", None)


def excluded_source(hidden: Mapping[str, str]) -> Guard:
    """What a glob hides was not removed. `hidden` maps the address of each object to the file that declares it."""
    named = [f"{address} (in {file})" for address, file in sorted(hidden.items())]
    message = f"pruning would delete what excluded files declare: {_some(named)}"
    return Guard("excluded-source", f"{message}; make `exclude` narrower, or take the documents out of the files", None)


def same_place(address: Address, other: str) -> Guard:
    message = (
        f"{other} and {address.registry} hold the same objects, so they may be one place under two names: {address}, which would be pruned, "
        f"is declared for {other}; give both one name, or, where they are two, `reconciler delete {address}`"
    )
    return Guard("same-place", message, None)


def unread_place(address: Address, other: str) -> Guard:
    """Nobody knows whether a registry that was left out is the same place."""
    message = (
        f"{address}, which would be pruned, is declared for {other}, which was not read, and may be the same place under another name: "
        "leave out --registry"
    )
    return Guard("same-place", message, None)


def unreadable_environment(name: str) -> Guard:
    message = f"environment {name} may declare objects in the same place, and its settings or manifests have errors: what it declares is not known; `reconciler validate` shows them"
    return Guard("unreadable-environment", message, None)


def unknown_environment(unsure: Mapping[Address, str]) -> Guard:
    """What another environment declares, where nobody can tell whether that is the same place. `unsure` maps each address to it."""
    named = [f"{address} ({name})" for address, name in sorted(unsure.items())]
    message = f"pruning would delete what another environment declares, and a variable that is not set here says where that one leads: {_some(named)}; set it"
    return Guard("unreadable-environment", message, None)


def no_owner(registry: str) -> Guard:
    message = f"{registry}: without `owner` in reconciler.yaml nothing is known to be ours, so nothing can be pruned"
    return Guard("no-owner", message, None)
