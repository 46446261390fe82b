"""The driver contract, kept by `latticeflow` where AI GO! masks raw keys, or answers null and floats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from registry.latticeflow_contract import LatticeFlowContract
from registry.latticeflow_samples import ADAPTER, CERTIFIED, RAW, SAMPLES, SECRET


class TestMask(LatticeFlowContract):
    """Raw keys are answered as ****."""

    samples = SAMPLES
    behaviour: ClassVar[Mapping[str, Any]] = {"raw_keys": "mask"}


class TestLag(LatticeFlowContract):
    """Reads lag behind writes. Waiting takes time, so that a few stand for all."""

    samples = (ADAPTER, SECRET)
    behaviour: ClassVar[Mapping[str, Any]] = {"lag": 1}


class TestNullsAndFloats(LatticeFlowContract):
    """What is unset is null, and whole numbers have a decimal point."""

    samples = (CERTIFIED, RAW, ADAPTER)
    behaviour: ClassVar[Mapping[str, Any]] = {"fill_nulls": True, "ints_as_floats": True}
