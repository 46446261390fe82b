"""The offline half of the driver `local`: what it compiles, and what it costs to import."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from work import cpu

from reconciler.core.model import Model
from reconciler.core.secret import Resolver
from reconciler.registry.local import DRIVER, Settings

FULL: dict[str, Any] = {
    "kind": "Model",
    "key": "support-chat",
    "display_name": "Support chat",
    "description": None,
    "endpoint": {
        "url": "https://llm.example.com/v1",
        "api_key": "${env:KEY}",
        "headers": {"X-Tenant": "acme"},
        "tls": {"verify": True, "ca": None},
    },
    "parameters": {"temperature": 0.2},
    "tags": ["b", "a"],
    "metadata": {"kept": None, "deep": [{"kept": None}]},
    "registries": {"local": {}},
    "protected": True,
    "previous_keys": ["old"],
}


def compiled(**manifest: object) -> dict[str, object]:
    return dict(DRIVER.compile(Model.model_validate({"kind": "Model", "key": "m", **manifest}), "m").model.spec)


def test_compile_writes_the_models_own_fields_and_no_others() -> None:
    """The spec is what the model is: without where it goes, and without nulls that mean nothing."""
    found = DRIVER.compile(Model.model_validate(FULL), "other-key")
    assert (found.model.kind, found.model.key) == ("Model", "other-key")
    assert found.derived == ()
    assert found.inexpressible == ()
    assert found.model.spec == {
        "display_name": "Support chat",
        "task": "chat_completion",
        "endpoint": {
            "url": "https://llm.example.com/v1",
            "format": "openai",
            "api_key": "${env:KEY}",
            "headers": {"X-Tenant": "acme"},
            "tls": {"verify": True},
        },
        "parameters": {"temperature": 0.2},
        "tags": ["b", "a"],
        "metadata": {"kept": None, "deep": [{"kept": None}]},
    }


def test_compile_fills_in_defaults_that_were_set_to_null() -> None:
    """null equals absent, so a null task or format becomes the default too."""
    spec = compiled(task=None, endpoint={"url": "https://x.example", "format": None})
    assert spec == {"task": "chat_completion", "endpoint": {"url": "https://x.example", "format": "openai"}}


def test_compile_keeps_what_the_manifest_chose() -> None:
    """A default never replaces a value."""
    spec = compiled(task="rerank", endpoint={"url": "https://x.example", "format": "custom"})
    assert spec == {"task": "rerank", "endpoint": {"url": "https://x.example", "format": "custom"}}


def test_compile_takes_a_providers_model() -> None:
    """A model without an endpoint gets none."""
    spec = compiled(provider={"name": "openai", "model": "gpt-5-nano"}, task="embeddings")
    assert spec == {"task": "embeddings", "provider": {"name": "openai", "model": "gpt-5-nano"}}


def test_compile_is_cheap() -> None:
    """A model is compiled in less time than checking it takes: nothing is checked, copied or written twice."""
    model = Model.model_validate(FULL)
    checking = cpu(lambda: [Model.model_validate(FULL) for _ in range(1_000)])
    assert cpu(lambda: [DRIVER.compile(model, "m") for _ in range(1_000)]) < checking


def test_location_is_absolute_and_follows_links(tmp_path: Path) -> None:
    """Two entries that lead to one file have one location, however they spell it."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    direct = DRIVER.location(Settings(path="real/registry.db"), Resolver(tmp_path))
    assert direct == str((tmp_path / "real" / "registry.db").resolve())
    assert DRIVER.location(Settings(path="./link/../real/registry.db"), Resolver(tmp_path)) == direct
    assert DRIVER.location(Settings(path="link/registry.db"), Resolver(tmp_path)) == direct
    assert DRIVER.location(Settings(path=direct), Resolver(Path("/elsewhere"))) == direct


@pytest.mark.parametrize("entry", [{"url": "http://x"}, {"path": 3}, {"path": ""}, {"path": "a\0b"}])
def test_settings_take_a_path_and_nothing_else(entry: dict[str, object]) -> None:
    """A misspelt or malformed setting is an error, not something to ignore."""
    with pytest.raises(ValidationError):
        Settings.model_validate(entry)


def test_key_must_be_printable() -> None:
    """A key that nobody could type is refused when manifests are checked."""
    check = DRIVER.kinds["Model"].check_key
    assert check("support-chat/ü 😀") is None
    assert check("a\nb") == check("\ud800") == "must not hold control characters"


def test_importing_the_driver_imports_no_database() -> None:
    """`validate` pays for neither SQLite nor an event loop."""
    code = (
        "import sys; before = set(sys.modules); import reconciler.registry.local;"
        "heavy = {'sqlite3', 'asyncio', 'concurrent.futures', 'reconciler.registry.local.store'};"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
