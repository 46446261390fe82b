"""Documents for the parity tests: right ones, made from the models' own fields, and what becomes of them by accident."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import MinLen
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from reconciler.core.model import DAY
from reconciler.core.rules import Immutable, Normalized, Ref, ServerDefault, ServerOwned, Unordered, WriteOnly
from reconciler.core.schema import types as scalars
from reconciler.core.schema.fields import FieldForm
from reconciler.core.schema.types import (
    Boolean,
    Choice,
    HeaderMap,
    Key,
    Name,
    Number,
    OpenName,
    Pattern,
    PointerText,
    Scalar,
    SecretText,
    Texts,
    Url,
)
from reconciler.core.schema.unions import TextOrList, TextOrMap
from reconciler.manifest.native import NativeKind
from reconciler.project.config import OWNER, SecretCommand

Strategy = st.SearchStrategy[Any]
STRICT: Final = ConfigDict(extra="forbid", strict=True, regex_engine="python-re")


# --- a native kind and two drivers that use every field type ----------------------------------------------------


class Route(BaseModel):
    """One way to the service."""

    model_config = STRICT

    host: Annotated[Url, Normalized(str.lower, "hosts have no case")] = Field(description="Where it leads.")
    weight: Annotated[float | None, Number(minimum=0, maximum=1)] = Field(None, description="Its share.")
    open: Annotated[bool, Boolean()] = Field(description="Whether it may be used.")


class Service(BaseModel):
    """A service, in a registry's own terms."""

    model_config = STRICT

    size: Annotated[int, Number(minimum=1, integer=True), Immutable("chosen once")] = Field(description="How large.")
    mode: Annotated[str, Choice(("fast", "slow"))] = Field(description="How it runs.")
    level: Annotated[str | None, Choice(("low", "high")), ServerDefault("the registry knows")] = Field(
        None, description="How far."
    )
    routes: list[Route] | None = Field(None, description="Ways to it.")
    main: Route | None = Field(None, description="The first way.")
    words: Annotated[str | list[str] | None, Texts()] = Field(None, description="Words.")
    token: Annotated[SecretText | None, WriteOnly()] = Field(None, description="Its token.")
    headers: Annotated[dict[str, str], HeaderMap()] | None = Field(None, description="Headers.")
    alias: Name | None = Field(None, description="Another name.")
    place: PointerText | None = Field(None, description="A place.")
    parts: dict[Name, list[Key] | None] | None = Field(None, description="Parts.")
    tags: Annotated[list[str] | None, Unordered()] = Field(None, description="Tags.")
    form: Literal["round", "square"] | None = Field(None, description="Its form.")
    owner: Annotated[str | None, Ref("Owner")] = Field(None, description="Its owner.")
    status: Annotated[str | None, ServerOwned("set by the controller")] = Field(None, description="Its status.")
    extra: dict[str, Any] | None = Field(None, description="Anything else.")
    value: Annotated[str | float | bool, Scalar()] | None = Field(None, description="One value.")


class FileSettings(BaseModel):
    """A registry in a file."""

    model_config = STRICT

    path: str = Field("registry.db", description="The file.")
    timeout: Annotated[int | None, Number(minimum=1, integer=True)] = Field(None, description="Seconds.")


class WebSettings(BaseModel):
    """A registry behind a URL."""

    model_config = STRICT

    url: Url = Field(description="Where it is.")
    token: SecretText = Field(description="Its credential.")
    timeout: Annotated[float | None, Number(above=0)] = Field(30, description="Seconds.")
    headers: Annotated[dict[str, str], HeaderMap()] | None = Field(None, description="Headers.")


SERVICE: Final = NativeKind("web/Service", Service, "Service")
NATIVES: Final = {SERVICE.name: SERVICE}
DRIVERS: Final[dict[str, type[BaseModel]]] = {"file": FileSettings, "web": WebSettings}


# --- right documents --------------------------------------------------------------------------------------------

VARIABLES: Final = ("${var:x}", "${file:a/b.txt}")
SECRETS: Final = ("${env:TOKEN}", "${file:secret}")
WORDS: Final = ("", "a", "some words", "two\nlines", "${var:x} and more", "$${x}", "é", "null", "true", "3")
BY_PATTERN: Final = {
    scalars.EXCLUDE: ("charts", "**/values.yaml", "/a/b.json", "*", "[!a]?.yml", "..a/b", ".x"),
    OWNER: ("a", "platform team", "é", "a.b-c"),
    scalars.KEY: ("a", "A-b.c_1", "0", "x" * 100, "support-chat"),
    scalars.SECRET_REFERENCE: SECRETS,
    scalars.VARIABLE: ("OPENAI_*", "A", "[AB]_?", "*", "cmd:vault/*", "cmd:a/b c"),
    scalars.HOST: ("api.openai.com", "*.example.com", "*", "[::1]", "localhost:8080", "h-1.a_b.c"),
    r"^[1-9][0-9]{0,5}[smhd]" + scalars.END: ("90m", "24h", "7d", "999999s"),
    scalars.NOT_BLANK: ("a", " a ", "é", "two\nlines"),
    DAY: ("2026-11-28", "2028-02-29", "2000-12-31", "2999-01-30"),
    scalars.POINTER: ("/", "/a/b", "/a~1b/0"),
}
COMMANDS: Final = (["get", "{name}"], ["/bin/sh", "-c", 'get "$1"', "sh", "{name}"], ["a", "", "x/{name}/y"])
URLS: Final = (
    *("http://a", "https://h.example/v1", "http://h/a@b", "${var:url}", "https://${var:h}/v1", "http://h?x=@"),
    *("https://h/v1?api-version=2", "https://h?max_tokens=5#token=x", "https://h/?api_key=${var:x}", "https://h/?key="),
)
HEADERS: Final = (
    *(("X-Tenant", "acme"), ("X-Other", ""), ("Authorization", SECRETS[0]), ("x-api-key", SECRETS[1])),
    *(
        ("X-TOKEN", SECRETS[0]),
        ("cookie", SECRETS[1]),
        ("Author", "a"),
        ("X-Max-Tokens", "5"),
        ("Accept", "${env:A} b"),
    ),
)
ANYTHING: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("a", "b", "c")), inner, max_size=2),
    max_leaves=4,
)


def document(model: type[BaseModel]) -> Strategy:
    """A right document of a model: every required field, some of the others, null here and there."""
    required: dict[str, Strategy] = {}
    optional: dict[str, Strategy] = {}
    for name, info in model.model_fields.items():
        fields = required if info.is_required() else optional
        fields[info.alias or name] = field(info.annotation, tuple(info.metadata))
    return some_of(required, optional)


@st.composite
def some_of(draw: st.DrawFn, required: dict[str, Strategy], optional: dict[str, Strategy]) -> dict[str, Any]:
    """All of the required members and up to four of the optional ones, in any order."""
    chosen = draw(st.lists(st.sampled_from(sorted(optional)), unique=True, max_size=4)) if optional else []
    names = [*required, *chosen]
    if draw(st.booleans()):
        names.reverse()
    return {name: draw((required | optional)[name]) for name in names}


def field(annotation: Any, metadata: tuple[Any, ...] = ()) -> Strategy:
    """Right values for a field, by its annotation."""
    if get_origin(annotation) is Annotated:
        inner, *extra = get_args(annotation)
        return field(inner, (*metadata, *extra))
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    checked = next(
        (
            item
            for item in metadata
            if isinstance(item, scalars.Checked | scalars.UrlForm | Pattern | HeaderMap | TextOrList | TextOrMap)
        ),
        None,
    )
    if checked is not None:
        found = _checked(checked)
    else:
        found = st.one_of(*(_plain(option, _at_least(metadata)) for option in options if option is not NoneType))
    return found | st.none() if NoneType in options else found


def _at_least(metadata: tuple[Any, ...]) -> int:
    bounded = next((item.bounds for item in metadata if isinstance(item, FieldForm)), {})
    flat = [part for item in metadata for part in (item.metadata if isinstance(item, FieldInfo) else [item])]
    return next((item.min_length for item in flat if isinstance(item, MinLen)), bounded.get("min_length", 0))


def _plain(annotation: Any, least: int) -> Strategy:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return field(annotation)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is list:
        return st.lists(field(arguments[0]), min_size=least, max_size=2)
    if origin is dict:
        return st.dictionaries(field(arguments[0]), field(arguments[1]), min_size=least, max_size=2)
    if annotation is Any:
        return ANYTHING
    if annotation is str:
        return st.sampled_from([word for word in WORDS if len(word) >= least])
    if hasattr(annotation, "model_fields"):
        return document(annotation)
    raise AssertionError(f"no documents for {annotation!r}")


def _checked(kind: Any) -> Strategy:
    match kind:
        case Number():
            low = kind.minimum if kind.minimum is not None else kind.above
            numbers = st.integers(
                int(low) + (kind.above is not None) if low is not None else None,
                int(kind.maximum) if kind.maximum else None,
            )
            return (
                numbers
                | numbers.map(lambda number: float(number) if abs(number) < 2**53 else number)
                | st.sampled_from(VARIABLES)
            )
        case Boolean():
            return st.booleans() | st.sampled_from(VARIABLES)
        case Choice():
            return st.sampled_from((*kind.values, *VARIABLES))
        case OpenName():
            return st.sampled_from((*kind.values, "nobody's", *VARIABLES))
        case Texts():
            return st.sampled_from(WORDS) | st.lists(st.sampled_from(WORDS), max_size=2)
        case TextOrMap() | TextOrList():
            return field(kind.text) | field(kind.forms()[1])
        case Scalar():
            return st.sampled_from(("a", "", 1, 2.5, True, "$x"))
        case HeaderMap():
            return st.lists(st.sampled_from(HEADERS), max_size=3).map(dict)
        case SecretCommand():
            return st.sampled_from(COMMANDS)
        case scalars.UrlForm():
            return st.sampled_from(URLS)
        case Pattern():
            return st.sampled_from(BY_PATTERN[kind.pattern])
    raise AssertionError(f"no documents for {kind!r}")


# --- documents that use every field -----------------------------------------------------------------------------

WHOLE_MODEL: Final[dict[str, Any]] = {
    "kind": "Model",
    "key": "support-chat",
    "extends": ["gateway"],
    "display_name": "Support chat",
    "description": "Answers.",
    "task": "chat_completion",
    "endpoint": {
        "url": "https://llm.example.com/v1",
        "model": "gpt-oss-120b",
        "format": "openai",
        "adapter": "my-adapter",
        "api_key": "${env:KEY}",
        "headers": {"X-Tenant": "acme", "X-Token": "${env:TOKEN}"},
        "tls": {"verify": True, "ca": "${file:ca.pem}"},
        "timeout": 30,
    },
    "provider": {"name": "openai", "model": "gpt-5-nano"},
    "parameters": {
        "temperature": 0.2,
        "top_p": 0.95,
        "top_k": 40,
        "n": 1,
        "max_completion_tokens": 1024,
        "stop": ["a"],
        "seed": 7,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "reasoning_effort": "low",
    },
    "limits": {"requests_per_minute": 60, "max_concurrency": 4, "context_length": 131072},
    "tags": ["support"],
    "labels": {"team": "cx"},
    "metadata": {"cost_centre": 42},
    "registries": {"nemo": {"key": "other", "ignore": ["/a"], "project": "cx"}},
    "protected": False,
    "previous_keys": ["support-bot"],
    "state": "present",
    "ignore": ["/description"],
    "waivers": [{"policy": "owner-label", "reason": "it is decided in January", "until": "2027-01-31"}],
    "$schema": "manifest.schema.json",
    "format_version": "1.0",
}
WHOLE_TEMPLATE: Final[dict[str, Any]] = {
    name: value for name, value in WHOLE_MODEL.items() if name not in ("extends", "previous_keys", "state")
} | {"kind": "Template"}
ROUTE: Final[dict[str, Any]] = {"host": "http://a", "weight": 0.5, "open": True}
WHOLE_SERVICE: Final[dict[str, Any]] = {
    "kind": "web/Service",
    "x-unmanaged": {"guardrails": ["pii"]},
    "key": "a/b",
    "size": 1,
    "mode": "fast",
    "level": "low",
    "routes": [ROUTE],
    "main": ROUTE,
    "words": ["a"],
    "token": "${env:T}",
    "headers": {"X-Token": "${env:T}", "A": "b"},
    "alias": "a",
    "place": "/a",
    "parts": {"a": ["b"]},
    "tags": ["a"],
    "form": "round",
    "owner": "a",
    "status": "up",
    "extra": {"a": 1},
    "value": 1,
    "registry": "web",
    "protected": True,
    "previous_keys": ["a/c"],
    "state": "present",
    "ignore": ["/a"],
    "waivers": [{"policy": "a", "reason": "b", "until": "2028-02-29"}],
    "$schema": "x",
    "format_version": "1.0",
}
WHOLE_CONFIG: Final[dict[str, Any]] = {
    "owner": "team",
    "manifests": ["manifests", {"path": "more", "exclude": ["**/values.yaml"]}],
    "exclude": ["charts", "a/**"],
    "policies": ["policies"],
    "variables": {"a": "b"},
    "fingerprint_key": "${env:KEY}",
    "registries": {
        "local": {"driver": "file", "path": "a.db", "timeout": 3, "default": True, "owns": ["a*"]},
        "web": {"driver": "web", "url": "http://a", "token": "${env:T}", "timeout": 1.5, "headers": {"A": "b"}},
    },
    "guards": {"max_deletes": 5, "max_delete_percent": 20, "allow_trust_remote_code": True},
    "plans": {"expire": "24h"},
    "secrets": {"allow": {"OPENAI_*": ["api.openai.com", "*.example.com:8443"], "A": []}},
    "secret_commands": {"vault": ["vault", "get", "{name}"]},
    "$schema": "x",
}


# --- accidents --------------------------------------------------------------------------------------------------

ODD: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, -2, 2, 3, 101, 10**30, -(10**30), 3.0, 2.5, -0.0, 1e308, 0.1),
    *("", "a", "a\n", " a", "-a", ".a", "é", "x" * 250, "x" * 251, "x" * 101, "true", "1", "null"),
    *("${var:x}", "${file:x}", "${env:X}", "${var:x}\n", " ${var:x}", "${var:}", "${x}", "$${var:x}", "a ${var:x}", "${var:x}${var:y}", "${env:X} a"),
    *("http://a", "http://", "https://u:p@h", "http://u@h/x", "HTTP://a", "http://h/@x", "http://a b", "http://a\n", "ftp://a", "https:// a"),
    *("http://${var:h}", "http://u:${env:P}@h", "/", "/a", "a/b", "/a\n"),
    *("Model", "web/Service", "present", "absent", "chat_completion", "openai", "chat_completion\n", "Openai", "fast", "round", "file", "web"),
    *(["a", "{name}"], ["{name}", "{name}"], ["", "{name}"], ["sh", "-c", "get {name}"], ["/bin/bash", "{name}"], ["sh", "{name}\n"], ["a", "{name}\0"]),
    *([], [None], ["a"], [1], [[]], ["a", "a\n"], [{}], {}, {"a": None}, {"a": 1}, {"a": "b"}, {"a": {}}, {"a": []}, {"a\n": {}}, {"": "x"}),
    *({"Authorization": "x"}, {"AUTHORIZATION": "${env:A}"}, {"proxy-authorization": "a"}, {"X-Authorization": "a"}, {"x_apiKEY": "a"}),
    *({"X-Api_Key": "${env:A}\n"}, {"TOKENS": "a"}, {"cookie": ""}, {"Cookie\n": "a"}, {"token\n": "${env:A}"}, {"My-token-x": "${var:a}"}, {"token": "a"}, {"a b": {}}, {"x": None}),
)  # fmt: skip
NAMES: Final = (
    "kind",
    "key",
    "state",
    "protected",
    "endpoint",
    "provider",
    "registries",
    "metadata",
    "url",
    "name",
    "driver",
    "dispaly_name",
    "",
    "$schema",
)


def places(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document, the document's own among them."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [prefix, *(place for name, member in members for place in places(member, (*prefix, name)))]


def changed(value: Any, place: tuple[Any, ...], change: Any) -> Any:
    """The document with `change` applied to the value at a place."""
    if not place:
        return change(value)
    copy = value.copy()
    copy[place[0]] = changed(value[place[0]], place[1:], change)
    return copy


def accidents(whole: dict[str, Any], needed: tuple[str, ...]) -> Iterator[Any]:
    """Every accident in every place of a document, each alone and beside no more than the `needed` fields."""
    for name in whole:
        data = {other: whole[other] for other in whole if other in needed or other == name}
        yield data
        for place in places(data):
            if place[:1] in ((), (name,)):
                yield from (changed(data, place, lambda _, odd=odd: odd) for odd in ODD)
                yield from _key_accidents(data, place)


def _key_accidents(data: Any, place: tuple[Any, ...]) -> Iterator[Any]:
    """Members left out, misspelt and added, at a place that holds a map."""

    def without(value: Any, gone: str) -> Any:
        return {name: member for name, member in value.items() if name != gone}

    def members(value: Any) -> list[str]:
        for part in place:
            value = value[part]
        return list(value) if isinstance(value, dict) else []

    for member in members(data):
        yield changed(data, place, lambda value, gone=member: without(value, gone))
        for name in (f"{member}s", f"{member}\n", "x" * 101, f"-{member}"):
            yield changed(data, place, lambda value, old=member, new=name: without(value, old) | {new: value[old]})
            yield changed(data, place, lambda value, old=member, new=name: value | {new: value[old]})


@st.composite
def broken(draw: st.DrawFn, documents: Strategy) -> Any:
    """A right document after one to three accidents, which may leave it right."""
    data = draw(documents)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(places(data)))
        data = changed(data, place, draw(st.sampled_from((_replace, _drop, _rename, _add))).__get__(draw))
    return data


def _replace(draw: st.DrawFn, value: Any) -> Any:
    return draw(st.sampled_from(ODD))


def _drop(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict) and value:
        gone = draw(st.sampled_from(list(value)))
        return {name: member for name, member in value.items() if name != gone}
    return value[1:] if isinstance(value, list | str) else value


def _rename(draw: st.DrawFn, value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        return value
    old = draw(st.sampled_from(list(value)))
    new = draw(st.sampled_from((old.upper(), old + "s", old + "\n", "_" + old, *NAMES)))
    return {new if name == old else name: member for name, member in value.items()}


def _add(draw: st.DrawFn, value: Any) -> Any:
    odd = draw(st.sampled_from(ODD))
    if isinstance(value, dict):
        return value | {draw(st.sampled_from(NAMES)): odd}
    return [*value, odd] if isinstance(value, list) else value


@st.composite
def nulled(draw: st.DrawFn, documents: Strategy) -> Any:
    """A document with null, or another scalar, in one or two of its places: what a merge patch looks like."""
    data = draw(documents)
    scalar = [odd for odd in ODD if not isinstance(odd, dict | list)]
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.sampled_from(places(data)[1:] or [()]))
        value = draw(st.none() | st.sampled_from(scalar))
        data = changed(data, place, lambda _, value=value: value) if place else data
    return data


def sketch(model: type[BaseModel], fixed: dict[str, Any]) -> Strategy:
    """The model's own field names over odd values."""
    names = [info.alias or name for name, info in model.model_fields.items()]
    return st.dictionaries(st.sampled_from(names), st.sampled_from(ODD), max_size=4).map(lambda found: fixed | found)
