"""The contract that every driver keeps, as a suite: a driver's tests subclass `DriverContract` and say how to open an empty registry.

    class TestMine(DriverContract):
        driver = DRIVER
        samples = SAMPLES
        cannot = {"lose_reply": "a file has no replies"}

        @pytest_asyncio.fixture
        async def world(self):
            async with World.of(one={"driver": "mine", "url": ...}) as world:
                yield world

Which tests there are follows from what the driver declares and from `cannot`: none is skipped. A test asks for its sample under the name
of what the sample's kind must be: any (`sample`), `deletable`, of an `exact` revision, or one whose keys are not unique (`ambiguous`).
"""

from __future__ import annotations

from reconciler.testing.failures import FailureContract
from reconciler.testing.foreign import ForeignContract
from reconciler.testing.secrecy import SecretContract
from reconciler.testing.writing import WritingContract


class DriverContract(WritingContract, FailureContract, ForeignContract, SecretContract):
    """Every promise of a driver. Subclasses provide the fixture `world` (one empty registry), and of each hook how it is done, or in `cannot` why not."""
