"""Objects of Kubernetes among the manifests: each is the manifest that it stands for, and what it says wrong is told in its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.errors import Problem
from reconciler.manifest.discover import discover
from reconciler.manifest.kubernetes_references import decoded, encoded
from reconciler.manifest.load import Reader
from reconciler.manifest.manifests import Manifests
from reconciler.manifest.native import NativeKind
from reconciler.registry.catalog import load_driver

NEMO = load_driver("nemo")
NATIVES = {f"nemo/{name}": NativeKind.of("nemo", kind) for name, kind in NEMO.kinds.items() if not kind.portable}
MODEL = """\
apiVersion: models.reconciler.dev/v1alpha1
kind: Model
metadata:
  name: support-chat
spec:
  endpoint:
    url: https://llm.example.com/v1
    model: gpt-oss-120b
    api_key: ${secret:gateway/key}
"""
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: gateway}\nstringData: {key: x}\n"


def read(folder: Path, **files: str) -> Manifests:
    """The manifests of files in a folder."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    reader = Reader(folder, {"configMap/texts/about": "Answers."}, NATIVES, {}, frozenset({"secret"}))
    return reader.read(discover([str(folder)], folder, folder))


def only(found: Manifests) -> Problem:
    (problem,) = found.problems
    return problem


def test_a_model_object_is_a_model(tmp_path: Path) -> None:
    """Its name is the key, and a Secret is what the command `secret` prints."""
    (manifest,) = read(tmp_path, a=MODEL).manifests
    assert manifest.model is not None
    assert (manifest.kind, manifest.key) == ("Model", "support-chat")
    assert manifest.model.endpoint is not None
    assert manifest.model.endpoint.api_key == "${cmd:secret/gateway/key}"


def test_a_native_object_is_a_native_manifest(tmp_path: Path) -> None:
    text = (
        "apiVersion: nemo.models.reconciler.dev/v1alpha1\nkind: Project\nmetadata: {name: a}\nspec: {key: my_project}\n"
    )
    (manifest,) = read(tmp_path, a=text).manifests
    assert (manifest.kind, manifest.key) == ("nemo/Project", "my_project")


def test_text_of_a_config_map_is_a_variable(tmp_path: Path) -> None:
    found = read(tmp_path, a=MODEL + "  description: ${configMap:texts/about}\n")
    assert found.manifests[0].model is not None
    assert found.manifests[0].model.description == "Answers."


@pytest.mark.parametrize(
    ("line", "place", "rule"),
    [
        ("  task: sing", (10, 9), "not-allowed"),
        ("  parameters: {temperature: -1}", (10, 29), "out-of-range"),
        ("  dispaly_name: x", (10, 3), "unknown-field"),
        ("  state: absent", (10, 3), "unknown-field"),
        ("  extends: gateway", (10, 3), "unknown-field"),
        ("  description: ${env:HOME}", (10, 16), "bad-reference"),
        ("  description: ${secret:nameless}", (10, 16), "bad-reference"),
        ("  provider: {name: openai, model: a}", (10, 3), "endpoint-and-provider"),
    ],
)
def test_what_is_wrong_is_told_at_its_place_in_the_object(
    tmp_path: Path, line: str, place: tuple[int, int], rule: str
) -> None:
    """The line and column of the object's own file, and the pointer into the object."""
    problem = only(read(tmp_path, a=f"{MODEL}{line}\n"))
    assert (problem.line, problem.column, problem.rule) == (*place, rule)
    assert problem.pointer.startswith("/spec/")


def test_a_name_that_no_key_can_have_is_told_at_the_name(tmp_path: Path) -> None:
    text = "apiVersion: nemo.models.reconciler.dev/v1alpha1\nkind: Project\nmetadata: {name: a}\nspec: {}\n"
    problem = only(read(tmp_path, a=text))
    assert (problem.line, problem.column, problem.rule) == (3, 18, "bad-key")


def test_other_objects_beside_ours_are_left_alone_with_a_word(tmp_path: Path) -> None:
    """A Secret or a Kustomization belongs into such a folder: each is a warning, and no model is lost by it."""
    found = read(tmp_path, a=MODEL, b=SECRET, c="kind: Kustomization\nresources: [a.yaml, b.yaml]\n")
    assert [one.key for one in found.manifests] == ["support-chat"]
    assert {(one.file, one.rule, one.severity) for one in found.problems} == {
        ("b.yaml", "kubernetes-object", "warning"),
        ("c.yaml", "kubernetes-object", "warning"),
    }


def test_other_objects_alone_are_still_no_manifests(tmp_path: Path) -> None:
    """Where no object of ours is, they are in the wrong folder: an error, as for any file of another tool."""
    assert only(read(tmp_path, b=SECRET)).rule == "foreign-file"


def test_a_kind_that_no_registry_here_has_is_told(tmp_path: Path) -> None:
    text = "apiVersion: nemo.models.reconciler.dev/v1alpha1\nkind: Poem\nmetadata: {name: a}\nspec: {}\n"
    assert only(read(tmp_path, a=text)).rule == "unknown-kind"


def test_an_object_without_a_spec_or_a_name_is_told(tmp_path: Path) -> None:
    found = read(tmp_path, a="apiVersion: models.reconciler.dev/v1alpha1\nkind: Model\n")
    assert found.manifests == ()
    assert "missing-field" in {one.rule for one in found.problems}


@pytest.mark.parametrize("path", ["a/b.pem", "../x_y/é.txt", ".hidden", "a b", "_2F", "plain.txt"])
def test_a_path_is_a_key_and_back(path: str) -> None:
    assert decoded(encoded(path)) == path
