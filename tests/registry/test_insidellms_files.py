"""A folder of run configs: what is ours in it, what people do to it, and what happens when a write goes wrong."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from programs import HANGS
from registry.insidellms_samples import native
from world import World, actions, paths, statuses

from reconciler.core.errors import PermanentError, RefusedError, StaleObjectError, TemporaryError
from reconciler.core.resource import Address, Mark, Resource
from reconciler.registry.insidellms import files
from reconciler.registry.insidellms.store import Store, connect
from reconciler.registry.protocol import Removal, Write

SPEC: Final = {"model": {"type": "dummy", "args": {"name": "x"}}}


def dummy(key: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "insidellms/Model", "key": key, "model": {"type": "dummy", "args": {"name": key}}, **fields}


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World.of(root=tmp_path, one={"driver": "insidellms", "path": "runs"}) as world:
        yield world


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def at(key: str) -> Address:
    return Address("one", "Model", key)


def made(key: str, spec: dict[str, Any] | None = None) -> Write:
    """A create as the engine asks for it."""
    return Write(Resource(at(key), {**(spec or SPEC), "harness": True}, Mark("us", key)))


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


# --- what people do -----------------------------------------------------------------------------------------------


async def test_a_change_by_hand_is_drift(world: World, runs: Path) -> None:
    """It is an update, reason drifted, of what differs; comments and order are no change."""
    await world.apply(dummy("a"))
    edit(runs / "a.yaml", "model:\n  type: dummy\n", "# mine\nmodel:\n  # also mine\n  type: 'dummy'\n")
    assert actions(await world.plan(dummy("a"))) == {}
    edit(runs / "a.yaml", "name: a", "name: b")
    plan = await world.plan(dummy("a"))
    assert actions(plan) == {"Model/a": "update drifted"}
    assert paths(plan, "a") == ["/harness", "/model/args/name"]  # the harness lists it as it was
    await world.carry_out(plan)
    assert actions(await world.plan(dummy("a"))) == {}


async def test_deleting_what_was_changed_by_hand_is_a_conflict(world: World, runs: Path) -> None:
    """Whether it is pruned or declared absent: nothing else holds that change. Once applied again, or changed back, it can go."""
    await world.apply(dummy("a"), dummy("b"))
    before = (runs / "a.yaml").read_text("utf-8")
    edit(runs / "a.yaml", "name: a", "name: mine")
    absent = {"kind": "insidellms/Model", "key": "a", "state": "absent"}
    for plan in (await world.plan(dummy("b"), absent), await world.plan(dummy("b"), prune=True)):
        assert actions([one for one in plan.changes if one.address.key == "a"]) == {"Model/a": "conflict drifted"}
        await world.carry_out(plan)
        assert (runs / "a.yaml").is_file()
    (runs / "a.yaml").write_text(before, "utf-8")
    assert statuses(await world.apply(dummy("b"), absent)) == {"Model/a": "ok"}
    assert names(runs) == ["b.yaml", "harness.yaml"]


async def test_a_change_after_the_plan_is_never_written_over(world: World, runs: Path) -> None:
    """Between reading and writing somebody saved the file: nothing of it is lost, neither by an update nor by a delete."""
    await world.apply(dummy("a"))
    registry = world.registries["one"]
    seen = await registry.get(at("a"))
    assert seen is not None
    edit(runs / "a.yaml", "name: a", "name: mine")
    with pytest.raises(StaleObjectError, match="was changed since"):
        await registry.update(Write(seen, seen))
    with pytest.raises(StaleObjectError, match="was changed since"):
        await registry.delete(Removal(seen))
    assert "name: mine" in (runs / "a.yaml").read_text("utf-8")


async def test_a_copy_is_nobodys(world: World, runs: Path) -> None:
    """A marked file that was copied under another name is not pruned; declared, it is adopted."""
    await world.apply(dummy("a"))
    (runs / "copy.yaml").write_bytes((runs / "a.yaml").read_bytes())
    assert actions(await world.plan(dummy("a"), prune=True)) == {}
    assert actions(await world.plan(dummy("a"), dummy("copy"))) == {"Model/copy": "update adopt"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('"owner"', '"own'),
        lambda text: text.replace('{"file"', '["file"'),
        lambda text: text.replace('"owner":"us"', '"owner":7'),
        lambda text: text + text.split("\n", 2)[1],
        lambda text: "<<<<<<< HEAD\n" + text,
        lambda text: text.replace("type: dummy", "kind: dummy"),
        lambda text: text + "---\nmodel: {type: dummy}\n",
        lambda text: text + "generation: [1]\n",
        lambda text: "",
        lambda text: "- 1\n",
        lambda text: text + "model: {}\n",
    ],
)
async def test_a_damaged_file_is_a_conflict(world: World, runs: Path, spoil: Any) -> None:
    """It is neither written over nor deleted, and no other file suffers."""
    await world.apply(dummy("a"), dummy("b"))
    text = (runs / "a.yaml").read_text("utf-8")
    spoiled = spoil(text)
    if spoiled == text + text.split("\n", 2)[1]:
        spoiled = text.split("\n", 2)[1] + "\n" + text  # the mark twice
    (runs / "a.yaml").write_text(spoiled, "utf-8")
    plan = await world.plan(dummy("a"), dummy("b"), prune=True)
    assert actions(plan) == {"Model/a": "conflict unreadable"}
    await world.apply(dummy("b", generation={"seed": 1}))
    assert (runs / "a.yaml").read_text("utf-8") == spoiled


async def test_what_is_no_file_of_ours_is_a_conflict(world: World, runs: Path, tmp_path: Path) -> None:
    """Links, folders and pipes under a model's name are left alone, and reading waits for none of them."""
    await world.apply(dummy("a"))
    (tmp_path / "elsewhere.yaml").write_text("model: {type: dummy}\n", "utf-8")
    (runs / "link.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    (runs / "folder.yaml").mkdir()
    os.mkfifo(runs / "pipe.yaml")
    (runs / "latin.yaml").write_bytes(b"model: {type: \xff}\n")
    plan = await world.plan(*map(dummy, ("a", "link", "folder", "pipe", "latin")), prune=True)
    assert set(actions(plan).values()) == {"conflict unreadable"}
    assert len(plan.changes) == 4


async def test_other_names_are_none_of_our_business(world: World, runs: Path) -> None:
    """Datasets, notes and hidden files stand beside run configs, and stay."""
    await world.apply(dummy("a"))
    others = ["prompts.jsonl", "notes.md", ".hidden.yaml", "two words.yaml", "a.yml", "sub"]
    (runs / "sub").mkdir()
    for name in others[:-1]:
        (runs / name).write_text("[", "utf-8")
    assert actions(await world.plan(dummy("a"), prune=True)) == {}
    assert set(others) < set(names(runs))


async def test_what_we_know_nothing_of_stays(world: World, runs: Path) -> None:
    """Members of a file that are not ours, and a probe that nobody declared, outlive an update; synonyms of `generation` do not."""
    await world.apply(dummy("a", generation={"seed": 1}))
    with (runs / "a.yaml").open("a", encoding="utf-8") as stream:
        stream.write("runner: {concurrency: 2}\nprobe: {type: logic}\ndeterminism: null\n")
    assert actions(await world.plan(dummy("a", generation={"seed": 1}))) == {}
    await world.apply(dummy("a", generation={"seed": 2}))
    text = (runs / "a.yaml").read_text("utf-8")
    assert "concurrency: 2" in text
    assert "determinism: null" in text
    assert "type: logic" in text
    with (runs / "a.yaml").open("a", encoding="utf-8") as stream:
        stream.write("run_kwargs: {seed: 3}\n")
    assert paths(await world.plan(dummy("a", generation={"seed": 2})), "a")[0] == "/generation/seed"
    await world.apply(dummy("a", generation={"seed": 2}))
    assert "run_kwargs" not in (runs / "a.yaml").read_text("utf-8")


async def test_a_key_written_by_hand_is_shown_nowhere(world: World, runs: Path) -> None:
    """Reading drops it, the plan removes it, and the next apply takes it out of the file."""
    await world.apply(dummy("a"))
    for place in ("    api_key: sk-Zx81qLmW", "    headers: {Authorization: Bearer sk-Zx81qLmW}"):
        edit(runs / "a.yaml", "    name: a", f"    name: a\n{place}")
        remote = await world.remote()
        assert "Zx81qLmW" not in repr(remote)
        plan = await world.plan(dummy("a"))
        assert actions(plan) == {"Model/a": "update drifted"}
        assert "Zx81qLmW" not in repr(plan)
        report = await world.carry_out(plan)
        assert "Zx81qLmW" not in repr(report)
        assert "Zx81qLmW" not in "".join(file.read_text("utf-8") for file in runs.iterdir())


async def test_no_owner_no_mark(tmp_path: Path) -> None:
    """Without an owner files are written, updated and found again, and belong to nobody."""
    async with World.of(None, root=tmp_path, one={"driver": "insidellms", "path": "runs"}) as world:
        await world.apply(dummy("a"))
        assert '"owner"' not in (tmp_path / "runs" / "a.yaml").read_text("utf-8")
        await world.apply(dummy("a", generation={"seed": 1}))
        assert actions(await world.plan(dummy("a", generation={"seed": 1}))) == {}


async def test_a_rename_moves_the_file(world: World, runs: Path) -> None:
    """One file, under the new name, listed once; a file that is in the way is not written over."""
    await world.apply(dummy("old", protected=True))
    await world.apply({**dummy("new", protected=True), "previous_keys": ["old"]})
    assert names(runs) == ["harness.yaml", "new.yaml"]
    assert (runs / "harness.yaml").read_text("utf-8").count("type: dummy") == 1
    seen = await world.registries["one"].get(at("new"))
    assert seen is not None
    assert seen.mark is not None
    assert (seen.mark.owner, seen.mark.key, seen.mark.protected) == ("us", "new", True)
    (runs / "taken.yaml").write_text("model: {type: dummy}\n", "utf-8")
    with pytest.raises(StaleObjectError, match="exists already"):
        await world.registries["one"].rename(Write(replace(seen, address=at("taken")), seen))  # type: ignore[attr-defined]


# --- the harness --------------------------------------------------------------------------------------------------


async def test_the_harness_follows_the_models(world: World, runs: Path) -> None:
    """It lists every model, in the order of the keys, with what the requests of all of them say, and loses what is deleted."""
    await world.apply(dummy("b", generation={"seed": 1, "top_p": 1}), dummy("a", generation={"seed": 1, "top_p": 0.5}))
    text = (runs / "harness.yaml").read_text("utf-8")
    assert text.index("name: a") < text.index("name: b")
    assert "seed: 1" in text
    assert "top_p" not in text
    await world.apply(dummy("b", generation={"seed": 1, "top_p": 1}), prune=True, allow_deletes=9)
    text = (runs / "harness.yaml").read_text("utf-8")
    assert "name: a" not in text
    assert "top_p: 1" in text
    await world.apply(dummy("b", harness=False))
    assert "models: []" in (runs / "harness.yaml").read_text("utf-8")


async def test_what_is_the_users_in_the_harness_stays(world: World, runs: Path) -> None:
    """Probes, a title and the like, added by hand, outlive every change of the models."""
    await world.apply(dummy("a"))
    with (runs / "harness.yaml").open("a", encoding="utf-8") as stream:
        stream.write("probes: [{type: logic}]\nreport_title: Ours\n")
    assert actions(await world.plan(dummy("a"))) == {}
    await world.apply(dummy("a"), dummy("b"))
    text = (runs / "harness.yaml").read_text("utf-8")
    assert "report_title: Ours" in text
    assert "type: logic" in text


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.unlink(),
        lambda file: edit(file, "name: a", "name: mine"),
        lambda file: edit(file, "models:", "models:\n- {type: openai}"),
        lambda file: edit(file, "seed: 1", "seed: 2"),
        lambda file: edit(file, "generation:\n  seed: 1\n", ""),
    ],
)
async def test_a_harness_that_is_wrong_is_written_again(world: World, runs: Path, spoil: Any) -> None:
    """Deleted, edited, or old because a run was killed: the plan says so, one apply mends it, and then there is nothing to do."""
    documents = (dummy("a", generation={"seed": 1}), dummy("b", generation={"seed": 1}))
    await world.apply(*documents)
    before = (runs / "harness.yaml").read_text("utf-8")
    spoil(runs / "harness.yaml")
    plan = await world.plan(*documents)
    assert {one for change in plan.changes for one in paths(plan, change.address.key)} == {"/harness"}
    await world.carry_out(plan)
    assert (runs / "harness.yaml").read_text("utf-8") == before
    assert actions(await world.plan(*documents)) == {}


@pytest.mark.parametrize("text", ["models: []\n", "models: [", "# reconciler: {\nmodels: []\n"])
async def test_a_harness_of_somebody_else_is_never_written_over(world: World, runs: Path, text: str) -> None:
    """Nor one that cannot be read: nothing at all is written, and the message says what to do. Models that it need not list are written."""
    runs.mkdir()
    (runs / "harness.yaml").write_text(text, "utf-8")
    report = await world.apply(dummy("a"))
    assert statuses(report) == {"Model/a": "failed"}
    assert "harness.yaml: it " in report.outcomes[0].message
    assert "move it away" in report.outcomes[0].message
    assert names(runs) == ["harness.yaml"]
    assert (runs / "harness.yaml").read_text("utf-8") == text
    assert statuses(await world.apply(dummy("a", harness=False))) == {"Model/a": "ok"}
    assert (runs / "harness.yaml").read_text("utf-8") == text


async def test_the_harness_is_written_once_for_many(world: World, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits together is written together: five hundred models take far fewer writes of their harness."""
    documents = [dummy(f"m{number:03}") for number in range(500)]
    written: Counter[str] = Counter()
    write = files.write

    def counted(path: Path, text: str) -> None:
        written[path.name] += 1
        write(path, text)

    monkeypatch.setattr(files, "write", counted)
    assert set(statuses(await world.apply(*documents)).values()) == {"ok"}
    assert written.total() - written["harness.yaml"] == 500
    assert written["harness.yaml"] < 500 / 2
    assert (runs / "harness.yaml").read_text("utf-8").count("type: dummy") == 500
    assert actions(await world.plan(*documents)) == {}


# --- what goes wrong ----------------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def store(runs: Path) -> AsyncIterator[Store]:
    async with connect(runs, {}, registry="one", patience=0.3) as store:
        yield store


async def test_reading_makes_nothing(store: Store, runs: Path) -> None:
    """A folder that is not there is empty, and stays away."""
    assert (await store.read()).resources == ()
    assert await store.get(at("a")) is None
    assert not runs.exists()


async def test_another_writer_is_waited_for(store: Store, runs: Path) -> None:
    """And after a while it is said that trying again may help."""
    await store.create(made("a"))
    descriptor = os.open(runs, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(TemporaryError, match="is locked") as caught:
        await store.create(made("b"))
    assert "another reconciler is writing" in str(caught.value.hint)
    with pytest.raises(TemporaryError, match="is locked"):
        await store.read()
    waiting = asyncio.create_task(store.create(made("b")))
    await asyncio.sleep(0.05)
    os.close(descriptor)
    assert await waiting is not None


async def test_two_creates_of_one_key_are_one_file(runs: Path) -> None:
    """Of two writers one is first, and the other one is told."""
    async with connect(runs, {}, registry="one") as one, connect(runs, {}, registry="one") as two:
        outcomes = await asyncio.gather(*(store.create(made("a")) for store in (one, two) * 5), return_exceptions=True)
    assert sum(isinstance(outcome, Resource) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, StaleObjectError) for outcome in outcomes) == 9


async def test_two_applies_at_once_converge(tmp_path: Path) -> None:
    """Both succeed, or the second one finds its plan stale; there is one file for each model and one harness over them."""
    settings = {"driver": "insidellms", "path": "runs"}
    documents = [dummy(f"m{number}") for number in range(30)]
    async with World.of(root=tmp_path, one=settings) as one, World.of(root=tmp_path, one=settings) as two:
        plans = await asyncio.gather(one.plan(*documents), two.plan(*documents))
        work = (one.carry_out(plans[0]), two.carry_out(plans[1]))
        ended = await asyncio.gather(*work, return_exceptions=True)
        reports = [report for report in ended if not isinstance(report, RefusedError)]
        assert reports
        assert {status for report in reports for status in statuses(report).values()} == {"ok"}
        assert actions(await one.plan(*documents)) == {}
    assert len(names(tmp_path / "runs")) == 31


@pytest.mark.parametrize("path", ["file", "file/runs"])
async def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    """It is said, for reading and for writing."""
    (tmp_path / "file").touch()
    async with connect(tmp_path / path, {}, registry="one") as store:
        for attempt in (store.read(), store.create(made("a"))):
            with pytest.raises(PermanentError, match="is not a folder"):
                await attempt


FULL: Final = """
import asyncio, resource, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from test_insidellms_files import made
from reconciler.core.errors import PermanentError
from reconciler.registry.insidellms.store import connect

async def main():
    async with connect(Path(sys.argv[1]), {}, registry="one") as store:
        await store.create(made("first"))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (900, resource.RLIM_INFINITY))
        try:
            await store.create(made("large", {"model": {"type": "dummy", "args": {"name": "x" * 2000}}}))
        except PermanentError as error:
            print(error.message)

asyncio.run(main())
"""


def test_a_write_that_fails_leaves_no_half_file(runs: Path) -> None:
    """Where the disk takes only part of a file (here: a limit of its size), the write fails and says so; what was there stays, and nothing is left over."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(runs), *search_path()], capture_output=True, text=True, timeout=HANGS
    )
    assert "large.yaml: File too large" in done.stdout, done
    assert names(runs) == ["first.yaml", "harness.yaml"]
    assert "x" * 900 not in (runs / "harness.yaml").read_text("utf-8")


KILLED: Final = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from test_insidellms_files import made
from reconciler.registry.protocol import Write
from reconciler.registry.insidellms.store import connect

async def main():
    async with connect(Path(sys.argv[1]), {}, registry="one") as store:
        number = 0
        while True:
            number += 1
            spec = {"model": {"type": "dummy", "args": {"name": "n" * (number % 7 * 1000 + 1)}}, "harness": True}
            for key in ("a", "b", "c"):
                current = await store.get(made(key).desired.address)
                write = made(key, spec)
                await (store.create(write) if current is None else store.update(Write(write.desired, current)))
            print(number, flush=True)

asyncio.run(main())
"""


def search_path() -> list[str]:
    """Where a program finds these tests."""
    here = Path(__file__).parent
    return [str(here), str(here.parent)]


def kill_a_writer(runs: Path, rounds: int) -> None:
    """Starts a program that writes without end, and kills it, each time a little later."""
    program = [sys.executable, "-c", KILLED, str(runs), *search_path()]
    writer = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(2 + 3 * rounds):
        assert writer.stdout.readline()
    time.sleep(0.003 * rounds)
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()


@pytest.mark.parametrize("rounds", range(4))
async def test_kill_9_leaves_whole_files(runs: Path, rounds: int) -> None:
    """Whenever a writer is killed, every file is whole; the next writer is not locked out, sweeps up, and converges."""
    kill_a_writer(runs, rounds)
    (runs / ".reconciler-1").write_text("half", "utf-8")
    async with World.of(root=runs.parent, one={"driver": "insidellms", "path": "runs"}) as world:
        listing = (await world.remote()).listings["one"]
        assert listing.unreadable == ()
        assert [one.address.key for one in listing.resources] == ["a", "b", "c"]
        documents = [dummy(key) for key in ("a", "b", "c")]
        assert set(statuses(await world.apply(*documents)).values()) == {"ok"}
        assert actions(await world.plan(*documents)) == {}
    assert names(runs) == ["a.yaml", "b.yaml", "c.yaml", "harness.yaml"]


async def test_a_rename_that_was_cut_short_is_finished(world: World, runs: Path) -> None:
    """Killed between the new name and the new text: the next run adopts the file, and there is nothing left to do."""
    await world.apply(dummy("old"))
    (runs / "old.yaml").rename(runs / "new.yaml")
    after = {**dummy("new"), "previous_keys": ["old"]}
    assert actions(await world.plan(after)) == {"Model/new": "update adopt"}
    await world.apply(after)
    assert actions(await world.plan(after)) == {}


def test_a_file_keeps_its_mode(runs: Path) -> None:
    """Who may read it is the user's to say."""
    runs.mkdir()
    (runs / "a").write_text("old", "utf-8")
    (runs / "a").chmod(0o640)
    files.write(runs / "a", "new")
    assert (runs / "a").stat().st_mode & 0o777 == 0o640
    assert (runs / "a").read_text("utf-8") == "new"


async def test_an_unwritable_folder_says_so(tmp_path: Path) -> None:
    """With the system's own reason."""
    async with connect(Path("/proc/runs"), {}, registry="one") as store:
        with pytest.raises(PermanentError, match="/proc/runs: "):
            await store.create(made("a"))


async def test_samples_survive_every_text(world: World) -> None:
    """What YAML would take for something else comes back as it was: the file is compared as data."""
    for text in ("no", "0x1F", "1:30", "# not a comment", "a: b", "'\"", "\u2028", "# reconciler: {}", "---", " x "):
        document = native("odd", "dummy", name=text, canned_response=f"{text}\n{text}\n")
        assert set(statuses(await world.apply(document)).values()) <= {"ok"}
        assert actions(await world.plan(document)) == {}
