"""Tests for drivers: `DriverContract`, the suite of what every driver promises, and the `World` in which it runs.

It is for the tests of a driver's package, which installs `model-reconciler[testing]`; nothing of the program imports it. `docs/write-a-driver.md`
shows it at work.
"""

from __future__ import annotations

from importlib.util import find_spec

_MISSING = [name for name in ("pytest", "pytest_asyncio", "hypothesis") if find_spec(name) is None]
if _MISSING:  # the extra is named, and not only a module that nobody asked for
    message = f"reconciler.testing needs {', '.join(_MISSING)}: pip install 'model-reconciler[testing]'"
    raise ModuleNotFoundError(message, name=_MISSING[0])

import pytest  # noqa: E402

# before they are imported: their assertions then say what was unlike
pytest.register_assert_rewrite(
    *(
        f"reconciler.testing.{name}"
        for name in ("base", "failures", "foreign", "secrecy", "stored", "unmanaged", "writing")
    )
)

from reconciler.testing.contract import DriverContract  # noqa: E402
from reconciler.testing.hostile_rows import Alter  # noqa: E402
from reconciler.testing.sample import Sample  # noqa: E402
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
