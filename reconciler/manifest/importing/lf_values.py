"""Values in files of `lf`, in our terms: its variables, its included files, its references to secrets. Checked with `lf` 3.17.

Which fields hold secrets is not known here: the kind's field rules say it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from reconciler.core.document.trees import List, Map, Member, Node, Scalar, scalars_of
from reconciler.core.rules import OPAQUE, Ref
from reconciler.core.rules import Node as Rules
from reconciler.core.secret_names import is_secret_field
from reconciler.manifest.importing.drafts import Session
from reconciler.manifest.importing.sources import INCLUDE
from reconciler.manifest.references import escape

_VARIABLE: Final = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
# what looks like one elsewhere, also with a default; `openai$gpt-4o` is a name
_MEANT: Final = re.compile(
    r"\$(?:([A-Z_][A-Z0-9_]*)\b|(?<![A-Za-z0-9]\$)([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?:\}|:?[-=?+]))"
)
_MEANT_SECRET: Final = re.compile(rf"\S+\s+{_VARIABLE.pattern}\s*")  # `Bearer $KEY`
_SECRET: Final = re.compile(r"\s*<<\s*secrets\.(?P<name>.*?)\s*>>\s*")
_SECRET_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_NEARLY: Final = re.compile(r"\s*(?:<<|<\s*secrets?\b|\{\{\s*secrets?\b)|.*>>\s*\Z", re.DOTALL | re.IGNORECASE)
_USER_INFO: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]*@")
_NO_REFERENCE: Final = re.compile(r"[{}]|:-")  # what the path in a reference may not hold
_PLAIN, _SHOWN, _SECRET_FIELD = range(3)

_WHOLE: Final = "a secret is one whole variable, `$NAME`, with nothing around it"
_AS_IT_STANDS: Final = (
    "`lf` expands no variable here: the whole text as it stands, '$' and all, is the secret that it sends"
)


def environment_of(root: Map) -> Iterator[str]:
    """The names of all variables that are whole texts: each may be a secret's, which keeps its name."""
    for scalar in scalars_of(root):
        found = _VARIABLE.fullmatch(scalar.value) if isinstance(scalar.value, str) else None
        if found is not None:
            yield found[1] or found[2]


class Field(NamedTuple):
    """Where a value stands. `hidden` says how secret it is; `named` whether `{name: ...}` of a stored secret may stand there."""

    name: str
    rules: Rules
    hidden: int = _PLAIN
    named: bool = False

    def below(self, name: str) -> Field:
        """The field of that name in this one. One that is not declared is a secret where its name says so, and all that is in it."""
        rules = self.rules.child(name) or OPAQUE
        secret = rules.secret
        if secret is None:
            unknown = rules is OPAQUE and (self.hidden == _SECRET_FIELD or is_secret_field(name))
            hidden = _SECRET_FIELD if unknown else _PLAIN
        elif secret.only_references and not (secret.names is not None and secret.names(name)):
            hidden = _SHOWN
        else:
            hidden = _SECRET_FIELD
        inner = rules.child("name")
        ref = inner.rule(Ref) if inner is not None else None
        return Field(name, rules, hidden, ref is not None and ref.kind == "Secret")


class Values(NamedTuple):
    """Translates the values of one object: `key` is its identity, `folder` the real folder of its manifest."""

    session: Session
    key: str
    folder: str

    def map(self, node: Map, field: Field) -> Map:
        """All members of a map. Map keys take no reference, and need none escaped."""
        return node._replace(members=tuple(self._member(member, field.below(member.key)) for member in node.members))

    def _member(self, member: Member, field: Field) -> Member:
        return member._replace(value=self.value(member.value, field))

    def value(self, node: Node, field: Field) -> Node:
        if isinstance(node, Scalar):
            return self.scalar(node, field)
        if field.hidden == _SECRET_FIELD and field.rules is not OPAQUE:
            return self._named(node, field)
        if isinstance(node, Map):
            return self.map(node, field)
        items = (item._replace(value=self.value(item.value, field.below(field.name))) for item in node.items)
        return node._replace(items=tuple(items))

    def scalar(self, node: Scalar, field: Field) -> Node:
        """A scalar of any field. What is wrong goes to the journal, and never repeats the value."""
        if node.tag == INCLUDE:
            return self._included(node, field)
        text = node.value
        if not isinstance(text, str):
            is_number = isinstance(text, (int, float)) and not isinstance(text, bool)
            return self._withheld(node, field) if is_number and field.hidden == _SECRET_FIELD else node
        found = _SECRET.fullmatch(text)
        if found is not None or ((field.named or field.hidden) and _NEARLY.match(text)):
            return self._secret(node, found, field)
        if text.startswith("$") and not re.search(r"\s", text) and _VARIABLE.search(text):
            return self._variables(node, field)
        if field.hidden == _SECRET_FIELD:
            if _MEANT_SECRET.fullmatch(text):
                self.session.journal.warn(node, "not-expanded", _AS_IT_STANDS)
            return self._withheld(node, field)
        if _USER_INFO.match(text):
            message = "a URL must hold no user name or password: put the credential into api_key or a header"
            self.session.journal.error(node, "literal-secret", message)
        elif not _is_code(field):  # a template may hold any `$`
            self._warn_unexpanded(node, text)
        return node._replace(value=escape(text))

    def _warn_unexpanded(self, node: Scalar, text: str) -> None:
        for name in dict.fromkeys(found[found.lastindex or 0] for found in _MEANT.finditer(text)):
            message = (
                f"`lf` takes ${name} for no variable here, so this is kept as it stands: "
                f"if it is one, write ${{var:{name}}} into the manifest"
            )
            self.session.journal.warn(node, "not-expanded", message)

    def _named(self, node: Map | List, field: Field) -> Node:
        """A map in a secret's field: the name of a stored secret, or nothing that may be copied."""
        if field.named and isinstance(node, Map) and [member.key for member in node.members] == ["name"]:
            return self.map(node, field)
        self.session.journal.error(node, "secret-reference", f"{field.name!r} must be text, or the name of a secret")
        return Scalar(None, node.file, node.place)

    def _secret(self, node: Scalar, found: re.Match[str] | None, field: Field) -> Node:
        journal = self.session.journal
        if found is None or not _SECRET_NAME.fullmatch(found["name"]):
            message = "this is no reference to a secret, << secrets.NAME >>: `lf` would send it as it stands"
            journal.error(node, "secret-reference", message)
        elif field.named:
            return Map(
                (Member("name", Scalar(found["name"], node.file, node.place), node.file, node.place),),
                node.file,
                node.place,
                flow=True,
            )
        elif field.hidden:
            journal.error(node, "secret-reference", f"{field.name!r} cannot be another secret")
        else:
            message = f"`lf` knows no secrets in {field.name!r}, and sends this as text: so does what is written"
            journal.warn(node, "secret-as-text", message)
        return node

    def _variables(self, node: Scalar, field: Field) -> Scalar:
        """`$HOST/v1`: a text that begins with a variable, and holds no space."""
        journal, text = self.session.journal, str(node.value)
        if field.hidden == _SECRET_FIELD:
            whole = _VARIABLE.fullmatch(text)
            if whole is None:
                journal.error(node, "secret-reference", _WHOLE)
                return node
            return node._replace(value=journal.variable_of_environment(whole[1] or whole[2]))
        parts, last = [], 0
        for found in _VARIABLE.finditer(text):
            before = escape(text[last : found.start()])
            if before.endswith("$"):
                journal.error(node, "bad-reference", "a manifest cannot say this: a '$' right before a variable")
            parts += [before, journal.variable(found[1] or found[2])]
            last = found.end()
        self._warn_unexpanded(node, _VARIABLE.sub(" ", text))
        return node._replace(value="".join([*parts, escape(text[last:])]))

    def _withheld(self, node: Scalar, field: Field) -> Scalar:
        if node.value == "":
            self.session.journal.warn(node, "empty-secret", f"{field.name!r} is empty, so there is none")
            return node._replace(value=None, style="")
        return node._replace(value=self.session.journal.withheld(node, self.key, field.name), style="", text="")

    def _included(self, node: Scalar, field: Field) -> Scalar:
        """`!include path`: a reference to the same file, where that means the same to us, else its text."""
        found = self.session.sources.text_of(node)
        plain = node._replace(tag="", style="")
        if found is None:
            return plain
        stripped = found.text.strip()
        path = os.path.relpath(found.real, self.folder).replace(os.sep, "/")
        if (
            field.hidden != _SHOWN
            and stripped
            and self._reads_alike(found.text, stripped, field)
            and self.session.sources.is_inside(found.real)
            and not _NO_REFERENCE.search(path)
        ):
            return plain._replace(value="${file:" + path + "}")
        if field.hidden == _SECRET_FIELD:
            message = (
                "a secret is not copied out of its file: it must lie inside the project, the folder of reconciler.yaml, "
                "and hold the secret without white space around it"
            )
            self.session.journal.error(node, "secret-reference", message)
            return plain
        text = "\n".join(stripped.replace("\r\n", "\n").split("\r"))  # `lf` reads every kind of line end as one
        return plain._replace(value=escape(text), style="|")

    @staticmethod
    def _reads_alike(text: str, stripped: str, field: Field) -> bool:
        """Whether a reference to the file means what `lf` makes of it, which strips white space and knows one kind of line end."""
        ended = text.removesuffix("\n").removesuffix("\r")
        if field.hidden == _SECRET_FIELD:
            return ended == stripped
        return "\r" not in text and not text.startswith("\ufeff") and (ended if _is_code(field) else text) == stripped


def _is_code(field: Field) -> bool:
    normalization = field.rules.normalization
    return normalization is not None and normalization.fn("x\n") == "x"  # a newline at the end means nothing
