"""The field types of manifests and of reconciler.yaml: each has one check, which the quick check and pydantic call, and its JSON Schema.

All must accept the same documents, so nothing here relies on pydantic's own coercions: 3.0 is an integer (as JSON
Schema has it), true is not 1, and a number, boolean or choice may also be one whole `${var:NAME}` or `${file:path}`,
which is converted once it is resolved (`Resolved`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import NoneType
from typing import Annotated, Any, Final, NamedTuple, get_args

from reconciler.core.late_pattern import late_pattern
from reconciler.core.rules import KnownValues
from reconciler.core.schema.quick import Check, Unjudged, members_of_text, nullable, plain_text, text
from reconciler.core.secret_names import SECRET_IN_QUERY, SECRET_NAME, has_secret_in_query, is_secret_name

END: Final = r"$(?!\n)"  # `$` alone also matches before a last newline
NOT_BLANK: Final = r"\S"
KEY: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]*" + END
WHOLE_REFERENCE: Final = r"^\$\{(?:var|file):[^{}]+\}" + END
SECRET_REFERENCE: Final = r"^\$\{(?:env|file|cmd):[^{}]+\}" + END
NO_REFERENCE: Final = r"^(?![\s\S]*\$\{)"
WORD: Final = r"^(?:[!-~]+" + END + r"|[\s\S]*\$\{)"  # what holds a reference is judged again once it is resolved
POINTER: Final = r"^/"
EXCLUDE: Final = r"^(?!!)(?!(?:.*/)?\.\.(?:/|$))[^\x00]*[^/.\x00][^\x00]*" + END
VARIABLE: Final = r"^(?:[A-Za-z0-9_*?\[\]!-]+|cmd:[^\x00-\x1f{}]+)" + END
HOST: Final = r"^(?:[A-Za-z0-9*](?:[A-Za-z0-9._*-]*[A-Za-z0-9*])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?" + END
# http(s), no user-info; anything that holds a reference is judged again once it is resolved
URL: Final = r"^(?![\s\S]*\$\{cmd:)(?:https?://(?![^/?#]*@)[^\s/?#][^\s]*|[\s\S]*\$\{[\s\S]*)" + END

LONGEST_NUMBER: Final = 300  # characters; a float cannot tell more digits, and int() refuses more than 4300

_url = re.compile(URL)
_whole_reference = late_pattern(WHOLE_REFERENCE)
_word = late_pattern(WORD)
_integer = late_pattern(r"[-+]?[0-9]+")
_number = late_pattern(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


class Mistake(Unjudged):
    """What is wrong with a value: `message` may name what is in the `context`."""

    def __init__(self, rule: str, message: str, context: dict[str, Any] | None = None) -> None:
        super().__init__(rule, message, context)
        self.rule, self.message, self.context = rule, message, context


class Resolved(str):
    """Text that a whole-string reference led to: a number or boolean field may convert it."""

    __slots__ = ()


def or_null(form: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema that also takes null; `anyOf` only where nothing shorter says it, since editors explain it badly."""
    wider = dict(form)
    if "const" in wider:
        wider["enum"] = [wider.pop("const")]
    if "enum" in wider and None not in wider["enum"]:
        wider["enum"] = [*wider["enum"], None]
    if "type" in wider:
        types = wider["type"] if isinstance(wider["type"], list) else [wider["type"]]
        wider["type"] = types if "null" in types else [*types, "null"]
    elif "anyOf" in wider:
        wider["anyOf"] = [*wider["anyOf"][:-1], or_null(wider["anyOf"][-1])]
    elif "$ref" in wider:
        wider = {"anyOf": [wider, {"type": "null"}]}
    return wider


def _or_reference(form: dict[str, Any], expected: str, reference: bool) -> dict[str, Any]:
    """Build the JSON Schema of one type that may also be a whole reference.

    Editors show `errorMessage`; validators ignore it.
    """
    if not reference:
        return form | {"errorMessage": f"Must be {expected}."}
    message = f"Must be {expected}, or one whole reference: ${{var:NAME}} or ${{file:path}}."
    return form | {"type": [form["type"], "string"], "pattern": WHOLE_REFERENCE, "errorMessage": message}


class Checked:
    """A field type that is checked by `check` alone, and described by `form`.

    Null is added where the annotation allows it.
    """

    def check(self, value: Any) -> Any:
        """The value as it is kept. Raises Mistake where it is not of this type."""
        raise NotImplementedError

    def form(self) -> dict[str, Any]:
        """The JSON Schema that accepts exactly what `check` accepts."""
        raise NotImplementedError

    def quick(self, source: Any, inner: Callable[[], Check]) -> Check:
        """The quick check of a field of this type."""
        return nullable(self.check) if NoneType in get_args(source) else self.check

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return pydantic_side().plain(self.check, source)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return or_null(self.form()) if schema["type"] == "nullable" else self.form()


@dataclass(frozen=True)
class Number(Checked):
    """A JSON number within bounds (all inclusive but `above`); `integer` ones take 3.0 as 3.

    Without `reference` it must be written down: nothing resolves references in reconciler.yaml.
    """

    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    integer: bool = False
    reference: bool = True

    def form(self) -> dict[str, Any]:
        # flat, since bounds concern numbers only and patterns strings only: an editor explains it better than an `anyOf`
        bounds = {"minimum": self.minimum, "maximum": self.maximum, "exclusiveMinimum": self.above}
        number = {name: bound for name, bound in bounds.items() if bound is not None}
        return _or_reference({"type": "integer" if self.integer else "number", **number}, self.expected, self.reference)

    @property
    def expected(self) -> str:
        return "an integer" if self.integer else "a number"

    def check(self, value: Any) -> Any:
        if isinstance(value, str) and self.reference:
            if type(value) is not Resolved:
                if _whole_reference.search(value):
                    return value
                raise self._wrong_type()
            value = self._converted(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._wrong_type()
        if self.integer and isinstance(value, float):
            if not value.is_integer():
                raise self._wrong_type()
            value = int(value)
        self._check_bounds(value)
        return value

    def _converted(self, text: str) -> Any:
        stripped = text.strip()
        if len(stripped) <= LONGEST_NUMBER and _number.fullmatch(stripped):
            value = int(stripped) if _integer.fullmatch(stripped) else float(stripped)
            if math.isfinite(value):  # 1e400 is not, and JSON cannot hold what is not
                return value
        raise self._wrong_type()

    def _check_bounds(self, value: float) -> None:
        if self.minimum is not None and value < self.minimum:
            raise Mistake("out_of_range", "must be at least {bound}", {"bound": self.minimum})
        if self.maximum is not None and value > self.maximum:
            raise Mistake("out_of_range", "must be at most {bound}", {"bound": self.maximum})
        if self.above is not None and value <= self.above:
            raise Mistake("out_of_range", "must be greater than {bound}", {"bound": self.above})

    def _wrong_type(self) -> Mistake:
        return Mistake("wrong_type", "must be {expected}", {"expected": self.expected})


@dataclass(frozen=True)
class Boolean(Checked):
    """true or false, or, unless `reference` is false, a whole reference to the text of one."""

    reference: bool = True

    def form(self) -> dict[str, Any]:
        return _or_reference({"type": "boolean"}, "true or false", self.reference)

    def check(self, value: Any) -> Any:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and self.reference:
            if type(value) is Resolved:
                if value.strip() in ("true", "false"):
                    return value.strip() == "true"
            elif _whole_reference.search(value):
                return value
        raise Mistake("wrong_type", "must be {expected}", {"expected": "true or false"})


@dataclass(frozen=True)
class Choice(Checked):
    """One of a few words, or a whole reference to the text of one."""

    values: tuple[str, ...]

    def form(self) -> dict[str, Any]:
        # the words first: an editor that finds both wrong explains the first. The two are told apart by their
        # descriptions: without, the language server takes both for matched and shows the title twice
        words = {"enum": list(self.values)}
        reference = {"description": "One whole reference.", "type": "string", "pattern": WHOLE_REFERENCE}
        return {"anyOf": [words, reference]}

    def check(self, value: Any) -> Any:
        if isinstance(value, str):
            text = value.strip() if type(value) is Resolved else value
            if text in self.values:
                return text
            if type(value) is not Resolved and _whole_reference.search(value):
                return value
        raise Mistake("not_allowed", "must be one of {values}", {"values": ", ".join(self.values)})


@dataclass(frozen=True)
class OpenChoice(KnownValues, Checked):
    """One of the words that this version knows, or any other word: the list is a vendor's, and a newer server may have more.

    It is a field rule, too: `validate` warns of a value that is not in the list (`unknown-value`). Empty text, and text with
    spaces or line ends, is no word of any server's.
    """

    def form(self) -> dict[str, Any]:
        words = {"enum": list(self.values)}
        other = {"description": "A value of a newer server, or a reference.", "type": "string", "pattern": WORD}
        return {"anyOf": [words, other]}

    def check(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise Mistake("wrong_type", "must be {expected}", {"expected": "a string"})
        text = value.strip() if type(value) is Resolved else value
        if text not in self.values and not _word.search(text):
            more = ", or another word of the vendor's, without spaces and line ends"
            raise Mistake(
                "not_allowed", "must be one of {values}{more}", {"values": ", ".join(self.values), "more": more}
            )
        return text


@dataclass(frozen=True)
class OpenName(Checked):
    """A name that is not empty. An editor completes those that this version knows; what is said of any other is not for the field to say."""

    values: tuple[str, ...]

    def form(self) -> dict[str, Any]:
        names = {"description": "A known name.", "enum": list(self.values)}
        other = {"description": "Another name, as the registry calls it.", "type": "string", "minLength": 1}
        return {"anyOf": [names, other]}

    def check(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise Mistake("wrong_type", "must be {expected}", {"expected": "a string"})
        if not value:
            raise Mistake("bad_length", "must not be empty")
        return value


class Texts(Checked):
    """A string, or a list of strings."""

    def form(self) -> dict[str, Any]:
        return {"type": ["string", "array"], "items": {"type": "string"}}

    def check(self, value: Any) -> Any:
        if isinstance(value, list):
            wrong = [place for place, item in enumerate(value) if not isinstance(item, str)]
            if wrong:
                raise Mistake("wrong_items", "items must be strings", {"places": wrong})
        elif not isinstance(value, str):
            raise Mistake("wrong_type", "must be {expected}", {"expected": "a string or a list of strings"})
        return value


class Scalar(Checked):
    """Plain text, which holds no reference, a number or a boolean: the value of a variable."""

    def form(self) -> dict[str, Any]:
        message = "Must be plain text without a reference, a number, true or false."
        return {"type": ["string", "number", "boolean"], "pattern": NO_REFERENCE, "errorMessage": message}

    def check(self, value: Any) -> Any:
        if isinstance(value, str) and "${" in value:
            raise Mistake("bad_reference", "must be plain text: the value of a variable may not hold a reference")
        if isinstance(value, str | int | float):
            return value
        raise Mistake("wrong_type", "must be {expected}", {"expected": "a string, a number or a boolean"})


class Pattern(NamedTuple):
    """A string of a given form. `rule` names the problem, `message` says what is expected, never what was found."""

    pattern: str
    rule: str
    message: str
    max_length: int | None = None

    def _matching(self) -> Check:
        search = late_pattern(self.pattern).search

        def check(value: str) -> str:
            if search(value) is None:
                raise Mistake(self.rule, self.message)
            return value

        return check

    def quick(self, source: Any, inner: Callable[[], Check]) -> Check:
        """The quick check of such a string."""
        matching, longest = self._matching(), self.max_length

        def check(value: Any) -> str:
            found = text(value)
            if longest is not None and len(plain_text(found)) > longest:
                raise Unjudged
            return matching(found)  # type: ignore[no-any-return]

        return check

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return pydantic_side().text(self._matching(), self.max_length)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        message = f"{self.message[0].upper()}{self.message[1:]}."
        form: dict[str, Any] = {"type": "string", "pattern": self.pattern, "errorMessage": message}
        return form if self.max_length is None else form | {"maxLength": self.max_length}


SENSITIVE_HEADER: Final = SECRET_NAME
sensitive_header: Final = is_secret_name
_secret_reference = late_pattern(SECRET_REFERENCE)


def pydantic_side() -> Any:
    """The module that says these types to pydantic, which is imported where a document is wrong or a schema is written."""
    return import_module("reconciler.core.schema.pydantic_models")


class UrlForm:
    """The type of an address: http or https, without user-info, and without a credential written into its query."""

    def quick(self, source: Any, inner: Callable[[], Check]) -> Check:
        """The quick check of an address."""
        return lambda value: self.check(text(value))

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return pydantic_side().text(self.check)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        message = "Must be an http:// or https:// URL without user name, password or key: credentials have fields of their own."
        return {"type": "string", "pattern": f"^(?![^#]*{SECRET_IN_QUERY}){URL[1:]}", "errorMessage": message}

    def check(self, value: str) -> str:
        if "${cmd:" in value:
            raise Mistake("bad_reference", "must not hold ${cmd:…}: a command is for secret fields only")
        if _url.search(value) is None:
            raise Mistake("bad_url", "must be an http:// or https:// URL without user name or password")
        if has_secret_in_query(value):
            raise Mistake(
                "literal_secret",
                "has a credential in its query, which is shown and logged: send it as `api_key`, or in a header of `headers`",
            )
        return value


class HeaderMap:
    """A map of header names to strings. What a sensitive name holds must be a reference."""

    def quick(self, source: Any, inner: Callable[[], Check]) -> Check:
        """The quick check of such a map."""

        def check(value: Any) -> dict[str, str]:
            if self.literal(value) is not None:
                raise Unjudged
            return members_of_text(value)

        return check

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        models = pydantic_side()
        return models.checked_beside(self.literal, models.text_map())

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        message = "A header of this name carries a credential: write one whole reference, ${env:NAME}, ${file:path} or ${cmd:NAME/REST}."
        secret = {"type": "string", "pattern": SECRET_REFERENCE, "errorMessage": message}
        return {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "patternProperties": {SENSITIVE_HEADER: secret},
        }

    def literal(self, value: Any) -> Mistake | None:
        """Find literal secrets in members that must hold references; a member that is no text is judged by its type."""
        members = value.items() if isinstance(value, dict) else ()
        names = [
            name
            for name, text in members
            if isinstance(text, str) and sensitive_header(str(name)) and not _secret_reference.search(text)
        ]
        if not names:
            return None
        return Mistake(
            "literal_secret",
            "the headers {names} carry a credential, so each value must be one whole reference",
            {"names": ", ".join(map(str, names)), "keys": names},
        )


Key = Annotated[
    str,
    Pattern(KEY, "bad_key", "must begin with a letter or digit and hold only letters, digits, '.', '_' and '-'", 250),
]
SecretText = Annotated[
    str,
    Pattern(
        SECRET_REFERENCE,
        "literal_secret",
        "must be one whole reference, ${env:NAME}, ${file:path} or ${cmd:NAME/REST}: a secret is never written down",
    ),
]
Url = Annotated[str, UrlForm()]
Name = Annotated[
    str,
    Pattern(KEY, "bad_name", "must begin with a letter or digit and hold only letters, digits, '.', '_' and '-'", 100),
]
VariableGlob = Annotated[
    str,
    Pattern(
        VARIABLE,
        "bad_glob",
        "must be the name of an environment variable, cmd:NAME/REST of a secret command, or a glob over such names",
    ),
]
HostPattern = Annotated[
    str,
    Pattern(
        HOST,
        "bad_host",
        "must be a host such as api.example.com, *.example.com or [::1], with :PORT or without, and no URL",
    ),
]
ExcludeGlob = Annotated[
    str,
    Pattern(
        EXCLUDE,
        "bad_glob",
        "must be a glob over the files below its folder: not empty, without '..', not beginning with '!'",
    ),
]
PointerText = Annotated[str, Pattern(POINTER, "bad_pointer", "must be a JSON pointer such as /description")]
Duration = Annotated[
    str,
    Pattern(
        r"^[1-9][0-9]{0,5}[smhd]" + END,
        "bad_duration",
        "must be a whole number of s, m, h or d, such as 90m, 24h or 7d",
    ),
]
