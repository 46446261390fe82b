"""What is about to be removed is written down first."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from world import World, model

from reconciler.core.errors import RefusedError
from reconciler.core.resource import Address, Mark, Resource
from reconciler.manifest.export import manifest_of, path_of
from reconciler.project.backup import write_backup


async def test_one_file_for_each_object(tmp_path: Path) -> None:
    """<registry>/<Kind>/<key>.yaml, below the folder that was named."""
    async with World.of() as world:
        await world.apply(model("a"), model("b"))
        stored = (await world.remote()).listings["one"].resources
        folder = write_backup(tmp_path / "deep/kept", stored, world.entries, tmp_path)
        models = [path for path in folder.rglob("*.yaml") if path.parent.name == "Model"]
        assert sorted(str(path.relative_to(folder)) for path in models) == ["one/Model/a.yaml", "one/Model/b.yaml"]
        assert yaml.safe_load((folder / "one/Model/a.yaml").read_text())["key"] == "a"


async def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    """A second backup into the same folder is refused: the first may be all that is left of something."""
    async with World.of() as world:
        await world.apply(model("a"))
        stored = (await world.remote()).listings["one"].resources
        write_backup(tmp_path, stored, world.entries, tmp_path)
        with pytest.raises(RefusedError, match="nothing was removed"):
            write_backup(tmp_path, stored, world.entries, tmp_path)


@pytest.mark.parametrize(
    "key",
    ["..", "../../escape", "a/b", "/etc/passwd", "a\0b", ".hidden", "a\\b", "ä b", "x" * 300, "CON", "a.", "%2e%2e"],
)
async def test_no_key_leads_out_of_the_folder(tmp_path: Path, key: str) -> None:
    """Keys come from registries, and a registry is not to be trusted with paths."""
    resource = Resource(Address("one", "Note", key), {"text": "hello"}, Mark("us", key))
    relative = Path(path_of(resource))
    assert not relative.is_absolute()
    assert relative.parts[:2] == ("one", "Note")
    assert len(relative.parts) == 3
    assert relative.parts[2] not in (".", "..")
    async with World.of() as world:
        write_backup(tmp_path, [resource], world.entries, tmp_path)
        written = tmp_path / relative
        assert yaml.safe_load(written.read_text())["key"] == key
        assert not written.name.startswith("."), "hidden files are no manifests, so it could not be applied"


async def test_a_secret_becomes_a_variable_of_its_own(tmp_path: Path) -> None:
    """What the registry keeps to itself is written as `${env:<KEY>_<FIELD>}`."""
    resource = Resource(Address("one", "Secret", "my-key"), {"value": "(present)"})
    async with World.of() as world:
        assert manifest_of(resource, world.entries["one"])["value"] == "${env:MY_KEY_VALUE}"
