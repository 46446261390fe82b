"""Names that no file can have: too long for the file system, links in a circle, NUL. Each is told, and none ends with a traceback."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import reconciler
from reconciler.core.errors import ReconcilerError
from reconciler.core.resource import Address
from reconciler.core.secret import Resolver
from reconciler.project.unfinished import UnfinishedRuns
from reconciler.project.workspace import open_workspace
from reconciler.registry.catalog import load_driver
from reconciler.registry.http.opening import target_of
from reconciler.registry.protocol import Opening

LONG = "x" * 300
IMPOSSIBLE = [LONG, f"{LONG}/y", "circle", "circle/y"]
RAISING = {
    "exists",
    "is_dir",
    "is_file",
    "is_symlink",
    "is_mount",
    "resolve",
}  # of Path: where os.path's are false, or a path
WALK = "manifest/discover.py"  # an entry of a folder that is listed is asked, and what it raises is told there


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "manifests").mkdir()
    return tmp_path


def _asked_of_a_path(tree: ast.AST, names: set[str]) -> list[str]:
    """Calls of a method of Path that raises for a name that no file can have."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    plain = [node for node in calls if not node.args and not node.keywords]
    return [f"{node.lineno}: {ast.unparse(node)}" for node in plain if node.func.attr in names]  # type: ignore[attr-defined]


def test_no_module_asks_a_path_what_raises_for_a_name_that_no_file_can_have() -> None:
    """`Path.exists` and its like raise where a name is too long or a folder may not be searched, and `os.path.exists` says no."""
    top = Path(reconciler.__file__).parent
    found = {
        str(file.relative_to(top)): calls
        for file in top.rglob("*.py")
        if (calls := _asked_of_a_path(ast.parse(file.read_text("utf-8")), RAISING))
    }
    found.pop(WALK)
    own = {"registry/local/objects.py": 1}  # Database.exists
    assert {name: len(calls) for name, calls in found.items()} == own, found


@pytest.mark.parametrize("name", IMPOSSIBLE)
@pytest.mark.parametrize(
    "field",
    [
        "description: ${{file:{}}}\nprovider: {{name: openai, model: m}}",
        "endpoint: {{url: 'https://a.example.com', model: m, api_key: '${{file:{}}}'}}",
        "endpoint: {{url: 'https://a.example.com', model: m, tls: {{ca: '${{file:{}}}'}}}}",
    ],
)
def test_a_reference_to_it_is_a_problem_of_the_manifest(root: Path, name: str, field: str) -> None:
    (root / "manifests" / "m.yaml").write_text(f"kind: Model\nkey: chat\n{field.format(name)}\n")
    loaded = open_workspace(cwd=root, environ={}).load()
    assert [problem.rule for problem in loaded.errors] == ["missing-file"]


@pytest.mark.parametrize("name", IMPOSSIBLE)
@pytest.mark.parametrize("setting", ["manifests: ['{}']", "manifests: ['{}/*.yaml']", "policies: ['{}']"])
def test_a_place_of_the_configuration_is_a_problem_or_nothing(root: Path, name: str, setting: str) -> None:
    (root / "reconciler.yaml").write_text(setting.format(name))
    workspace = open_workspace(cwd=root, environ={})
    assert workspace.load().problems
    assert workspace.load((name,)).errors


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_no_secret_is_read_from_it(root: Path, name: str) -> None:
    with pytest.raises(ReconcilerError):
        Resolver(root, {}).resolve(f"${{file:{name}}}")


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_no_certificates_are_read_from_it(root: Path, name: str) -> None:
    settings = load_driver("nemo").settings.model_validate({"url": "https://nemo.example.com", "ca": name})
    with pytest.raises(ReconcilerError, match="there is no file"):
        target_of(settings, Opening("nemo", Resolver(root, {})))  # type: ignore[arg-type]  # it is one of a remote registry


@pytest.mark.parametrize("name", IMPOSSIBLE)
@pytest.mark.parametrize("driver", ["local", "insidellms"])
async def test_no_registry_is_there(root: Path, driver: str, name: str) -> None:
    more = {"probe": {"type": "logic"}, "dataset": {"format": "jsonl"}} if driver == "insidellms" else {}
    loaded = load_driver(driver)
    settings = loaded.settings.model_validate({"path": name, **more})
    async with loaded.connect(settings, Opening("one", Resolver(root, {}))) as registry:
        with pytest.raises(ReconcilerError):
            await registry.read()


def test_the_note_of_an_unfinished_run_that_names_it_has_no_backup(root: Path) -> None:
    """The address is left: an object that was deleted is warned of only where its backup is."""
    folder = root / ".reconciler" / "unfinished"
    folder.mkdir(parents=True)
    (folder / "2026-11-28.json").write_text(json.dumps({f"local/Model/{name[:9]}": name for name in IMPOSSIBLE}))
    assert UnfinishedRuns(root).backups() == {}
    UnfinishedRuns(root).forget(frozenset(Address("local", "Model", name[:9]) for name in IMPOSSIBLE))
    assert not list(folder.iterdir())
