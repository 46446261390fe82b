"""What the packaging tests get beside: what they install has the versions of the environment that runs them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest

# The second of each pair is for what builds: pip and uv keep the two apart.
_VARIABLES = ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT", "UV_CONSTRAINT", "UV_BUILD_CONSTRAINT")


@pytest.fixture(scope="session", autouse=True)
def installed_versions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A constraints file of all that is installed here, which every pip and uv that a test runs holds to.

    So a release of somebody else breaks these tests where it is looked for (`make newest`) and nowhere else.
    """
    path = tmp_path_factory.mktemp("constraints") / "installed.txt"
    found = {f"{one.name}=={one.version}" for one in distributions() if one.name != "model-reconciler"}
    path.write_text("\n".join(sorted(found)) + "\n", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for name in _VARIABLES:
            patch.setenv(name, str(path))
        yield path
