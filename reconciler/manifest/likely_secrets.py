"""Find likely secrets in free text of manifests, and in variables: by their form, or by the name of their field.

A warning: a name may mislead, and a text only looks like a key. What was found is never repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from reconciler.core import pointer as pointers
from reconciler.core.errors import Problem, is_error
from reconciler.core.schema.findings import Finding
from reconciler.core.secret_names import is_secret_field, is_secret_form, is_secret_form_of_name, refuses_credentials

RULE: Final = "likely-secret"
_BY_FORM: Final = "looks like a credential: a manifest holds references to secrets, ${env:NAME}, ${file:path} or ${cmd:NAME/REST}, and never a secret"
_BARE: Final = frozenset({int, float, bool, type(None)})  # values that are no text and hold none
_BY_NAME: Final = (
    "has the name of a credential, and a value that is written down: if it is one, take it out and change it"
)


def likely_secrets(data: Any) -> Iterable[Finding]:
    """A warning for each text of a document that is likely a secret."""
    texts: list[str] = []
    # no form of a credential holds a line break, so one search tells of all texts what the walk asks of each
    if _is_harmless(data, texts) and not is_secret_form("\n".join(texts)):
        return ()
    return _walk(data, ())


def likely_in_variables(variables: Mapping[str, str]) -> Iterator[Finding]:
    """A warning for each of reconciler.yaml's `variables` that is likely a secret: `${var:…}` writes it into manifests."""
    yield from _walk(dict(variables), ("variables",))


def told_once(problems: Iterable[Problem]) -> set[Problem]:
    """The problems without warnings of likely secrets where an error says already that a secret is written there."""
    every = set(problems)
    errors = {problem[:3] for problem in every if is_error(problem)}
    return {problem for problem in every if problem.rule != RULE or problem[:3] not in errors}


def _is_harmless(value: Any, texts: list[str]) -> bool:
    """True for a value in which `_walk` finds nothing unless it is by the form of a text: most are such. Collects its texts."""
    if isinstance(value, str):
        texts.append(value)
        return "://" not in value or refuses_credentials(value) is None
    if isinstance(value, dict):
        for name, item in value.items():
            if name.__class__ is not str or is_secret_form_of_name(name):
                return False
            if item.__class__ is str:
                if is_secret_field(name) and item.strip() and not _is_reference(item):
                    return False
                texts.append(item)
                if "://" in item and refuses_credentials(item) is not None:
                    return False
            elif item.__class__ not in _BARE and (isinstance(item, str) or not _is_harmless(item, texts)):
                return False
    elif isinstance(value, list):
        return all(_is_harmless(item, texts) for item in value)
    return True


def _walk(value: Any, path: tuple[str, ...]) -> Iterator[Finding]:
    if isinstance(value, dict):
        for name, item in value.items():
            if is_secret_form_of_name(str(name)):
                yield Finding(RULE, _BY_FORM, pointers.join((*path, str(name))), at_key=True, severity="warning")
            if isinstance(item, str) and is_secret_field(str(name)) and item.strip() and not _is_reference(item):
                where = pointers.join((*path, str(name)))
                yield Finding(RULE, f"{_shown(str(name))} {_BY_NAME}", where, severity="warning")
            else:
                yield from _walk(item, (*path, str(name)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, str(index)))
    elif isinstance(value, str) and (is_secret_form(value) or refuses_credentials(value) is not None):
        name = next((part for part in reversed(path) if not part.isdigit()), "")
        yield Finding(RULE, f"{_shown(name)} {_BY_FORM}", pointers.join(path), severity="warning")


def _is_reference(text: str) -> bool:
    """Whether a text names a secret: as ours do, or as LiteLLM names a variable of the proxy's own environment."""
    names = (text.startswith("${") and text.endswith("}")) or text.startswith("os.environ/")
    return names and not is_secret_form(text)


def _shown(name: str) -> str:
    return repr(name) if name and not is_secret_form(name) else "a value here"
