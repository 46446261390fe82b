"""The driver contract, kept by `latticeflow` where AI GO! answers with what it was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from registry.latticeflow_contract import LatticeFlowContract
from registry.latticeflow_samples import CERTIFIED, SAMPLES


class TestEcho(LatticeFlowContract):
    """Raw keys are answered as they were sent."""

    samples = (*SAMPLES, CERTIFIED)
    behaviour: ClassVar[Mapping[str, Any]] = {"raw_keys": "echo"}
