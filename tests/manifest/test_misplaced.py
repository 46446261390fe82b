"""`x-unmanaged` is for what no kind declares: never for our mark, which says whose an object is."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core import pointer as json_pointer
from reconciler.core.kind import Kind
from reconciler.manifest.native_check import misplaced
from reconciler.registry.catalog import DRIVERS, load_driver

# where kinds that have room for a mark, and name no member for it, keep it
DECLARED = {  # in a field that they declare, so that it is misplaced anyway
    "mlflow/Endpoint": {"tags": {"reconciler.owner": "victim"}},
    "mlflow/RegisteredModel": {"tags": {"reconciler.owner": "victim"}},
    "mlflow/ModelVersion": {"tags": {"reconciler.owner": "victim"}},
    "watsonx/Model": {"tags": ["reconciler:owner=victim"]},
}
APART = {"local/Model", "insidellms/Model"}  # a column; a comment

MARKABLE = {
    f"{driver}/{name}": kind for driver in DRIVERS for name, kind in load_driver(driver).kinds.items() if kind.markable
}


@pytest.mark.parametrize(("name", "kind"), MARKABLE.items(), ids=MARKABLE)
def test_the_mark_is_no_manifests_to_set(name: str, kind: Kind) -> None:
    """Without an owner in reconciler.yaml nothing is written over it, and an object would be another owner's."""
    assert bool(kind.marked_at) + (name in DECLARED) + (name in APART) == 1
    forged: list[Any] = [
        json_pointer.put({json_pointer.split(place)[0]: {}} if place.count("/") > 1 else {}, place, {"owner": "victim"})
        for place in kind.marked_at
    ]
    for unmanaged in [*forged, *([DECLARED[name]] if name in DECLARED else [])]:
        assert "misplaced-field" in {finding.rule for finding in misplaced(unmanaged, {}, kind)}, unmanaged


def test_what_stands_beside_the_mark_may_be_there() -> None:
    """It is only the mark's own place that is reserved."""
    kind = load_driver("litellm").kinds["Model"]
    assert list(misplaced({"model_info": {"pinned": True}}, {"model_info": {"id": "x"}}, kind)) == []
