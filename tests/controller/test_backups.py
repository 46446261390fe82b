"""What is deleted or overwritten is kept before: the newest few manifests of each registry, in ConfigMaps or in a folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from controller.loop import NAMESPACE, Loop, a_cluster, a_model, key, loop_on

from reconciler.controller.backups import KEPT, FolderBackups
from reconciler.controller.cluster import CONFIG_MAPS
from reconciler.controller.crds import MODEL
from reconciler.core.errors import InputError


@asynccontextmanager
async def with_models(folder: Path, *names: str, backup_dir: Path | None = None) -> AsyncIterator[Loop]:
    """A registry with `prune`, and models in it that are synced."""
    cluster = a_cluster(*map(a_model, names), prune=True, guards={"max_delete_percent": 100})
    async with loop_on(cluster, folder) as loop:
        if backup_dir is not None:
            loop.reconciler = replace(loop.reconciler, keeper=FolderBackups(backup_dir))
        await loop.until_quiet()
        yield loop


async def delete(loop: Loop, name: str) -> None:
    await loop.cluster.delete(MODEL, key(name))
    await loop.until_quiet()


def test_what_is_deleted_is_kept_as_a_manifest_in_the_newest_backups(tmp_path: Path) -> None:
    async def run() -> None:
        names = [f"m{number:02}" for number in range(13)]
        async with with_models(tmp_path, *names, "stays") as loop:
            for name in names:
                await delete(loop, name)
            maps = list(loop.cluster.all(CONFIG_MAPS))
            assert len(maps) == 10
            assert "m12" in str(maps[-1]["data"])
            assert "kind: Model" in str(maps[-1]["data"])

    asyncio.run(run())


def test_no_backup_no_delete(tmp_path: Path) -> None:
    async def run() -> None:
        async with with_models(tmp_path, "a", "b") as loop:
            loop.cluster.refuse("create", CONFIG_MAPS, 403)
            await loop.cluster.delete(MODEL, key("a"))
            assert (await loop.reconcile()).failed
            assert set(loop.stored()) == {"a", "b"}
            assert "backup" in str(loop.item(MODEL, "a")["status"])
            loop.cluster.refused.clear()
            await loop.reconcile()
            assert set(loop.stored()) == {"b"}

    asyncio.run(run())


def test_in_a_folder_the_newest_are_kept_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    async def run() -> None:
        names = [f"m{number:02}" for number in range(KEPT + 3)]
        mine = tmp_path / "backups" / NAMESPACE / "first"
        others = (mine.parent / "second" / "20200101000000000000", mine / "notes", mine / "2020")
        cut_off = mine / ".unfinished-20200101000000000000"
        for folder in (*others, cut_off):
            folder.mkdir(parents=True)
        async with with_models(tmp_path, *names, "stays", backup_dir=tmp_path / "backups") as loop:
            for name in names:
                await delete(loop, name)
        left = sorted(path.name for path in mine.iterdir())
        assert left[-1] == "notes"
        backups = [name for name in left if name not in ("notes", "2020")]
        assert len(backups) == KEPT
        (newest,) = (mine / backups[-1]).iterdir()
        assert newest.name == "first_Model_m12.yaml"
        assert newest.read_text().startswith("kind: Model\nkey: m12\n")
        assert all(folder.is_dir() for folder in others)
        assert list(loop.cluster.all(CONFIG_MAPS)) == []

    asyncio.run(run())


def test_no_backup_in_the_folder_no_delete(tmp_path: Path) -> None:
    async def run() -> None:
        where = tmp_path / "backups"
        async with with_models(tmp_path, "a", "b", backup_dir=where) as loop:
            where.write_text("no folder")
            await loop.cluster.delete(MODEL, key("a"))
            assert (await loop.reconcile()).failed
            assert set(loop.stored()) == {"a", "b"}
            assert "the backup cannot be stored" in str(loop.item(MODEL, "a")["status"])
            where.unlink()
            await loop.reconcile()
            assert set(loop.stored()) == {"b"}

    asyncio.run(run())


def test_a_folder_that_cannot_be_written_is_told_before_anything_runs(tmp_path: Path) -> None:
    FolderBackups(tmp_path / "new" / "one").check()
    assert list((tmp_path / "new" / "one").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        FolderBackups(tmp_path / "file").check()
