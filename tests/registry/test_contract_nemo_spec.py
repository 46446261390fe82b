"""The driver contract, kept by `nemo` on the real server: what a model's checkpoint is made of, and portable Models."""

from __future__ import annotations

from registry.nemo_contract import NemoContract, NemoFields
from registry.nemo_samples import LAYERS, PORTABLE, PROVIDED, SPEC


class TestCheckpoints(NemoFields):
    """Every field of `spec`."""

    samples = (SPEC, LAYERS)


class TestPortable(NemoContract):
    """A Model as every registry takes it: an entity, a provider and a secret."""

    samples = (PORTABLE, PROVIDED)
