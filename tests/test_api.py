"""The Python interface: a handful of names that do what the commands do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from world import PLUGINS

import reconciler
from reconciler.project import api


def write(root: Path, *keys: str) -> None:
    (root / "reconciler.yaml").write_text(
        "owner: us\nregistries: {local: {driver: local, path: r.db, default: true}}\n"
    )
    folder = root / "manifests"
    folder.mkdir(exist_ok=True)
    for key in keys:
        (folder / f"{key}.yaml").write_text(f"kind: Model\nkey: {key}\n")


async def test_load_plan_apply(tmp_path: Path) -> None:
    """The example of the docstring, from nothing to nothing left to do."""
    write(tmp_path, "a", "b")
    project = reconciler.load(cwd=tmp_path)
    async with reconciler.connect(project) as registries:
        plan = reconciler.make_plan(project.desired, await reconciler.remote_state(registries), project.policy())
        report = await reconciler.apply(plan, registries)
        assert report.summary()["created"] == 2
        again = reconciler.make_plan(project.desired, await reconciler.remote_state(registries), project.policy())
        assert again.changes == ()


async def test_what_it_removes_is_kept(tmp_path: Path) -> None:
    """The backup goes where it is told, else below the project."""
    write(tmp_path, "a", "b", "c")
    project = reconciler.load(cwd=tmp_path)
    async with reconciler.connect(project) as registries:
        await reconciler.apply(
            reconciler.make_plan(project.desired, await reconciler.remote_state(registries), project.policy()),
            registries,
        )
    for key, backup in (("c", tmp_path / "kept"), ("b", None)):
        (tmp_path / f"manifests/{key}.yaml").unlink()
        project = reconciler.load(cwd=tmp_path)
        async with reconciler.connect(project) as registries:
            policy = project.policy(reconciler.Consents(prune=True))
            plan = reconciler.make_plan(project.desired, await reconciler.remote_state(registries), policy)
            report = await reconciler.apply(plan, registries, backup=backup)
        assert report.backup is not None
        assert (tmp_path / report.backup / f"local/Model/{key}.yaml").is_file()


def test_problems_are_values(tmp_path: Path) -> None:
    """All of them, with their places."""
    write(tmp_path)
    (tmp_path / "manifests/a.yaml").write_text("kind: Model\nkey: a\nfoo: 1\nbar: 2\n")
    with pytest.raises(reconciler.ManifestError) as caught:
        reconciler.load(cwd=tmp_path)
    assert [(problem.file, problem.line) for problem in caught.value.problems] == [
        ("manifests/a.yaml", 3),
        ("manifests/a.yaml", 4),
    ]


def test_planning_does_without_the_fingerprint_key(tmp_path: Path) -> None:
    """As on the command line: a machine without secrets can plan."""
    write(tmp_path, "a")
    with (tmp_path / "reconciler.yaml").open("a") as stream:
        stream.write("fingerprint_key: ${env:NOT_SET_ANYWHERE}\n")
    assert reconciler.load(cwd=tmp_path).policy().fingerprints == {}


def test_the_names_are_those_of_the_api() -> None:
    """And nothing else: a typo is an AttributeError."""
    assert set(reconciler.API) == {*api.__all__, "SyncProject", "open_project"}
    for name in api.__all__:
        assert getattr(reconciler, name) is getattr(api, name)
    with pytest.raises(AttributeError):
        reconciler.nothing  # noqa: B018
    assert (Path(reconciler.__file__).parent / "py.typed").is_file()


def test_the_names_have_types(tmp_path: Path) -> None:
    """A type checker knows what `reconciler.load` returns."""
    (tmp_path / "use.py").write_text(
        "from reconciler import LoadedProject, load\nproject: LoadedProject = load()\nwrong: int = load()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "use.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "Found 1 error" in ran.stdout, ran.stdout + ran.stderr
    assert "use.py:3" in ran.stdout


def test_dir_names_the_interface() -> None:
    """Completion in a shell offers what there is, though nothing of it is imported yet."""
    assert set(api.__all__) <= set(dir(reconciler))


async def test_a_dangling_reference_stops_a_program_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command line refuses before it plans, a program that follows the documentation does not plan either."""
    monkeypatch.setenv("TOKEN", "t")
    assert PLUGINS.is_dir()  # importing `world` makes the memory driver known
    (tmp_path / "reconciler.yaml").write_text(
        'owner: us\nregistries: {mem: {driver: memory, url: "memory://api", token: "${env:TOKEN}"}}\n'
    )
    (tmp_path / "manifests").mkdir()
    manifest = "kind: memory/Provider\nkey: p\nurl: https://llm.example.com\nsecret: nowhere\n"
    (tmp_path / "manifests" / "p.yaml").write_text(manifest)
    async with api.connect(api.load(cwd=tmp_path)) as registries:
        with pytest.raises(api.ManifestError, match="does not exist") as refused:
            await api.remote_state(registries)
    assert [problem.rule for problem in refused.value.problems] == ["dangling-reference"]


async def test_drift_and_delete_as_the_commands_do(tmp_path: Path) -> None:
    """What `drift` and `delete KEY` decide is decided by the engine: Python users have the same."""
    write(tmp_path, "a", "b")
    (tmp_path / "manifests/b.yaml").write_text("kind: Model\nkey: b\nprotected: true\n")
    project = reconciler.load(cwd=tmp_path)
    async with reconciler.connect(project) as registries:
        found = await reconciler.drift(registries)
        assert [change.reason for change in found.changes] == ["missing", "missing"]
        await reconciler.apply(
            reconciler.make_plan(project.desired, await reconciler.remote_state(registries), project.policy()),
            registries,
        )
        assert (await reconciler.drift(registries)).changes == ()
        assert [change.action for change in (await reconciler.plan_delete("b", registries)).changes] == ["blocked"]
        report = await reconciler.apply(await reconciler.plan_delete("local/Model/a", registries), registries)
        assert report.summary()["deleted"] == 1


def test_validate_is_a_value(tmp_path: Path) -> None:
    """All problems, without an exception."""
    write(tmp_path)
    (tmp_path / "manifests/a.yaml").write_text("kind: Model\nkey: a\nprovider: {name: openai, model: m}\n")
    assert reconciler.validate(cwd=tmp_path).problems == ()
    (tmp_path / "manifests/a.yaml").write_text("kind: Model\nkey: a\nfoo: 1\n")
    assert [problem.rule for problem in reconciler.validate(cwd=tmp_path).problems] == ["unknown-field"]


def test_the_text_of_an_error_names_files_and_lines(tmp_path: Path) -> None:
    """A traceback in somebody's log is enough to find the mistake."""
    write(tmp_path)
    (tmp_path / "manifests/a.yaml").write_text("kind: Model\nkey: a\n" + "".join(f"x{n}: 1\n" for n in range(8)))
    with pytest.raises(reconciler.ManifestError) as caught:
        reconciler.load(cwd=tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[1].strip().startswith("manifests/a.yaml:3:1: unknown-field: ")
    assert lines[-1].strip() == "… and 3 more in .problems"


async def test_without_async_where_a_loop_runs_already(tmp_path: Path) -> None:
    """As in a notebook: the call blocks, and works."""
    write(tmp_path, "a")
    with reconciler.open_project(cwd=tmp_path) as project:
        plan = project.plan()
        assert project.apply(plan).summary()["created"] == 1
        assert project.plan().changes == ()
        assert project.drift().changes == ()
        assert project.apply(project.plan_delete("a")).summary()["deleted"] == 1


def test_a_plan_in_every_format(tmp_path: Path) -> None:
    """Text, JSON and Markdown as the commands print them, and a table for notebooks in which every value is escaped."""
    write(tmp_path)
    (tmp_path / "manifests/a.yaml").write_text("kind: Model\nkey: a\ndescription: <script>x</script>\n")
    with reconciler.open_project(cwd=tmp_path) as project:
        plan = project.plan()
        drift = project.drift()
    assert "create   local/Model/a" in reconciler.render_plan(plan)
    assert '"action": "create"' in reconciler.render_plan(plan, "json")
    assert reconciler.render_plan(plan, "markdown").startswith("<!-- reconciler:plan -->")
    assert reconciler.render_plan(drift, "markdown").startswith("<!-- reconciler:drift -->")
    table = plan._repr_html_()
    assert "local/Model/a" in table.replace("&#47;", "/")
    assert "<script>" not in table
    with pytest.raises(ValueError, match="no format of a plan"):
        reconciler.render_plan(plan, "yaml")


def test_the_values_that_plans_are_made_of_are_public(tmp_path: Path) -> None:
    """Who looks into a plan needs the word for an absent side."""
    write(tmp_path, "a")
    with reconciler.open_project(cwd=tmp_path) as project:
        (change,) = project.plan().changes
    assert all(isinstance(field, reconciler.FieldChange) for field in change.fields)
    assert {field.before for field in change.fields} == {reconciler.MISSING}
