"""The driver contract, kept by `nemo` on the real server: what stands beside models in a workspace, and workspaces."""

from __future__ import annotations

from registry.nemo_contract import NemoContract
from registry.nemo_samples import ADAPTER, PROJECT, PROMPT, PROVIDER, SECRET, WORKSPACE


class TestBeside(NemoContract):
    """Every field of each of them."""

    samples = (PROVIDER, SECRET, ADAPTER, PROMPT, PROJECT, WORKSPACE)
