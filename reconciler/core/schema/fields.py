"""What is said of a field beside its type: its default, its alias, its bounds, and the words for people."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any, Final, get_origin

from reconciler.core.late_pattern import late_pattern
from reconciler.core.schema.quick import Check, Unjudged, plain_text, refuse

REQUIRED: Final = ...  # the default of a field without one, as in pydantic
MODELS: Final = "reconciler.core.schema.pydantic_models"  # the module that knows pydantic


class FieldForm:
    """What is said of a field beside its type: as its default, or inside `Annotated`.

    Of a whole field, `annotation` is its type without what stands beside it in `Annotated`, which is the `metadata`.
    """

    __slots__ = ("alias", "annotation", "bounds", "default", "description", "examples", "metadata")
    __is_annotated_types_grouped_metadata__ = True  # so pydantic asks for what it says, one by one

    def __init__(
        self,
        default: Any = REQUIRED,
        *,
        alias: str | None = None,
        description: str | None = None,
        examples: list[Any] | None = None,
        bounds: Mapping[str, Any],
    ) -> None:
        self.default, self.alias, self.description, self.examples = default, alias, description, examples
        self.bounds = {name: bound for name, bound in bounds.items() if bound is not None}
        self.annotation: Any = None
        self.metadata: tuple[Any, ...] = ()

    def __iter__(self) -> Iterator[Any]:
        yield from import_module(MODELS).said_by(self)

    def is_required(self) -> bool:
        """Whether the field has no default."""
        return self.default is REQUIRED

    def of(self, annotation: Any) -> FieldForm:
        """The whole field of that annotation."""
        inner: Any = annotation
        beside: tuple[Any, ...] = ()
        if get_origin(annotation) is Annotated:
            inner, beside = annotation.__origin__, annotation.__metadata__
        alias = self.alias or next((one.alias for one in beside if isinstance(one, FieldForm) and one.alias), None)
        whole = FieldForm(
            self.default, alias=alias, description=self.description, examples=self.examples, bounds=self.bounds
        )
        whole.annotation = inner
        whole.metadata = (*beside, FieldForm(bounds=self.bounds)) if self.bounds else beside
        return whole

    @property
    def form(self) -> Any:
        """The type with the metadata beside it."""
        return Annotated[self.annotation, *self.metadata] if self.metadata else self.annotation

    def optional(self) -> FieldForm:
        """The same field with null for its default. Null in a document stays as forbidden as before."""
        made = FieldForm(None, alias=self.alias, description=self.description, examples=self.examples, bounds={})
        made.annotation, made.metadata = self.annotation, self.metadata
        return made

    def quick(self, source: Any, inner: Callable[[], Check]) -> Check:
        """The quick check of an annotation that these bounds stand beside."""
        bounds, check = self.bounds, inner()
        shortest, longest = bounds.get("min_length", 0), bounds.get("max_length", sys.maxsize)
        pattern = bounds.get("pattern", "^")
        if not bounds:
            return check
        if not pattern.startswith("^"):
            return refuse
        matches = late_pattern(pattern).match

        def within(value: Any) -> Any:
            checked = check(value)
            if checked is None:
                raise Unjudged
            if isinstance(checked, str):
                checked = plain_text(checked)
            if not shortest <= len(checked) <= longest or (pattern != "^" and not matches(checked)):
                raise Unjudged
            return checked

        return within


def Field(  # noqa: N802  # as pydantic calls it
    default: Any = REQUIRED,
    *,
    alias: str | None = None,
    description: str | None = None,
    examples: list[Any] | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
) -> Any:
    """What is said of a field beside its type, with the words that pydantic has for it."""
    bounds = {"min_length": min_length, "max_length": max_length, "pattern": pattern}
    return FieldForm(default, alias=alias, description=description, examples=examples, bounds=bounds)
