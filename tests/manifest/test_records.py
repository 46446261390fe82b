"""Right data is checked without pydantic, and that check takes nothing that pydantic refuses, and gives the same value."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, get_args, get_origin

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from manifest.schema_documents import ODD, WHOLE_CONFIG, WHOLE_MODEL, accidents, broken, document, nulled, sketch
from manifest.test_schema_parity import thorough
from pydantic import BaseModel, ValidationError, field_validator

from reconciler.core.model import Endpoint, Model, NativeCommon, Override, Template
from reconciler.core.schema.fields import Field
from reconciler.core.schema.quick import Unjudged
from reconciler.core.schema.record import Record, RecordType, attempt, derived
from reconciler.core.schema.types import Resolved
from reconciler.manifest.native import NativeKind, document_model
from reconciler.manifest.policies.form import PolicyDocument
from reconciler.project.config import Config
from reconciler.registry import catalog
from reconciler.registry.settings import RemoteSettings

DUMPS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"by_alias": True},
    {"by_alias": True, "exclude_none": True},
    {"exclude_unset": True},
    {"by_alias": True, "exclude_unset": True, "exclude_none": True},
    {"include": {"key", "name", "metadata", "endpoint", "labels"}, "exclude_none": True},
    {"exclude": {"key"}},
    {"mode": "json"},
)
HALF: Final = "\ud800"  # half of a surrogate pair
TEXTS: Final = tuple(Resolved(text) for text in ("", "a", "3", " 3.5 ", "true", "openai", "https://a/v1", "é", HALF))
MORE: Final = (
    *ODD,
    *TEXTS,
    HALF,
    f"https://{HALF}",
    {HALF: "a"},
    [HALF],
    {"a": HALF},
    {1: "a"},
    (),
    ("a",),
    float("inf"),
)


@cache
def records() -> tuple[RecordType, ...]:
    """Every record class of the program: manifests, configuration, policies, and the kinds and settings of all drivers."""
    drivers = catalog.built_in().values()
    found: list[Any] = [
        document_model(NativeKind.of(driver.name, kind), absent=absent)
        for driver in drivers
        for kind in driver.kinds.values()
        for absent in (False, True)
        if not kind.portable
    ]

    def below(kind: Any) -> Iterator[Any]:
        yield kind
        for one in kind.__subclasses__():
            yield from below(one)

    return tuple(dict.fromkeys([*below(Record), *found]))[1:]


def sample(annotation: Any) -> Any:
    """A right value of a type that gives no example."""
    if isinstance(annotation, RecordType):
        return whole(annotation)
    for part in reversed(get_args(annotation)):
        found = sample(part) if not isinstance(part, str) else part
        if found is not None:
            outer = get_origin(annotation)
            return [found] if outer is list else {"a": found} if outer is dict else found
    return "a" if annotation is str else None


@cache
def whole(record: Any) -> dict[str, Any]:
    """A document that uses every field of a record, by the examples that the fields give."""
    return {
        field.alias or name: copy.deepcopy(field.examples[0]) if field.examples else sample(field.form)
        for name, field in record.model_fields.items()
    }


def needed(record: Any) -> dict[str, Any]:
    """No more of it than must be there."""
    required = {field.alias or name for name, field in record.model_fields.items() if field.is_required()}
    return {name: value for name, value in whole(record).items() if name in required}


def quick(record: Any, data: Any) -> Any:
    """What the quick check makes of data; None where it does not judge."""
    try:
        return record.quick(data)
    except Unjudged:
        return None


def agrees(record: Any, data: Any) -> bool:
    """Whether the quick check judged. Fails where pydantic says otherwise."""
    before = repr(data)
    found = quick(record, data)
    assert repr(data) == before
    if found is None:
        return False
    theirs = record.pydantic_model().model_validate(data)  # raises where it refuses
    ours = record.model_validate(data, strict=True)  # with an option, pydantic judges
    assert repr(found) == repr(ours)  # tells 1 from true and 1.0, and the order of fields
    assert found == ours
    assert found.model_fields_set == theirs.model_fields_set
    assert found.model_extra == theirs.model_extra
    for options in DUMPS:
        if not (options.get("mode") and "\\ud800" in repr(data)):  # which JSON cannot hold
            assert repr(found.model_dump(**options)) == repr(theirs.model_dump(**options)), options
    return True


def test_the_right_document_of_every_record_is_judged_quickly() -> None:
    """No field of ours is left to pydantic: importing that is half of what starting the program costs."""
    slow = []
    for record in records():
        for name, value in whole(record).items():
            data = needed(record) | {name: value}
            if not agrees(record, data):
                slow.append((record.__name__, name, value))
    assert slow == []


@pytest.mark.parametrize("part", range(8))
def test_whatever_a_field_holds_the_quick_check_takes_nothing_that_pydantic_refuses(part: int) -> None:
    """Every odd value in every field of every record."""
    for record in records()[part::8]:
        for name, right in whole(record).items():
            for odd in MORE:
                agrees(record, needed(record) | {name: odd})
                if isinstance(right, dict) and right:
                    agrees(record, needed(record) | {name: right | {next(iter(right)): odd}})
                if isinstance(right, list) and right:
                    agrees(record, needed(record) | {name: [*right, odd]})


def test_every_accident_in_a_manifest_and_a_configuration_is_judged_alike() -> None:
    """The accidents of the parity tests, as the quick check sees them."""
    judged = [agrees(Model, data) for data in accidents(WHOLE_MODEL, ("kind", "key"))]
    judged += [agrees(Config, data) for data in accidents(WHOLE_CONFIG, ())]
    assert sum(judged) > 500


DOCUMENTS: Final = st.one_of(
    *(
        st.tuples(st.just(record), documents | broken(documents) | nulled(documents) | sketch(record, {}))
        for record in (Model, Template, Config, PolicyDocument, NativeCommon)
        for documents in (document(record),)
    )
)


@thorough(1_500)
@given(DOCUMENTS)
@example((Model, {"kind": "Model", "key": "a", "metadata": {"a": None, "b": [{}]}}))
@example((Model, {"kind": "Model", "key": "a", "registries": {"nemo": {"other": None}}}))
@example((Config, {"owner": Resolved("a")}))
def test_the_quick_check_takes_only_what_pydantic_takes(case: tuple[Any, Any]) -> None:
    """Whatever a document is, and whatever happens to it."""
    agrees(*case)


@thorough(300)
@given(DOCUMENTS)
def test_a_right_document_needs_no_pydantic(case: tuple[Any, Any]) -> None:
    """What is left to pydantic is wrong: else a change could make every start slow, and nobody would see it."""
    record, data = case
    if quick(record, data) is None:
        with pytest.raises(ValidationError):
            record.pydantic_model().model_validate(data)


def test_a_start_without_mistakes_imports_no_pydantic(tmp_path: Any) -> None:
    """Right policies, and `fmt`, need it as little as the commands of `tests/cli/test_startup.py`."""
    (tmp_path / "manifests").mkdir()
    (tmp_path / "policies").mkdir()
    (tmp_path / "manifests" / "a.yaml").write_text(
        "kind: Model\nkey: chat\nendpoint:\n  url: https://llm.example.com/v1\n"
    )
    (tmp_path / "policies" / "p.yaml").write_text("name: said\nmessage: say it\ncel: 'true'\n")
    (tmp_path / "reconciler.yaml").write_text("owner: team\nregistries:\n  local: {driver: local, default: true}\n")
    program = (
        "import sys\nfrom reconciler.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "assert 'pydantic' not in sys.modules and 'pydantic_core' not in sys.modules\n"
    )
    for words in (["validate"], ["fmt", "--check"]):
        done = subprocess.run([sys.executable, "-c", program, *words], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


class Theirs(RemoteSettings, extra="allow"):
    """The settings of somebody's driver."""

    url: str = Field(description="Where it is.")
    flavour: str = "plain"

    @field_validator("flavour")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ("plain", "sweet"):
            raise ValueError("no such flavour")
        return value


def test_a_class_of_another_package_is_a_pydantic_model() -> None:
    """Drivers of others declare what they declared before there were records, validators among it."""
    assert issubclass(Theirs, BaseModel)
    made = Theirs.model_validate({"url": "http://a", "flavour": "sweet", "more": 1, "concurrency": 3})
    assert isinstance(made, RemoteSettings)
    assert made.concurrency == 3
    assert made.model_extra == {"more": 1}
    with pytest.raises(ValidationError, match="no such flavour"):
        Theirs.model_validate({"url": "http://a", "flavour": "sour"})


class Nesting(BaseModel, extra="forbid", strict=True):
    """A kind of somebody's driver that has a part of the portable Model in it."""

    endpoint: Endpoint | None = None
    override: dict[str, Override] = {}


def test_a_pydantic_model_may_hold_records() -> None:
    """Parts of the portable Model are types of fields for others, too."""
    made = Nesting.model_validate({"endpoint": {"url": "http://a"}, "override": {"x": {"key": "a", "more": 1}}})
    assert isinstance(made.endpoint, Endpoint)
    assert made.endpoint.url == "http://a"
    assert made.model_dump()["override"] == {"x": {"key": "a", "ignore": None, "more": 1}}
    part = Model.model_validate(WHOLE_MODEL | {"provider": None}).endpoint
    assert part is not None
    assert Nesting(endpoint=part).endpoint.model_dump() == part.model_dump()  # type: ignore[union-attr]
    with pytest.raises(ValidationError):
        Nesting.model_validate({"endpoint": {"url": 3}})


def test_a_record_is_used_as_a_pydantic_model_is() -> None:
    """What drivers of others may ask of a portable Model is there."""
    model = Model.model_validate(WHOLE_MODEL | {"provider": None})
    assert Model(**WHOLE_MODEL | {"provider": None}) == model
    assert copy.deepcopy(model) == copy.copy(model) == model.model_copy() == model
    assert model.model_copy(update={"key": "other"}).key == "other"
    assert dict(model)["key"] == model.key
    assert "model_json_schema" not in vars(Model)
    assert Model.model_json_schema()["properties"]["key"]
    assert '"key":"support-chat"' in model.model_dump_json()
    assert not hasattr(model, "nothing")
    assert not hasattr(Model, "nothing")
    with pytest.raises(TypeError):
        hash(model)
    with pytest.raises(ValidationError):
        Model(kind="Model")


def test_frozen_settings_stay_as_they_are() -> None:
    """Settings are hashed, and nobody changes them."""
    made = RemoteSettings.model_validate({"url": "http://a"})
    assert len({made, RemoteSettings(url="http://a")}) == 1
    with pytest.raises(AttributeError, match="frozen"):
        made.url = "http://b"


def test_a_field_that_the_quick_check_does_not_know_is_left_to_pydantic() -> None:
    """A form that nobody taught it costs time, and is judged all the same."""
    odd = derived("Odd", (Record,), {"pair": (tuple[int, int], Field()), "other": (int | str, 3)}, doc=None)
    assert quick(odd, {"pair": (1, 2)}) is None
    assert attempt(odd, {"pair": (1, 2)})[0].pair == (1, 2)
    assert attempt(odd, {"pair": (1,)})[1] is not None
