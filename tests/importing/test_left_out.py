"""What is left out of an import cannot stop the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from importing.imports import imported, model, texts, told

RUN = """\
models:
  - $ref: models/a.yaml
datasets:
  - $ref: datasets/questions.yaml
tasks: [{$ref: tasks/memory.yaml}]
evaluation: {key: memory, display_name: "Memory ((TODO))"}
"""
DATASETS = {
    "absent": None,
    "no YAML": "key: q\n  broken: [\n",
    "a missing text": "key: q\ndisplay_name: Q\nlong_description: !include nowhere.md\n",
    "a missing file": "key: q\ndisplay_name: Q\n$ref: nowhere.yaml\n",
    "another tag": "key: !secret q\n",
    "itself": "$ref: questions.yaml\n",
    "unfinished": "key: q\ndisplay_name: Q\nsource: ((TODO))\n",
}


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("path", ["run.yaml", "."], ids=["file", "folder"])
def test_files_of_other_sections_may_be_anything(tmp_path: Path, dataset: str, path: str) -> None:
    """They are not read, whether the run config is imported alone or in its folder: the model is, without an error."""
    text = DATASETS[dataset]
    files = {"run.yaml": RUN, "models/a.yaml": model("")}
    made = imported(tmp_path, files if text is None else {**files, "datasets/questions.yaml": text}, path)
    assert list(texts(made)) == ["models/a.yaml"]
    assert {line.rpartition(" ")[2] for line in told(made)} == {"not-a-model"}


def test_a_missing_model_keeps_no_other_out(tmp_path: Path) -> None:
    """Of the files that are imported, each error is told; what it is in is not written."""
    text = "models:\n  - $ref: nowhere.yaml\n    key: b\n    display_name: B\n    config: {url: u}\n  - $ref: a.yaml\n"
    made = imported(tmp_path, {"run.yaml": text, "a.yaml": model("")}, "run.yaml")
    assert told(made) == ["run.yaml:2:11 error missing-file"]
    assert [one.key for one in made.manifests] == ["a"]


def test_two_of_one_key_are_both_kept_out(tmp_path: Path) -> None:
    """Nobody can tell which one is meant."""
    made = imported(
        tmp_path,
        {"a.yaml": model(""), "b.yaml": model("model_key: m"), "c.yaml": model("").replace("key: a", "key: c")},
    )
    assert told(made) == ["b.yaml:1:1 error duplicate-key"]
    assert [one.key for one in made.manifests] == ["c"]
