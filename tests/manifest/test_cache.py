"""The cache of manifests is invisible: with it and without it, a project loads and plans the same, whatever lies on the disk."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core.errors import ManifestError
from reconciler.core.resource import Address, Desired, Listing, RemoteState, Resource, Source
from reconciler.manifest import cache as cache_module
from reconciler.manifest.cache import FEWEST, KEY_FILE, MOST, ManifestCache
from reconciler.manifest.cached_items import DESIRED_FIELDS, RESOURCE_FIELDS, items_of, plain, share, specs_in
from reconciler.manifest.cached_manifests import CachedManifest
from reconciler.planner.planfile import dump
from reconciler.planner.planner import make_plan
from reconciler.project.loaded import LoadedManifests
from reconciler.project.manifest_cache import SMALL
from reconciler.project.workspace import open_workspace

CONFIG = """\
owner: cx
variables: {host: llm.example.com, key: plain}
registries:
  local: {driver: local, path: registry.db, default: true}
environments:
  prod: {variables: {host: llm.prod.example.com}}
"""
MODEL = "kind: Model\nkey: m-{number}\nendpoint: {{url: 'https://{host}/v1', model: gpt, api_key: '${{env:KEY}}'}}\n"
TEMPLATE = "kind: Template\nkey: base\nlabels: {team: cx}\n"

# Each makes of the text of a file another: right, doubtful, wrong, several documents, or of another kind altogether.
EDITS: list[Callable[[str], str]] = [
    lambda text: text.replace("gpt", "tpg"),  # of the same size
    lambda text: text + "# nothing\n",
    lambda text: text + "parameters: {temperature: 1}\n",
    lambda text: text + "parameters: {temperature: 1.0}\n",
    lambda text: text + "parameters: {temperature: 99}\n",
    lambda text: text + "description: ${var:host}\n",
    lambda text: text + "description: ${file:../note.txt}\n",
    lambda text: text + "ignore: [/tags]\npreviously: [x]\n",
    lambda text: text + "ignore: [/tags]\nprevious_keys: [old]\n",
    lambda text: text + "state: absent\n",
    lambda text: text + "protected: true\n",
    lambda text: text + "metadata: {password: hunter2-hunter2}\n",
    lambda text: text + "metadata: {big: 123456789012345678901234567890, half: 0.5, none: ~, text: 'é\\u2028'}\n",
    lambda text: text + "extends: [base]\n",
    lambda text: text + "---\n" + text.replace("key: m-", "key: n-"),
    lambda text: text + "---\n" + text,
    lambda text: text.replace("endpoint", "endpiont"),
    lambda text: text.replace("key: m-", "key: M "),
    lambda text: "kind: [",
    lambda text: "",
    lambda text: TEMPLATE,
    lambda text: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n",
    lambda text: text + "waivers: [{policy: p, reason: because, until: 2099-01-01}]\n",
    lambda text: text + 'description: "\\x24{file:../note.txt}"\n',
    lambda text: text + 'description: "\\u0024{var:host}"\n',
]


def make_project(folder: Path, *, files: int = FEWEST) -> Path:
    root = folder / "project"
    (root / "manifests").mkdir(parents=True)
    (root / "reconciler.yaml").write_text(CONFIG)
    (root / "note.txt").write_text("a note")
    for number in range(files):
        (root / "manifests" / f"m{number:03}.yaml").write_text(text_of(number))
    return root


def text_of(number: int) -> str:
    return MODEL.format(number=number, host="${var:host}" if number % 3 else "llm.example.com")


def load(root: Path, *, cached: bool, environment: str | None = None, paths: tuple[str, ...] = ()) -> LoadedManifests:
    environ = {"HOME": str(root.parent / "home")}
    workspace = open_workspace(cwd=root, environ=environ, cached=cached, environment=environment)
    return workspace.load(paths)


def plan_of(loaded: LoadedManifests, root: Path) -> str:
    """The plan as a file has it, byte for byte; where there is none, what is wrong."""
    try:
        desired = loaded.checked()
    except ManifestError as error:
        return repr(error.problems)
    workspace = open_workspace(cwd=root)
    return dump(make_plan(desired, RemoteState({"local": Listing(())}, workspace.facts)))


def assert_same(root: Path, environment: str | None = None, paths: tuple[str, ...] = ()) -> LoadedManifests:
    """With the cache and without it: the same plan, problems, counts and manifests."""
    kept = load(root, cached=True, environment=environment, paths=paths)
    anew = load(root, cached=False, environment=environment, paths=paths)
    assert plan_of(kept, root) == plan_of(anew, root)
    assert kept.desired == anew.desired
    assert repr(kept.desired) == repr(anew.desired)
    assert (kept.problems, kept.files, kept.documents) == (anew.problems, anew.files, anew.documents)
    assert kept.manifests.counts == anew.manifests.counts
    assert kept.validation() == anew.validation()
    own = [(one.source, one.index, one.kind, one.key, one.waivers) for one in kept.manifests.manifests]
    assert own == [(one.source, one.index, one.kind, one.key, one.waivers) for one in anew.manifests.manifests]
    assert [one.model for one in kept.manifests.manifests] == [one.model for one in anew.manifests.manifests]
    return kept


def taken(loaded: LoadedManifests) -> int:
    """The number of manifests that came from the cache."""
    return sum(isinstance(one, CachedManifest) for one in loaded.manifests.manifests)


def cache_files(root: Path) -> list[Path]:
    return sorted((root / ".reconciler" / "cache").glob("*.cache"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path)


step = st.tuples(st.integers(0, FEWEST - 1), st.integers(0, len(EDITS) - 1))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.lists(step, min_size=1, max_size=4), min_size=1, max_size=3))
def test_plans_with_and_without_the_cache_are_equal_across_edits(
    steps: list[list[tuple[int, int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = make_project(tmp_path_factory.mktemp("edits"))
    assert_same(root)
    for edits in steps:
        for number, edit in edits:
            path = root / "manifests" / f"m{number:03}.yaml"
            path.write_text(EDITS[edit](path.read_text()))
        assert_same(root)
        assert_same(root, paths=(f"manifests/m{edits[0][0]:03}.yaml",))
        assert_same(root, "prod")


@pytest.mark.parametrize("edit", range(len(EDITS)))
def test_every_edit_is_seen_and_undone(root: Path, edit: int) -> None:
    path = root / "manifests" / "m007.yaml"
    before = path.read_text()
    assert taken(assert_same(root)) == 0
    path.write_text(EDITS[edit](before))
    assert taken(assert_same(root)) == FEWEST - 1
    assert_same(root)
    path.write_text(before)
    assert taken(assert_same(root)) >= FEWEST - 1


def test_a_change_of_the_same_size_and_time_is_seen(root: Path) -> None:
    assert_same(root)
    path = root / "manifests" / "m003.yaml"
    status = path.stat()
    path.write_text(path.read_text().replace("gpt", "tpg"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    loaded = assert_same(root)
    assert taken(loaded) == FEWEST - 1
    assert any("tpg" in repr(item.resource.spec) for item in loaded.desired.resources)


def test_a_file_that_another_one_goes_into_is_read_each_time(root: Path) -> None:
    path = root / "manifests" / "m003.yaml"
    path.write_text(path.read_text() + "description: ${file:../note.txt}\n")
    assert_same(root)
    (root / "note.txt").write_text("another note")
    loaded = assert_same(root)
    assert "another note" in repr(loaded.desired)


def test_the_configuration_counts(root: Path) -> None:
    assert_same(root)
    config = root / "reconciler.yaml"
    config.write_text(CONFIG.replace("llm.example.com", "other.example.com"))
    loaded = assert_same(root)
    assert taken(loaded) == 0
    assert "other.example.com" in repr(loaded.desired)


def test_files_keep_their_names(root: Path) -> None:
    assert_same(root)
    (root / "manifests" / "m003.yaml").rename(root / "manifests" / "x.yaml")
    loaded = assert_same(root)
    assert taken(loaded) == FEWEST - 1


def test_a_file_of_two_documents_is_read_again_once(root: Path) -> None:
    path = root / "manifests" / "m003.yaml"
    path.write_text(EDITS[14](path.read_text()))
    assert_same(root)
    loaded = load(root, cached=True)
    first, second = (one for one in loaded.manifests.manifests if one.source.file.endswith("m003.yaml"))
    assert first.model is not None
    assert second.model is not None
    assert (first.model.key, second.model.key) == ("m-3", "n-3")


def test_few_files_leave_no_cache(tmp_path: Path) -> None:
    root = make_project(tmp_path, files=FEWEST - 1)
    assert_same(root)
    assert not (root / ".reconciler").exists()


def test_a_file_of_many_documents_is_kept_and_looked_up_as_many_files_are(tmp_path: Path) -> None:
    """What counts is how much there is to read, not in how many files it stands."""
    root = make_project(tmp_path, files=2)
    documents = [f"kind: Model\nkey: many-{number}\ndescription: {'x' * 500}\n" for number in range(SMALL // 500)]
    (root / "manifests" / "many.yaml").write_text("---\n".join(documents))
    assert_same(root)
    assert taken(assert_same(root)) == len(documents) + 2


def test_without_the_cache_nothing_is_written(root: Path) -> None:
    load(root, cached=False)
    assert not (root / ".reconciler").exists()


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "longer": lambda data: data + b"0" * 64 + b" []\n",
    "a flipped bit": lambda data: data[:-40] + bytes([data[-40] ^ 1]) + data[-39:],
    "another seal": lambda data: data[:19] + b"0" * 64 + data[83:],
    "another value, the old seal": lambda data: data.replace(b"gpt", b"tpg"),
    "no cache": lambda data: os.urandom(1000),
    "JSON that is none": lambda data: data[:84] + b"[" * 100_000,
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_cache_is_a_miss(root: Path, name: str) -> None:
    assert_same(root)
    (file,) = cache_files(root)
    file.write_bytes(SPOILT[name](file.read_bytes()))
    assert taken(assert_same(root)) == 0
    assert taken(assert_same(root)) == FEWEST


def test_a_cache_from_elsewhere_is_not_believed(root: Path) -> None:
    """Whoever may write into the checkout cannot make a plan say what no manifest says: the seal's key is not in it."""
    load(root, cached=True)
    (file,) = cache_files(root)
    forged = ManifestCache(file.parent, file.stem, b"a key that somebody else has....")
    honest = ManifestCache(file.parent, file.stem, (root.parent / "home/.cache/reconciler" / KEY_FILE).read_bytes())
    payload = b"".join(line + b"\n" for line in file.read_bytes().splitlines()[1:]).replace(b"gpt", b"tpg")
    forged._write(payload)
    assert forged._unsealed() == payload
    assert honest._unsealed() == b""
    assert taken(assert_same(root)) == 0


def test_a_cache_of_another_configuration_is_not_believed(root: Path) -> None:
    assert_same(root)
    assert_same(root, "prod")
    first, second = cache_files(root)
    second.write_bytes(first.read_bytes())
    assert_same(root)
    assert_same(root, "prod")


@pytest.mark.parametrize("key", [b"", b"short", b"0" * 33])
def test_without_a_right_key_there_is_no_cache(root: Path, key: bytes) -> None:
    home = root.parent / "home" / ".cache" / "reconciler"
    home.mkdir(parents=True)
    (home / KEY_FILE).write_bytes(key)
    assert_same(root)
    assert not (root / ".reconciler").exists()


def test_what_cannot_be_opened_is_a_miss(root: Path) -> None:
    assert_same(root)
    (file,) = cache_files(root)
    file.unlink()
    os.mkfifo(file)  # whoever opens it would wait forever
    assert taken(assert_same(root)) == 0
    cache_files(root)[0].unlink(missing_ok=True)
    cache_files(root)
    (root / ".reconciler" / "cache" / file.name).mkdir()
    assert taken(assert_same(root)) == 0


def test_a_folder_that_cannot_be_made_is_no_error(root: Path) -> None:
    (root / ".reconciler").write_text("a file in its place")
    assert_same(root)
    assert (root / ".reconciler").read_text() == "a file in its place"


def test_the_folder_keeps_git_away_and_nobody_else_reads_it(root: Path) -> None:
    assert_same(root)
    folder = root / ".reconciler" / "cache"
    assert "*" in (folder / ".gitignore").read_text().splitlines()
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in cache_files(root))
    assert (root.parent / "home/.cache/reconciler" / KEY_FILE).stat().st_mode & 0o077 == 0


def test_no_value_of_a_secret_is_kept(root: Path) -> None:
    path = root / "manifests" / "m003.yaml"
    path.write_text(path.read_text() + "metadata: {password: hunter2-hunter2}\n")
    assert_same(root)
    (file,) = cache_files(root)
    assert b"hunter2" not in file.read_bytes()


def test_a_variable_that_is_likely_a_secret_leaves_no_cache(root: Path) -> None:
    (root / "reconciler.yaml").write_text(CONFIG.replace("key: plain", "password: hunter2-hunter2"))
    assert_same(root)
    assert not (root / ".reconciler").exists()


def test_what_is_gone_is_let_go(root: Path) -> None:
    assert_same(root)
    (before,) = cache_files(root)
    size = before.stat().st_size
    for number in range(10, FEWEST):
        path = root / "manifests" / f"m{number:03}.yaml"
        path.write_text(path.read_text() + "# changed\n")
    assert_same(root)
    assert before.stat().st_size == pytest.approx(size, rel=0.05)


def test_the_number_of_caches_is_bounded_and_the_rest_of_a_killed_process_goes(root: Path) -> None:
    folder = root / ".reconciler" / "cache"
    folder.mkdir(parents=True)
    for number in range(2 * MOST):
        (folder / f"{number:032}.cache").write_bytes(b"")
        os.utime(folder / f"{number:032}.cache", (number, number))
    (folder / "x.1.new").write_bytes(b"")
    os.utime(folder / "x.1.new", (1, 1))
    assert_same(root)
    assert len(cache_files(root)) == MOST
    assert not list(folder.glob("*.new"))


def test_a_cache_has_a_size_beyond_which_it_keeps_no_more(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "MAX_BYTES", 5000)
    assert_same(root)
    (file,) = cache_files(root)
    assert file.stat().st_size <= 5000 + 84
    assert 0 < taken(assert_same(root)) < FEWEST


LOAD = """
import sys
from pathlib import Path
from reconciler.project.workspace import open_workspace
root = Path(sys.argv[1])
for turn in range(int(sys.argv[2])):
    file = root / ".reconciler" / "cache"
    for one in file.glob("*.cache"):
        one.unlink(missing_ok=True)
    print(len(open_workspace(cwd=root, environ={"HOME": str(root.parent / "home")}, cached=True).load().desired.resources), flush=True)
"""


def start(root: Path, turns: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", LOAD, str(root), str(turns)], stdout=subprocess.PIPE, text=True, bufsize=1
    )


def test_two_processes_that_write_one_cache_do_each_other_no_harm(root: Path) -> None:
    both = [start(root, 5), start(root, 5)]
    answers = [process.communicate()[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert answers == [[str(FEWEST)] * 5] * 2
    assert_same(root)


def test_a_process_that_is_killed_leaves_a_cache_or_none(root: Path) -> None:
    for _ in range(4):
        process = start(root, 1000)
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert_same(root)


def test_every_field_of_what_is_compiled_has_a_place_in_the_cache() -> None:
    """A new field of these two values is either written or named here as one that only a registry fills."""
    stored = {"mark", "revision", "id", "updated_at", "cascade_deletes", "contents", "uses", "other_keys"}
    stored |= {"server_facts", "read_only", "pending", "uid"}
    assert {one.name for one in dataclasses.fields(Resource)} == {*RESOURCE_FIELDS, *stored}
    assert {one.name for one in dataclasses.fields(Desired)} == {*DESIRED_FIELDS, "matched"}


def test_what_several_have_alike_is_kept_as_one_text_and_a_map_of_one_alone_as_it_is() -> None:
    """What is read from either is the same; a list is always a text, since a list stands for one."""
    source, alike = Source("a.yaml", 1), {"url": "https://llm.example.com"}
    specs: list[dict[str, Any]] = [
        {"endpoint": alike, "tags": ["prod"], "metadata": {"owner": name}, "task": "chat"} for name in ("a", "b")
    ]
    desired = [Desired(Resource(Address("local", "Model", "m"), spec, source=source), "m") for spec in specs]
    written = [plain((one,), source) or [] for one in desired]
    share([spec for items in written for spec in specs_in(items)])
    kept = {"endpoint": ['{"url":"https://llm.example.com"}'], "tags": ['["prod"]'], "task": "chat"}
    assert [spec for items in written for spec in specs_in(items)] == [
        {**kept, "metadata": {"owner": name}} for name in ("a", "b")
    ]
    assert [items_of(json.loads(json.dumps(items)), "a.yaml", 1) for items in written] == [(one,) for one in desired]
