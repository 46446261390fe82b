"""The pydantic models of records, for what only pydantic does: to say what is wrong, and to write JSON Schema.

Loaded by name, where a document is wrong, where a schema is written, and where a driver of somebody else is in use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import NoneType
from typing import Any, Final, get_args

from pydantic import BaseModel, Field, ValidationError, create_model
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from reconciler.core.schema.fields import FieldForm
from reconciler.core.schema.quick import Unjudged
from reconciler.core.schema.record import Record, RecordType, filled

_STRICT: Final[Mapping[str, Any]] = {
    "defer_build": True,
    "strict": True,
    "regex_engine": "python-re",
    "protected_namespaces": (),
}


@cache
def model_of(record: RecordType) -> type[BaseModel]:
    """The pydantic model of a record class."""
    if record is Record:
        return BaseModel
    bases: Any = tuple(map(model_of, record.__bases__))
    fields: Any = {name: (field.form, _field(field)) for name, field in record.declaration.own.items()}
    made: type[BaseModel] = create_model(
        record.__name__,
        __base__=bases,
        __module__=record.__module__,
        __doc__=record.__doc__,
        __cls_kwargs__={**_STRICT, **record.model_config},
        **fields,
    )
    setattr(made, "record_class", record)  # noqa: B010  # no field, and no attribute that pydantic knows
    return made


def _field(field: FieldForm) -> Any:
    """What pydantic is told of a field. Its bounds are in the type."""
    return Field(field.default, alias=field.alias, description=field.description, examples=field.examples)


def said_by(field: FieldForm) -> Iterator[Any]:
    """What stands beside a type, one by one and as pydantic has it."""
    bounds: Any = Field(**field.bounds)
    yield from bounds.metadata
    if field.description is not None or field.examples is not None:
        yield Field(description=field.description, examples=field.examples)


def derived(name: str, bases: tuple[Any, ...], namespace: dict[str, Any], config: Mapping[str, Any]) -> Any:
    """A class that somebody derives from a record, as a pydantic model."""
    theirs = tuple(model_of(base) if isinstance(base, RecordType) else base for base in bases)
    kind: Any = type(theirs[0])
    return kind(name, theirs, namespace, **config)


def created(name: str, bases: tuple[Any, ...], fields: Mapping[str, tuple[Any, Any]], doc: str | None) -> Any:
    """A pydantic model of these bases, records among them, with more fields."""
    theirs = tuple(model_of(base) if isinstance(base, RecordType) else base for base in bases)
    known = {
        field: (annotation, _field(said) if isinstance(said, FieldForm) else said)
        for field, (annotation, said) in fields.items()
    }
    return create_model(name, __base__=theirs, __doc__=doc, **known)  # type: ignore[call-overload]


def validated(form: Any, data: Any, options: Mapping[str, Any]) -> Any:
    """Plain data as a record. Raises ValidationError, with every mistake."""
    return record_of(model_of(form).model_validate(data, **options))


def attempt(form: Any, data: Any) -> tuple[Any, ValidationError | None]:
    """Plain data as a record or a pydantic model, or what is wrong with it."""
    model = model_of(form) if isinstance(form, RecordType) else form
    try:
        return record_of(model.model_validate(data)), None
    except ValidationError as error:
        return None, error


def record_of(value: Any) -> Any:
    """What pydantic made of data, with records in the place of their models."""
    if isinstance(value, BaseModel):
        record = type(value).__dict__.get("record_class")
        if record is None:
            return value
        values = {name: record_of(item) for name, item in value.__dict__.items()}
        return filled(record, values, tuple(value.model_fields_set), value.model_extra)
    if value.__class__ is list:
        return [record_of(item) for item in value]
    if value.__class__ is dict:
        return {name: record_of(item) for name, item in value.items()}
    return value


def instance_of(value: Any) -> Any:
    """A record, and what is in it, as pydantic has it."""
    if isinstance(type(value), RecordType):
        kind: Any = type(value)
        model = model_of(kind)
        made = model.__new__(model)
        more = value.model_extra
        object.__setattr__(made, "__dict__", {name: instance_of(item) for name, item in value.__dict__.items()})
        object.__setattr__(made, "__pydantic_fields_set__", value.model_fields_set)
        object.__setattr__(made, "__pydantic_extra__", None if more is None else dict(more))
        object.__setattr__(made, "__pydantic_private__", None)
        return made
    if value.__class__ is list:
        return [instance_of(item) for item in value]
    if value.__class__ is dict:
        return {name: instance_of(item) for name, item in value.items()}
    return value


def schema_of(record: RecordType, handler: Any) -> core_schema.CoreSchema:
    """The schema of a field whose type is a record: data, or a record that was made of data."""

    def known(value: Any) -> Any:
        return instance_of(value) if isinstance(type(value), RecordType) else value

    return core_schema.no_info_before_validator_function(known, handler.generate_schema(model_of(record)))


def plain(check: Callable[[Any], Any], source: Any) -> core_schema.CoreSchema:
    """The schema of a field type that `check` alone checks; null is taken where the annotation allows it."""
    schema = core_schema.no_info_plain_validator_function(_told(check))
    return nullable(source, schema)


def nullable(source: Any, schema: core_schema.CoreSchema) -> core_schema.CoreSchema:
    """A schema that also takes null where the annotation allows it."""
    return core_schema.nullable_schema(schema) if NoneType in get_args(source) else schema


def text(check: Callable[[str], str], max_length: int | None = None) -> core_schema.CoreSchema:
    """The schema of a string that `check` checks further."""
    string = core_schema.str_schema(strict=True, max_length=max_length)
    return core_schema.no_info_after_validator_function(_told(check), string)


def text_map() -> core_schema.CoreSchema:
    """The schema of a map of strings to strings."""
    string = core_schema.str_schema(strict=True)
    return core_schema.dict_schema(string, string, strict=True)


def checked_before(check: Callable[[Any], Any], schema: core_schema.CoreSchema) -> core_schema.CoreSchema:
    """A schema of what `check` lets pass."""
    return core_schema.no_info_before_validator_function(_told(check), schema)


def one_of(
    choices: Mapping[str, Any], chosen: Callable[[Any], str], schema_of: Callable[[Any], core_schema.CoreSchema]
) -> core_schema.CoreSchema:
    """The schema of forms of which `chosen` chooses one by the value."""
    schemas = {name: schema_of(form) for name, form in choices.items()}
    return core_schema.tagged_union_schema(schemas, chosen)


def _told(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A check whose mistakes pydantic understands."""

    def told(value: Any) -> Any:
        try:
            return check(value)
        except Unjudged as mistake:
            raise _custom(mistake) from None

    return told


def _custom(mistake: Any) -> PydanticCustomError:
    return PydanticCustomError(mistake.rule, mistake.message, mistake.context)


def checked_beside(check: Callable[[Any], Any], form: core_schema.CoreSchema) -> core_schema.CoreSchema:
    """Add a second check to a schema, which runs even where the first one fails: the mistakes of both are reported.

    `check` gives a mistake, or None.
    """

    def both(value: Any, members: core_schema.ValidatorFunctionWrapHandler) -> Any:
        mistake = check(value)
        wrong = None if mistake is None else _custom(mistake)
        try:
            checked = members(value)
        except ValidationError as error:
            raise (error if wrong is None else _with(error, wrong, value)) from None
        if wrong is not None:
            raise wrong
        return checked

    return core_schema.no_info_wrap_validator_function(both, form)


def _with(error: ValidationError, more: PydanticCustomError, value: Any) -> ValidationError:
    """Add one more mistake to the errors of a value, each at its own pointer."""
    lines = [
        InitErrorDetails(
            type=PydanticCustomError(line["type"], line["msg"], line.get("ctx")),
            loc=line["loc"],
            input=line["input"],
        )
        for line in error.errors(include_url=False)
    ]
    lines.append(InitErrorDetails(type=more, loc=(), input=value))
    return ValidationError.from_exception_data(error.title, lines)
