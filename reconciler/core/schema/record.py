"""The base of the classes that declare what a document may say: `Record`, and the `Field`s with their descriptions.

A record is declared as a pydantic model is, and behaves as one; but pydantic is not imported for that. Right data is
checked by `quick`, which is made of the declaration; whatever that does not accept is judged by the pydantic model of
the same declaration (`pydantic_models`, loaded by name), which says every mistake. So does whoever asks a record for
something that only pydantic has, such as `model_json_schema`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from inspect import get_annotations
from typing import Any, Final, Literal, Self

from reconciler.core.schema.fields import MODELS, REQUIRED, FieldForm
from reconciler.core.schema.quick import Check, Unjudged, check_of, plain_text, takes_every_text

_PROGRAM: Final = __name__.partition(".")[0]
_PLAIN: Final = frozenset({str, int, bool, float, type(None)})
_NONE: Final = FieldForm  # the type of no value that a document has

Extra = Literal["forbid", "allow"]


class _Checks(dict[str, tuple[str, type, Check]]):
    """By the name of a member of a document: the field's own name, a type whose values need no check, and the check.

    Each is made when it is first asked for.
    """

    def __init__(self, fields: Mapping[str, FieldForm]) -> None:
        self._fields = {field.alias or name: (name, field) for name, field in fields.items()}

    def __missing__(self, member: str) -> tuple[str, type, Check]:
        name, field = self._fields[member]
        made = self[member] = (name, str if takes_every_text(field.form) else _NONE, check_of(field.form))
        return made


class _Declaration:
    """What a record class declares, each part worked out when it is first asked for: most classes are met by few documents."""

    def __init__(self, record: RecordType, defaults: Mapping[str, Any], given: Mapping[str, FieldForm] | None) -> None:
        self._record, self._own_defaults, self._given = record, defaults, given

    @cached_property
    def own(self) -> Mapping[str, FieldForm]:
        """The fields that the class declares itself."""
        if self._given is not None:
            return self._given
        names = vars(sys.modules[self._record.__module__])
        found = {}
        for name, said in get_annotations(self._record).items():
            if not said.startswith("ClassVar") and not name.startswith("_"):
                default = self._own_defaults.get(name, REQUIRED)
                field = default if isinstance(default, FieldForm) else FieldForm(default, bounds={})
                found[name] = field.of(eval(said, names))  # noqa: S307  # the source text of a class of ours
        return found

    @cached_property
    def fields(self) -> dict[str, FieldForm]:
        """All fields, those of the last base first, as pydantic orders them."""
        found: dict[str, FieldForm] = {}
        for base in reversed(self._record.__mro__):
            if isinstance(base, RecordType):
                found |= base.declaration.own
        return found

    @cached_property
    def aliases(self) -> dict[str, str]:
        """The names in a document of the fields that have others there."""
        return {name: field.alias for name, field in self.fields.items() if field.alias is not None}

    @cached_property
    def checks(self) -> _Checks:
        """The check of each member of a document."""
        return _Checks(self.fields)

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """What each field is where the document does not say; null of those that it must say."""
        return {name: None if field.is_required() else field.default for name, field in self.fields.items()}

    @cached_property
    def required(self) -> frozenset[str]:
        """The members that a document must have."""
        return frozenset(field.alias or name for name, field in self.fields.items() if field.is_required())


class RecordType(type):
    """The type of record classes. What only pydantic knows of one is asked of its pydantic model.

    A class of another package that derives from a record is none itself, but derives from its pydantic model: it may
    have validators and whatever else pydantic has.
    """

    declaration: _Declaration
    _extra: Extra
    _frozen: bool

    def __new__(
        cls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        fields: Mapping[str, FieldForm] | None = None,
        **config: Any,
    ) -> Any:
        if namespace["__module__"].partition(".")[0] != _PROGRAM:
            return import_module(MODELS).derived(name, bases, namespace, config)
        annotations = namespace.get("__annotations__", {})
        declared = [
            word
            for word in annotations
            if word in namespace and word[0] != "_" and not annotations[word].startswith("ClassVar")
        ]
        defaults = {word: namespace.pop(word) for word in declared}
        made: Any = super().__new__(cls, name, bases, namespace | {f"_{word}": said for word, said in config.items()})
        made.declaration = _Declaration(made, defaults, fields)
        return made

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **_: Any) -> None:
        super().__init__(name, bases, namespace)

    @property
    def model_fields(cls) -> dict[str, FieldForm]:
        """The fields by their own names."""
        return cls.declaration.fields

    @property
    def model_config(cls) -> dict[str, Any]:
        """What the class says of its documents as a whole, in pydantic's words."""
        return {"extra": cls._extra, "frozen": cls._frozen}

    def pydantic_model(cls) -> Any:
        """The pydantic model of the same declaration."""
        return import_module(MODELS).model_of(cls)

    def __getattr__(cls, name: str) -> Any:
        if not name.startswith("model_"):
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        return getattr(cls.pydantic_model(), name)

    def __subclasscheck__(cls, other: Any) -> bool:
        # the pydantic model of a record is one of its kind, and so is what derives from that
        return any(base is cls or cls in _record_mro(base) for base in getattr(other, "__mro__", ()))

    def __instancecheck__(cls, value: Any) -> bool:
        return cls.__subclasscheck__(type(value))


def _record_mro(kind: type) -> tuple[type, ...]:
    """The record class that a pydantic model was made of, with its bases; none for other classes."""
    record = kind.__dict__.get("record_class")
    return () if record is None else record.__mro__


class Record(metaclass=RecordType):
    """The base of what documents are read into. `extra` is whether a document may say more; `frozen` ones can be hashed."""

    __slots__ = ("__dict__", "_given", "_more")
    _extra: Extra = "forbid"
    _frozen = False

    _given: tuple[str, ...]  # the fields that the document says
    _more: dict[str, Any] | None  # what else it says, where it may

    def __init__(self, /, **data: Any) -> None:
        made = type(self).model_validate(data)
        _fill(self, made.__dict__, tuple(made.model_fields_set), made.model_extra)

    @classmethod
    def model_validate(cls, data: Any, **options: Any) -> Self:
        """The record of plain data. Raises pydantic's ValidationError, with every mistake."""
        if not options:
            try:
                return cls.quick(data)
            except Unjudged:
                pass
        checked: Self = import_module(MODELS).validated(cls, data, options)
        return checked

    @classmethod
    def quick(cls, data: Any) -> Self:
        """The record of plain data. Raises Unjudged where the data may be wrong."""
        if data.__class__ is not dict:
            if isinstance(type(data), RecordType) and isinstance(data, cls):
                return data
            raise Unjudged
        declaration = cls.declaration
        checks, values = declaration.checks, declaration.defaults.copy()
        if not declaration.required <= data.keys():
            raise Unjudged
        given: list[str] = []
        more: dict[str, Any] | None = None if cls._extra == "forbid" else {}
        for member, item in data.items():
            try:
                name, unchecked, check = checks[member]
            except (KeyError, TypeError):
                if more is None or member.__class__ is not str:
                    raise Unjudged from None
                more[plain_text(member)] = item
                given.append(member)
            else:
                values[name] = item if item.__class__ is unchecked else check(item)
                given.append(name)
        made = cls.__new__(cls)
        _fill(made, values, tuple(given), more)
        return made

    @property
    def model_extra(self) -> dict[str, Any] | None:
        """What the document says beside the fields; None where it may say nothing else."""
        return self._more

    @property
    def model_fields_set(self) -> set[str]:
        """The names of the fields that the document says."""
        return set(self._given)

    def model_dump(
        self,
        *,
        include: set[str] | None = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_none: bool = False,
        **others: Any,
    ) -> dict[str, Any]:
        """The record as plain data, new throughout. `include` names the fields that are told."""
        if others or not (include is None or isinstance(include, (set, frozenset))):
            told: dict[str, Any] = self.pydantic().model_dump(
                include=include, by_alias=by_alias, exclude_unset=exclude_unset, exclude_none=exclude_none, **others
            )
            return told
        plain: dict[str, Any] = {}
        for name, value in (self.__dict__ if self._more is None else self.__dict__ | self._more).items():
            if value is None and exclude_none:
                continue
            if (include is not None and name not in include) or (exclude_unset and name not in self._given):
                continue
            plain[name] = value if value.__class__ in _PLAIN else _dumped(value, by_alias, exclude_unset, exclude_none)
        aliases = type(self).declaration.aliases if by_alias else {}
        return {aliases.get(name, name): value for name, value in plain.items()} if aliases else plain

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """The same record, with other values for some fields, which nothing checks."""
        copied = self.pydantic().model_copy(update=update, deep=deep)
        made: Self = import_module(MODELS).record_of(copied)
        return made

    def pydantic(self) -> Any:
        """The same as an instance of the pydantic model."""
        return import_module(MODELS).instance_of(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in Record.__slots__:
            raise AttributeError(name)
        if self._more and name in self._more:
            return self._more[name]
        if name.startswith("model_"):
            return getattr(self.pydantic(), name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if type(self).model_config["frozen"]:
            raise AttributeError(f"{type(self).__name__!r} is frozen: {name!r} stays as it is")
        object.__setattr__(self, name, value)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        yield from self.__dict__.items()
        yield from (self._more or {}).items()

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self.__dict__ == other.__dict__ and self._more == getattr(other, "_more", None)

    def __hash__(self) -> int:
        if not type(self).model_config["frozen"]:
            raise TypeError(f"unhashable type: {type(self).__name__!r}")
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self)})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return import_module(MODELS).schema_of(cls, handler)


def _fill(record: Record, values: dict[str, Any], given: tuple[str, ...], more: dict[str, Any] | None) -> None:
    object.__setattr__(record, "__dict__", values)
    object.__setattr__(record, "_given", given)
    object.__setattr__(record, "_more", more)


def filled(kind: type[Record], values: dict[str, Any], given: tuple[str, ...], more: dict[str, Any] | None) -> Record:
    """A record with these values, which were checked."""
    made = kind.__new__(kind)
    _fill(made, values, given, more)
    return made


def _dumped(value: Any, by_alias: bool | None, exclude_unset: bool, exclude_none: bool) -> Any:
    """A value of a field as plain data. What is null in a map is told: it is the user's."""
    kind = value.__class__
    if kind in _PLAIN:
        return value
    if kind is dict:
        return {
            name: item if item.__class__ in _PLAIN else _dumped(item, by_alias, exclude_unset, exclude_none)
            for name, item in value.items()
        }
    if kind is list:
        return [
            item if item.__class__ in _PLAIN else _dumped(item, by_alias, exclude_unset, exclude_none) for item in value
        ]
    if isinstance(kind, RecordType):
        return value.model_dump(by_alias=by_alias, exclude_unset=exclude_unset, exclude_none=exclude_none)
    return value


def attempt(form: Any, data: Any) -> tuple[Any, Any]:
    """Plain data as a record, or as somebody's pydantic model: `(value, None)`, or `(None, error)` with pydantic's error."""
    if isinstance(form, RecordType):
        try:
            return form.quick(data), None
        except Unjudged:
            pass
    found: tuple[Any, Any] = import_module(MODELS).attempt(form, data)
    return found


def derived(
    name: str,
    bases: tuple[Any, ...],
    fields: Mapping[str, tuple[Any, Any]],
    *,
    doc: str | None,
    extra: Extra | None = None,
) -> Any:
    """A class of these bases with more fields, each its type and its `Field` or default: a record, or a pydantic model where a base is one."""
    if all(isinstance(base, RecordType) for base in bases):
        config = {} if extra is None else {"extra": extra}
        own = {}
        for field_name, (annotation, said) in fields.items():
            field = said if isinstance(said, FieldForm) else FieldForm(said, bounds={})
            own[field_name] = field if field.annotation is not None else field.of(annotation)
        return RecordType(name, bases, {"__module__": __name__, "__doc__": doc}, fields=own, **config)
    return import_module(MODELS).created(name, bases, fields, doc)
