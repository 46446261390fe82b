"""The driver API: one module with every name that a driver may use, cheap to import, and capabilities that follow from methods."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry import memory
from world import World, actions, model, statuses

from reconciler.core.errors import ConfigError
from reconciler.core.model import Model
from reconciler.core.secret import Resolver
from reconciler.registry import catalog, driver
from reconciler.registry.capabilities import Renames
from reconciler.registry.connecting import open_registry
from reconciler.registry.entry import RegistryEntry
from reconciler.registry.portable import inexpressible
from reconciler.registry.protocol import Opening

NAMES = """
AdapterForm Address BaseAddress Boolean CannotClear Catalogue CatalogueEntry Catalogues Cel Check Choice
Client Compiled ConfigError Configurable Constraint Default DescribesModels Driver EVERY_PATH Endpoint
ExternalRef FindsExternal HasAdapters HasContainer HasDefaultOwner HeaderMap Immutable Inexpressible
InputError KeepsFile KeepsFolder KeepsHistory KeyRule Kind KnownValues Listing Mark MisreadError Model
ModelFacts NO_USER_INFO NamesFiles NamesProviders Native NeedsConsent Normalized Normalizes Number
OpenChoice Opening PRESENT Page Pattern PermanentError PlanRecord Problem RecordsPlans Redactor Ref Registry
RegistryError RemoteDriver RemoteSettings Removal Renames ResolvedAddress Resolver Resource Response
RevealsHidden Revision RunsTests Secret SecretError SecretText ServerDefault ServerOwned StaleObjectError
Step Superset Sweep TIMEOUT Target TemporaryError TestResult Texts USUAL Unordered Unreadable Url Usual
Write WriteOnly bearer canonical_url check_whole checked_url combined hide_secrets inexpressible
is_reference listing location_of map_of mark_in only open_client path_to picked quoted_id raise_for_write
read_or_unreadable read_row reason_in resolved_url revealed secrets_in split_row target_of text_of
understood unreadable_row without
"""


def test_the_names_are_those_that_are_promised() -> None:
    """A name that is added is promised for ever, and one that is taken away breaks drivers: both are decided here."""
    assert sorted(driver.__all__) == NAMES.split()
    assert len(set(driver.__all__)) == len(driver.__all__)


@pytest.mark.parametrize("name", driver.__all__)
def test_every_name_is_there(name: str) -> None:
    """Those that are loaded late, too."""
    assert getattr(driver, name) is not None


def test_another_name_is_none() -> None:
    """A misspelt one is told as in any module."""
    with pytest.raises(AttributeError, match=r"'reconciler.registry.driver' has no attribute 'Clientt'"):
        driver.Clientt  # noqa: B018


@pytest.mark.parametrize("name", ["driver", *catalog.names()])
def test_the_offline_half_loads_neither_http_nor_a_database(name: str) -> None:
    """`validate` imports every driver's offline half, and needs none of what a connection needs."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; before = set(sys.modules); import reconciler.registry.{name};"
        "loaded = set(sys.modules) - before;"  # where coverage is measured, it has loaded sqlite3 for itself
        "print(sorted({'httpx2', 'aiohttp', 'sqlite3', 'tenacity', 'pytest', 'jsonschema'} & loaded))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", ["pytest", "pytest_asyncio", "hypothesis"])
def test_the_suite_says_what_to_install(name: str) -> None:
    """The program needs nothing that tests need; who imports the suite without it is told the extra."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; import importlib.util as util; find = util.find_spec;"
        f"util.find_spec = lambda name, *more: None if name == {name!r} else find(name, *more); import reconciler.testing"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert last.endswith(f"reconciler.testing needs {name}: pip install 'model-reconciler[testing]'"), done.stderr


class Says(memory.MemoryDriver):
    """A driver that says whether it renames, truly or not."""

    renames: Any = None


def entry_of(says: Any, *, renaming: bool) -> RegistryEntry:
    made = Says("memory", memory.DRIVER.kinds, renaming=renaming)
    if says is not None:
        made.renames = says
    settings = memory.Settings(url="memory://says")
    return RegistryEntry("one", made, settings, None, default=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("renaming", [True, False])
@pytest.mark.parametrize("says", [True, False, None])
async def test_what_a_driver_says_of_renames_is_so(tmp_path: Path, says: bool | None, renaming: bool) -> None:
    """One that says nothing is as good as its methods; one that says otherwise than they is refused before anything is read."""
    entry = entry_of(says, renaming=renaming)
    opening = Opening("one", Resolver(tmp_path))
    if says is None or says is renaming:
        async with open_registry(entry, opening) as registry:
            assert isinstance(registry, Renames) is renaming
        return
    with pytest.raises(
        ConfigError, match=rf"one: the driver 'memory' cannot be used: it says `renames = {says}`"
    ) as told:
        async with open_registry(entry, opening):
            pass
    assert "docs/write-a-driver.md" in str(told.value.hint)


@pytest.mark.parametrize("missing", ["read", "get", "create", "update", "delete"])
async def test_what_is_opened_has_every_method(tmp_path: Path, missing: str) -> None:
    """What a driver forgot is told by its name when it connects, and not when the method is needed, in the middle of an apply."""
    entry = entry_of(None, renaming=False)
    broken = type("Broken", (), {name: lambda: None for name in ("read", "get", "create", "update", "delete")})
    delattr(broken, missing)

    @asynccontextmanager
    async def connect(settings: Any, opening: Opening) -> AsyncIterator[Any]:
        yield broken()

    entry.driver.connect = connect  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match=f"what it opens has no {missing}$"):
        async with open_registry(entry, Opening("one", Resolver(tmp_path))):
            pass


@pytest.mark.parametrize("name", ["memory", "memory-exact"])
async def test_a_rename_is_planned_as_the_open_registry_can_do_it(name: str) -> None:
    """The fact is learnt from what was opened: the configuration does not know it, and the plan and the apply agree on it."""
    async with World.of(one={"driver": name}) as world:
        assert not world.facts["one"].renames
        assert (await world.remote()).registries["one"].renames is (name == "memory-exact")
        await world.apply(model("old"))
        renamed = model("new", previous_keys=["old"])
        assert actions(await world.plan(renamed))["Model/new"] == "rename renamed"
        assert set(statuses(await world.apply(renamed)).values()) == {"ok"}
        assert (await world.plan(renamed)).changes == ()


FIELDS: dict[str, Any] = {
    "display_name": "Chat",
    "description": "Chats.",
    "task": "embeddings",
    "endpoint": {"url": "https://llm.example.com", "model": "m", "format": "anthropic", "timeout": 3},
    "parameters": {"temperature": 0.5, "top_k": 3},
    "limits": {"requests_per_minute": 5},
    "tags": ["a"],
    "labels": {"a": "b"},
    "metadata": {"a": None},
}
POINTERS = [f"/{name}" for name in FIELDS] + [
    f"/{name}/{member}" for name in ("endpoint", "parameters") for member in FIELDS[name]
]


@given(st.sets(st.sampled_from(POINTERS)))
def test_what_a_registry_does_not_hold_is_told_once(held: set[str]) -> None:
    """Each field that is set is held, or told, or there is something below it that is."""
    told = [one.pointer for one in inexpressible(Model.model_validate(model("chat", **FIELDS)), held, "toy")]
    assert len(told) == len(set(told))
    for name, value in FIELDS.items():
        below = {f"/{name}/{member}" for member in value} if isinstance(value, dict) else set()
        whole = f"/{name}"
        if whole in held:
            assert not {whole, *below} & set(told)
        elif below & held:
            assert below - held <= set(told)
            assert whole not in told
        else:
            assert whole in told


def test_a_default_that_is_written_out_is_no_loss() -> None:
    """`task: chat_completion` says no more than no `task`."""
    written = model("chat", task="chat_completion", endpoint={"url": "https://llm.example.com", "format": "openai"})
    assert inexpressible(Model.model_validate(written), ("/endpoint/url",), "toy") == ()
