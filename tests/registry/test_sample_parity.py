"""What the contract suites write is right for the editor too: of every driver's samples, each update included."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator
from registry import insidellms_samples, latticeflow_samples, nemo_samples, watsonx_samples

from reconciler.core import pointer as pointers
from reconciler.manifest.model_check import check_model
from reconciler.manifest.native import check_native
from reconciler.project.registries import native_kinds_of
from reconciler.project.schemas import manifest_schema
from reconciler.registry import catalog
from reconciler.testing.sample import Sample

KINDS: Final = native_kinds_of(map(catalog.load_driver, catalog.names()))
SCHEMA: Final = Draft202012Validator(manifest_schema(KINDS, None))


def _samples(module: ModuleType) -> Iterator[Sample]:
    """Every sample that a module holds, alone or among others."""
    for value in vars(module).values():
        yield from (one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, Sample))


SAMPLES: Final = {
    f"{module.__name__.rpartition('.')[2]}-{number}": sample
    for module in (insidellms_samples, latticeflow_samples, nemo_samples, watsonx_samples)
    for number, sample in enumerate(_samples(module))
}


def _documents(sample: Sample) -> Iterator[dict[str, Any]]:
    yield dict(sample.document)
    for at, values in sample.updates.items():
        for value in values:
            yield pointers.put(sample.document, at, value)


@pytest.mark.parametrize("name", SAMPLES)
def test_schema_and_validate_take_every_sample(name: str) -> None:
    """The document as it is, and with each of its updates."""
    for document in _documents(SAMPLES[name]):
        kind = document["kind"]
        found = check_model(document)[1] if kind == "Model" else check_native(KINDS[kind], document)[1]
        assert found == []
        assert [error.message for error in SCHEMA.iter_errors(document)] == []
