"""The driver contract, kept by `nemo` on the real server: model entities. The other kinds are in test_contract_nemo_beside.py."""

from __future__ import annotations

from registry.nemo_contract import NemoContract, NemoFields
from registry.nemo_samples import MODEL, PROMPTED, WHOLE_FIELDS


class TestModels(NemoContract):
    """Every field at the top but `prompt`, `spec` and `fileset`."""

    samples = (MODEL,)


class TestMoreOfModels(NemoFields):
    """What is in `prompt`, and fields that are removed altogether."""

    samples = (WHOLE_FIELDS, PROMPTED)
