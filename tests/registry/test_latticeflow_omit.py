"""The driver contract, kept by `latticeflow` where AI GO! leaves raw keys out, and says more than it has to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from registry.latticeflow_contract import LatticeFlowContract
from registry.latticeflow_samples import SAMPLES


class TestOmit(LatticeFlowContract):
    """Raw keys are not answered, what is unset is null, and whole numbers have a decimal point."""

    samples = SAMPLES
    behaviour: ClassVar[Mapping[str, Any]] = {"raw_keys": "omit", "fill_nulls": True, "ints_as_floats": True}
