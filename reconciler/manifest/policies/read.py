"""Read policy files: every document to a `Policy`, and every mistake to a `Problem` at its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from reconciler.core import document
from reconciler.core.document import Document
from reconciler.core.errors import Problem
from reconciler.core.resource import Source
from reconciler.core.schema.findings import Finding, formed, nearest, place
from reconciler.manifest.discover import FoundFiles
from reconciler.manifest.policies.form import Match, PolicyDocument
from reconciler.manifest.policies.policy import Names, Policies, Policy

_WAY_OUT: Final = "write a policy, or `policies: []` in reconciler.yaml for none"


def read_policies(found: FoundFiles, names: Names, configured_at: str) -> Policies:
    """Read the policies of files. Never raises for what they hold.

    A file or folder that says nothing is an error: whoever names it believes that something is checked.
    `configured_at` is the file to name where there is none at all.
    """
    problems = [*found.problems, *(_refused(problem) for problem in found.silent)]
    policies: list[Policy] = []
    seen: dict[str, str] = {}
    texts: dict[str, str] = {}
    for file in found.files:
        text = document.read_text(file.path, file.shown)
        if isinstance(text, Problem):
            problems.append(text)
            continue
        texts[file.shown] = text
        loaded = document.load(text, file.shown)
        problems.extend((*loaded.problems, *loaded.warnings))
        if not loaded.documents and not loaded.problems:
            problems.append(Problem(file.shown, 1, 1, "no-policy", "this file holds no policy", suggestion=_WAY_OUT))
        errors: list[tuple[int, Finding]] = []
        for item in loaded.documents:
            policy, wrong = _policy(item, file.shown, names, seen)
            errors.extend((item.index, finding) for finding in wrong)
            if policy is not None:
                policies.append(policy)
        if errors:
            places = document.places(text, file.shown)
            problems.extend(place(finding, places, index, file.shown) for index, finding in errors)
    if not found.files and not problems:
        problems.append(Problem(configured_at, 1, 1, "no-policy", "`policies` leads to no policy", suggestion=_WAY_OUT))
    return Policies(tuple(policies), tuple(sorted(problems)), seen, texts)


def _refused(problem: Problem) -> Problem:
    """What is a warning among manifests would leave something unchecked here."""
    if problem.rule == "no-document":
        message, suggestion = "there is no policy in it", _WAY_OUT
        return problem._replace(rule="no-policy", message=message, suggestion=suggestion, severity="error")
    return problem._replace(severity="error")


def _policy(item: Document, file: str, names: Names, seen: dict[str, str]) -> tuple[Policy | None, list[Finding]]:
    """One document as a policy, and what is wrong with its form. Notes its name in `seen`."""
    data = item.value
    if not isinstance(data, dict):
        return None, [Finding("wrong-type", "a policy must be a map")]
    wrong = list(_name_taken(data, f"{file}:{item.line}", seen))
    checked, malformed = formed(PolicyDocument, data)
    if checked is None:
        return None, [*wrong, *malformed, *_one_of_two(data)]
    wrong += [*_one_of_two(data), *_unknown_names(checked.match or Match(), names)]
    if wrong:
        return None, wrong
    return _built(checked, Source(file, item.line), item.index), []


def _built(checked: PolicyDocument, source: Source, index: int) -> Policy:
    match = checked.match or Match()
    return Policy(
        checked.name,
        checked.message.strip(),
        checked.severity or "error",
        source,
        index,
        schema=checked.json_schema,
        cel=checked.cel,
        kinds=_tuple(match.kinds),
        labels=match.labels,
        registries=_tuple(match.registries),
        environments=_tuple(match.environments),
    )


def _tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _name_taken(data: Mapping[str, Any], place_here: str, seen: dict[str, str]) -> Iterator[Finding]:
    name = data.get("name")
    if not isinstance(name, str):
        return
    first = seen.setdefault(name, place_here)
    if first != place_here:
        message = f"there is another policy of the name {name!r}: {first}"
        yield Finding("duplicate-policy", message, "/name")


def _one_of_two(data: Mapping[str, Any]) -> Iterator[Finding]:
    given = [name for name in ("schema", "cel") if data.get(name) is not None]
    if not given:
        yield Finding("missing-field", "'schema' or 'cel' is missing: one of them says what must hold")
    if len(given) == 2:
        message = "a policy has either 'schema' or 'cel': make two policies of it"
        yield Finding("bad-policy", message, "/cel", at_key=True)


def _unknown_names(match: Match, names: Names) -> Iterator[Finding]:
    """Find globs that match nothing there is: such a policy would never be asked, and nobody would know."""
    kinds = [glob for glob in match.kinds or () if _driver(glob) is None or _driver(glob) in names.drivers]
    yield from _matching_nothing("kind", "kinds", match.kinds, kinds, names.kinds)
    yield from _matching_nothing("registry", "registries", match.registries, match.registries, names.registries)
    yield from _matching_nothing(
        "environment", "environments", match.environments, match.environments, names.environments
    )


def _driver(glob: str) -> str | None:
    """The driver that a glob over kinds names, if it names one."""
    driver, slash, _ = glob.partition("/")
    return driver if slash else None


def _matching_nothing(
    what: str, field: str, globs: list[str] | None, judged: Iterable[str] | None, known: tuple[str, ...]
) -> Iterator[Finding]:
    for glob in judged or ():
        if not any(fnmatchcase(name, glob) for name in known):
            message = f"there is no {what} {glob!r}, so nothing would ever be checked"
            index = (globs or []).index(glob)
            yield Finding("not-allowed", message, f"/match/{field}/{index}", suggestion=nearest(glob, known))
