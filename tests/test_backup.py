"""What is about to be removed is written down first."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from cli.project import Project
from programs import HANGS
from world import World, model, native
from world import project as project_of

from reconciler.core.errors import RefusedError
from reconciler.core.resource import Address, Mark, Resource
from reconciler.core.secret import Resolver
from reconciler.manifest.export import manifest_of, path_of, text_of
from reconciler.project.backup import write_backup
from reconciler.project.registries import load_registries
from reconciler.project.unfinished import UnfinishedRuns


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


SIG, KEY = "http://h/v1?sig=abcd1234efgh", "pw is sk-abcdefgh12345678ij"


async def test_a_credential_where_none_belongs_is_not_written_down(tmp_path: Path) -> None:
    """Somebody entered it in an address or a text of the registry. The backup says where, so does the controller's, and what is exported has none."""
    spec = {"text": KEY, "link": SIG, "meta": {"deep": [SIG, "plain"], "sk-abcdefgh12345678ij": 1}}
    resource = Resource(Address("one", "Note", "n"), spec, unmanaged={"pinned": f"see {SIG}", "note": "plain"})
    async with World.of() as world:
        entry = world.entries["one"]
        folder = write_backup(tmp_path, [resource], world.entries, tmp_path)
        for text in (
            (folder / path_of(resource)).read_text(),
            text_of(resource, entry),
            str(manifest_of(resource, entry)),
        ):
            assert "abcd1234efgh" not in text
            assert "sk-abcdefgh" not in text
        written = (folder / path_of(resource)).read_text()
    assert '# not as it was, since it holds a credential: "/text"' in written
    assert '# not as it was, since it holds a credential: "/link"' in written
    data = yaml.safe_load(written)
    assert (data["text"], data["link"]) == ("***", "http://h/v1")
    assert data["x-unmanaged"]["note"] == "plain"


async def test_a_backup_is_for_whoever_ran_it(tmp_path: Path) -> None:
    """Nobody else on the machine can read it, whatever the umask; nor does it get into git."""
    async with World.of() as world:
        await world.apply(model("a"))
        stored = (await world.remote()).listings["one"].resources
        before = os.umask(0)
        try:
            folder = write_backup(tmp_path / ".reconciler/backup/x", stored, world.entries, tmp_path)
        finally:
            os.umask(before)
    made = [tmp_path / ".reconciler", folder.parent, folder, *(path for path in folder.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*.yaml")} == {0o600}
    assert (tmp_path / ".reconciler/.gitignore").read_text().splitlines()[-1] == "*"


# --- what an update overwrites --------------------------------------------------------------------------------

OVERWRITTEN: Final = {
    "nobody's": (None, {}),
    "another owner's": ({"owner": "them", "key": "m"}, {"take_ownership": ("them",)}),
    "ours, changed since": ({"owner": "us", "key": "m", "applied": "0" * 16}, {}),
}


@pytest.mark.parametrize(("mark", "consents"), OVERWRITTEN.values(), ids=OVERWRITTEN)
async def test_what_an_update_overwrites_is_written_down(
    world: World, mark: dict[str, str] | None, consents: dict[str, Any]
) -> None:
    """Adoption, taking over, and the repair of drift write over somebody's work."""
    world.server().put("Model", "m", {"display_name": "theirs"}, mark)
    report = await world.apply(native("Model", "m", display_name="ours"), **consents)
    assert [one.spec["display_name"] for one in world.removed] == ["theirs"]
    assert report.backup == "removed"


async def test_another_owners_mark_is_written_down_too(world: World) -> None:
    """Where every field is as it should be, whose it was is all that is lost."""
    world.server().put("Model", "m", {"display_name": "same"}, {"owner": "them", "key": "m"})
    await world.apply(native("Model", "m", display_name="same"), take_ownership=("them",))
    assert [one.mark and one.mark.owner for one in world.removed] == ["them"]


async def test_what_we_wrote_ourselves_is_not_written_down(world: World) -> None:
    """Nor an adoption that changes nothing, nor a mark: there is nothing to restore."""
    world.server().put("Model", "same", {"display_name": "same"})
    await world.apply(native("Model", "m", display_name="a"))
    await world.apply(
        native("Model", "m", display_name="b", protected=True), native("Model", "same", display_name="same")
    )
    assert world.removed == []


async def test_a_backup_that_cannot_be_written_stops_an_update_too(world: World) -> None:
    """Nothing is overwritten without it."""
    world.server().put("Model", "m", {"display_name": "theirs"})

    def full(resources: tuple[Resource, ...]) -> str:
        raise RefusedError("the disk is full")

    with pytest.raises(RefusedError, match="disk is full"):
        await world.apply(native("Model", "m", display_name="ours"), native("Model", "n"), backup=full)
    assert world.server().writes == []


def test_the_backup_of_what_drifted_restores_it(project: Project) -> None:
    """Applying the folder brings back what somebody else had written; the file says whose it was."""
    project.manifest("a", description="ours")
    project.apply()
    project.spoil("a", description="theirs")
    report = project.ok("apply", "--yes", "--format", "json").json("apply")
    assert project.stored()["local/Model/a"]["description"] == "ours"
    (file,) = (project.root / report["backup"]).rglob("*.yaml")
    assert file.read_text().splitlines()[0].endswith('Owner: "us".')
    project.ok("apply", report["backup"], "--yes")
    assert project.stored()["local/Model/a"]["description"] == "theirs"


LIMITED: Final = """
import resource, signal, sys
from reconciler.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
sys.exit(main.run(["apply", "--prune", "--yes"]))
"""


def test_a_disk_that_is_full_removes_nothing(project: Project) -> None:
    """No file may grow beyond 100,000 bytes: the backup cannot be written whole, and what is left of it is taken away."""
    project.manifest("a", metadata={"large": "x" * 200_000})
    project.manifest("b")
    project.apply()
    project.remove("a")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], cwd=project.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4, done.stderr
    assert "cannot be written" in done.stderr
    assert project.keys() == ["a", "b"]
    assert not list(project.root.joinpath(".reconciler/backup").rglob("*.yaml"))


@pytest.mark.parametrize("owner", ["them\nkind: Model", "\u2028x", "a\tb"])
def test_no_owner_writes_a_line_of_the_backup(tmp_path: Path, owner: str) -> None:
    """An owner's name comes from a registry: it stays in its comment."""
    entries = load_registries(
        project_of(tmp_path, {"one": {"driver": "memory", "url": "memory://x"}}, "us"), Resolver(tmp_path)
    )
    resource = Resource(Address("one", "Model", "m"), {"display_name": "x"}, Mark(owner, "m"))
    write_backup(tmp_path, [resource], entries, tmp_path)
    assert yaml.safe_load((tmp_path / path_of(resource)).read_text())["kind"] == "memory/Model"


def test_the_newest_note_counts_whatever_the_clock_does(tmp_path: Path) -> None:
    """It goes back an hour, and another, and stands still: what an older run removed is not taken for what the last one did."""
    runs, address = UnfinishedRuns(tmp_path), Address("one", "Model", "m")
    for number, stamp in enumerate(
        ["2026-11-29T12Z", "2026-11-29T11Z", "2026-11-29T11Z", "2026-11-29T10Z", "2026-11-29T13Z"]
    ):
        file = tmp_path / f"{number}.yaml"
        file.write_text("")
        runs.note(stamp, {address: file})
        assert runs.backups() == {address: file}


def test_the_note_of_a_run_that_is_under_way_stays(tmp_path: Path) -> None:
    """Another process may be about to delete what is still there; when it is gone, so is the reason for its note."""
    runs, address = UnfinishedRuns(tmp_path), Address("one", "Model", "m")
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    note = runs.note("now", {address: tmp_path / "m.yaml"})
    theirs = note.rename(note.with_name(f"now.{other.pid}.json"))
    runs.forget(frozenset({address}))
    assert theirs.exists()
    other.communicate(b"\n", timeout=HANGS)
    runs.forget(frozenset({address}))
    assert not theirs.exists()
