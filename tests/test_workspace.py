"""A project at work, through its own functions: what the command line and Python share."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import InputError, ManifestError, SecretError, UsageError
from reconciler.workspace import open_workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "reconciler.yaml").write_text(
        "owner: us\nfingerprint_key: ${env:FP}\nregistries: {local: {driver: local, path: r.db, default: true}}\n"
    )
    (tmp_path / "manifests").mkdir()
    for key in "ab":
        (tmp_path / f"manifests/{key}.yaml").write_text(f"kind: Model\nkey: {key}\n")
    return tmp_path


def test_only_the_whole_is_complete(root: Path) -> None:
    """A part may never speak of orphans; what was left out still counts as declared."""
    workspace = open_workspace(cwd=root)
    whole, part, stdin = (
        workspace.load(),
        workspace.load(["manifests/a.yaml"]),
        workspace.load(["-"], lambda: b"kind: Model\nkey: z\n"),
    )
    assert (whole.desired.complete, part.desired.complete, stdin.desired.complete) == (True, False, False)
    assert [item.key for item in part.desired.resources] == ["a"]
    assert {address.key for address in part.desired.declared} == {"a", "b"}
    assert workspace.load(["manifests"]).desired.complete is False, "it was asked for as a part"


def test_problems_are_raised_all_together(root: Path) -> None:
    """`checked` raises with every problem; strict counts warnings too."""
    (root / "manifests/c.yaml").write_text("kind: Model\nkey: c\nfoo: 1\nbar: 2\n")
    loaded = open_workspace(cwd=root).load()
    with pytest.raises(ManifestError, match="2 problems") as caught:
        loaded.checked()
    assert len(caught.value.problems) == 2
    assert caught.value.lines["manifests/c.yaml"][2] == "foo: 1"


def test_stdin_stands_alone(root: Path) -> None:
    """Nothing is silently left out."""
    with pytest.raises(UsageError):
        open_workspace(cwd=root).load(["-", "manifests"])
    assert open_workspace(cwd=root).load(["-"]).problems[0].rule == "no-manifests"


def test_the_fingerprint_key_is_looked_up_when_it_is_needed(root: Path) -> None:
    """In the environment that was given; planning does without."""
    assert open_workspace(cwd=root, environ={"FP": "x"}).fingerprint_key() is not None
    bare = open_workspace(cwd=root, environ={})
    assert bare.fingerprint_key_if_known() is None
    with pytest.raises(SecretError):
        bare.fingerprint_key()


def test_a_working_directory_that_is_gone_is_an_error_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else may clean up while we run."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(InputError, match="does not exist any more"):
        open_workspace()
