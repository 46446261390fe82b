"""The patterns of text in a cluster, in RE2: which references it may hold, and how a manifest's patterns are written there.

A secret is `${secret:NAME/KEY}`, other text may hold `${configMap:NAME/KEY}` and `${var:NAME}`. What would read the
controller's own environment, files or commands matches none of these patterns, so the API server refuses it.
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.controller.re2 import translate
from reconciler.controller.untyped import literal, together
from reconciler.core.rules import OPAQUE, Node
from reconciler.core.schema.form import Form
from reconciler.core.schema.types import SECRET_REFERENCE, URL, WHOLE_REFERENCE

_NAMED: Final = r"[a-z0-9][a-z0-9.-]*/[A-Za-z0-9._-]+"  # an object of the namespace and a key of its data
_SECRET: Final = rf"\$\{{secret:{_NAMED}\}}"
_REFERENCE: Final = rf"\$\{{(?:configMap:{_NAMED}|var:[^{{}}]+)\}}"
# other letters, dollars that open nothing, `$${` which is a plain `${`, and references
_LETTERS: Final = rf"(?:[^$]|\$+[^${{]|\$\$+\{{|{_REFERENCE})*\$*"
CREDENTIAL: Final = f"^{_SECRET}$"
WHOLE: Final = f"^{_REFERENCE}$"
PLAIN: Final = f"^{_LETTERS}$"
PLAIN_OR_CREDENTIAL: Final = f"^(?:{_LETTERS}|{_SECRET})$"
# no user-info; an address with a reference is judged once it is resolved
ADDRESS: Final = r"^https?://[^\s/?#@]+(?:[/?#]\S*)?$|\$\{"
_OPENS: Final[Form] = {"not": {"pattern": r"\$\{"}}
# one that a pattern lets through may hold any reference: the pattern says nothing of them
_ANY_REFERENCE: Final = ("${env:X}", "/${env:X}", "x/${env:X}", "https://${env:X}")


def _bad_references() -> str:
    """The pattern of a text with a `${` that opens none of the references that other text may hold."""
    bad = ["[^cv]", *_unlike("var:"), *_unlike("configMap:"), r"var:(?:[{}]|[^{}]+(?:\{|$))"]
    name, key = "[a-z0-9][a-z0-9.-]*", "[A-Za-z0-9._-]+"
    bad += [
        f"configMap:{part}"
        for part in ("(?:[^a-z0-9]|$)", f"{name}(?:[^a-z0-9.\\-/]|$)", f"{name}/(?:[^A-Za-z0-9._-]|$)")
    ]
    bad.append(f"configMap:{name}/{key}(?:[^A-Za-z0-9._}}-]|$)")
    return f"(?:^|[^$])\\$\\{{(?:$|{'|'.join(bad)})"


def _unlike(word: str) -> list[str]:
    """Patterns of what begins as a word does, and goes on otherwise."""
    return [f"{word[:end]}(?:[^{word[end]}]|$)" for end in range(1, len(word))]


# beside another pattern: `kubectl explain` shows no type for a field with `allOf`
_NO_OTHER: Final[Form] = {"not": {"pattern": _bad_references()}}


def words_or_reference(words: list[str], pattern: str | None) -> Form:
    """The schema of a word of a list, or of other text where `pattern` says which: a reference, or whatever else is open."""
    if pattern != WHOLE_REFERENCE:
        return text_form({} if pattern is None else {"pattern": pattern}, OPAQUE)
    return {"pattern": f"^(?:{'|'.join(map(literal, words))}|{WHOLE[1:-1]})$"}


def setting_form(form: Form, _: Node = OPAQUE) -> Form:
    """What a schema says of a text among the settings of a Registry, which holds no references at all."""
    pattern = form.get("pattern")
    if pattern is None:
        return _OPENS
    if pattern.endswith(URL[1:]):
        return together({"pattern": ADDRESS.partition("|")[0]}, _OPENS)
    return together(_translated(pattern), _OPENS)


def text_form(form: Form, node: Node) -> Form:
    """What a schema says of a text, as the API server checks it."""
    pattern = form.get("pattern")
    if pattern is None:
        return {"pattern": PLAIN_OR_CREDENTIAL if node.secret is not None else PLAIN}
    if pattern.endswith(URL[1:]):
        return together({"pattern": ADDRESS}, _NO_OTHER)
    own = pattern.replace(SECRET_REFERENCE, CREDENTIAL).replace(WHOLE_REFERENCE, WHOLE)
    plain = own == pattern and node.secret is None
    holds_any = plain and any(re.search(pattern, text) for text in _ANY_REFERENCE)
    return together(_translated(own), *([_NO_OTHER] if holds_any else []))


def is_complete(form: Form) -> bool:
    """Tell whether RE2 can say all of a text's pattern."""
    pattern = form.get("pattern")
    return pattern is None or (not pattern.endswith(URL[1:]) and translate(pattern).complete)


def _translated(pattern: str) -> Form:
    found = translate(pattern)
    required: list[Form] = [{"pattern": one} for one in found.required]
    return together(*required, *({"not": {"pattern": one}} for one in found.forbidden))
