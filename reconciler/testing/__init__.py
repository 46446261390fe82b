"""Tests for drivers: `DriverContract`, the suite of what every driver promises, and the `World` in which it runs.

It is for the tests of a driver's package, which installs `model-reconciler[testing]`; nothing of the program imports it. `docs/write-a-driver.md`
shows it at work.
"""

from __future__ import annotations

try:
    import pytest
except ModuleNotFoundError as error:  # the extra is named, and not a module that nobody asked for
    raise ModuleNotFoundError(
        "reconciler.testing needs pytest: pip install 'model-reconciler[testing]'", name=error.name
    ) from error

# before they are imported: their assertions then say what was unlike
pytest.register_assert_rewrite("reconciler.testing.contract", "reconciler.testing.unmanaged")

from reconciler.testing.contract import DriverContract, Sample  # noqa: E402
from reconciler.testing.hostile_rows import Alter  # noqa: E402
from reconciler.testing.unmanaged import Planted, found_in, put_in  # noqa: E402
from reconciler.testing.world import ENVIRON, Document, World, actions, model, statuses  # noqa: E402

__all__ = [
    "ENVIRON",
    "Alter",
    "Document",
    "DriverContract",
    "Planted",
    "Sample",
    "World",
    "actions",
    "found_in",
    "model",
    "put_in",
    "statuses",
]
