"""The field types of AI GO!'s kinds that other registries have no use for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from reconciler.core.schema.fields import Field
from reconciler.core.schema.quick import Check, Unjudged
from reconciler.core.schema.record import Record
from reconciler.core.schema.types import END, SECRET_REFERENCE, Checked, Mistake, Resolved, pydantic_side
from reconciler.core.schema.unions import TextOrMap
from reconciler.registry.driver import Normalized, Pattern, Ref, SecretText, WriteOnly, is_reference

SECRET_KEY: Final = r"^[A-Za-z0-9_-]+"  # noqa: S105  # the form of a name
_LF_SECRET: Final = re.compile(r"\s*<<\s*secrets?\.([A-Za-z0-9_-]+)\s*>>\s*")
_PRINTABLE: Final = r"^[\x20-\x7E]*"

KeyText = Annotated[
    str, Pattern(r"^[a-zA-Z0-9_\-$]+" + END, "bad_key", "must hold only letters, digits, '_', '-' and '$'", 250)
]


class SecretName(Record):
    """A secret that AI GO! keeps, by its name."""

    name: Annotated[
        str,
        Ref("Secret", hint="declare a latticeflow/Secret of that name, or add it with `lf secret add`"),
        Pattern(SECRET_KEY + END, "bad_key", "must hold only letters, digits, '_' and '-'"),
    ] = Field(description="The secret's name.", examples=["LLM_KEY"])


def _named_as_in_lf(value: Any) -> str | None:
    """What to write where a text names a secret as `lf` does, or None where it does not."""
    found = _LF_SECRET.fullmatch(value) if isinstance(value, str) else None
    return None if found is None else f"must be {{name: {found[1]}}}: only `lf` reads << secrets.{found[1]} >>"


class _NotAsInLf:
    """Before a secret's own form, which would call it a secret that is written down."""

    def check(self, value: Any) -> Any:
        """The value. Raises Mistake where it names a secret as `lf` does."""
        message = _named_as_in_lf(value)
        if message is not None:
            raise Mistake("literal_secret", "{message}", {"message": message})
        return value

    def quick(self, source: Any, inner: Callable[[], Check]) -> Check:
        """The quick check: this, and then the secret's own."""
        own = inner()
        return lambda value: own(self.check(value))

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return pydantic_side().checked_before(self.check, handler(source))


SecretOrName = Annotated[
    str | SecretName,
    WriteOnly("a secret, or `{name: ...}` of one that AI GO! keeps"),
    TextOrMap(Annotated[SecretText, _NotAsInLf()], SecretName),
]


class _ValueText(Checked):
    """A number, true, false, or one line of printable ASCII."""

    _pattern = Pattern(_PRINTABLE + END, "bad_value", "must be one line of printable ASCII")

    def form(self) -> dict[str, Any]:
        message = "Must be one line of printable ASCII, a number, true or false."
        return {"type": ["string", "number", "boolean"], "pattern": self._pattern.pattern, "errorMessage": message}

    def check(self, value: Any) -> Any:
        if isinstance(value, str):
            if not all(" " <= letter <= "~" for letter in value):
                raise Mistake("bad_value", "must be one line of printable ASCII")
            return value
        if isinstance(value, int | float):
            return value
        raise Mistake("wrong_type", "must be {expected}", {"expected": "a string, a number or a boolean"})


ValueText = Annotated[str | float | bool, _ValueText()]


class _SourceText(Checked):
    """Source code. Of one that is a whole file, white space at both ends goes, as `lf` strips what it includes."""

    def form(self) -> dict[str, Any]:
        return {"type": "string"}

    def check(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise Mistake("wrong_type", "must be {expected}", {"expected": "a string"})
        return value.strip() if type(value) is Resolved else value


def without_last_newlines(text: Any) -> Any:
    """Source code as it is compared: a newline at the end means nothing."""
    return text.rstrip("\n") if isinstance(text, str) else text


Code = Annotated[str, Normalized(without_last_newlines, "newlines at the end mean nothing"), _SourceText()]


@dataclass(frozen=True)
class SensitiveMap:
    """A map in which what bears a sensitive name must be a secret: a whole reference, or the name of one.

    `sensitive` is a pattern that JSON Schema understands, too; `what` says what the members are.
    """

    sensitive: str
    what: str

    def quick(self, source: Any, inner: Callable[[], Check]) -> Check:
        """The quick check: this, and then the map's own."""
        own, pattern = inner(), re.compile(self.sensitive)

        def check(value: Any) -> Any:
            if self._literal(value, pattern) is not None:
                raise Unjudged
            return own(value)

        return check

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        pattern = re.compile(self.sensitive)
        return pydantic_side().checked_beside(lambda value: self._literal(value, pattern), handler(source))

    def _literal(self, value: Any, pattern: re.Pattern[str]) -> Mistake | None:
        """What is wrong with the members that are written down and must not be; one that is no plain value is judged by its type."""
        members = value.items() if isinstance(value, dict) else ()
        literal = {
            name: item
            for name, item in members
            if isinstance(item, str | int | float) and pattern.search(str(name)) and not is_reference(item)
        }
        if not literal:
            return None
        form = "name a secret, {name: ...}, or write one whole reference, ${env:NAME}, ${file:path} or ${cmd:NAME/REST}"
        message = f"{self.what} of this name carries a credential: {form}"
        said = {name: _named_as_in_lf(item) for name, item in literal.items()}
        messages = {name: message if text is None else f"{name!r} {text}" for name, text in said.items()}
        context = {"what": self.what, "names": ", ".join(literal), "keys": list(literal), "messages": messages}
        return Mistake("literal_secret", "{what} of the names {names} holds a credential", context)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        form: dict[str, Any] = handler(schema)
        _, named = form["additionalProperties"]["anyOf"]
        message = "This holds a credential: name a secret, {name: ...}, or write one whole reference, ${env:NAME}."
        secret = {"type": "string", "pattern": SECRET_REFERENCE, "errorMessage": message}
        return form | {"patternProperties": {self.sensitive: {"anyOf": [secret, named]}}}
