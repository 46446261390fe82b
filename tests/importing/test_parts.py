"""Files that others consist of: what `$ref` and `!include` name is read there, and is nothing by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.project import Project
from importing.imports import imported, model, texts, told

USES = "key: a\ndisplay_name: A\nconfig:\n  url: u\n  $ref: part.yaml\n"
PARTS = {
    "of a config": (USES, "model_key: m\n"),
    "all but the key": ("key: a\n$ref: part.yaml\n", "display_name: A\nconfig: {url: u}\n"),
    "all but the config": ("$ref: part.yaml\nconfig: {url: u}\n", "key: a\ndisplay_name: A\n"),
    "an adapter's key": ("key: a\ndisplay_name: A\nconfig: {url: u, adapter: {$ref: part.yaml}}\n", "key: my\n"),
    "a list of models": ("models: {$ref: part.yaml}\n", "- {key: a, display_name: A, config: {url: u}}\n"),
    "the provider": ("models: [{$ref: part.yaml}, {$ref: whole/a.yaml}]\n", "$provider: openai/gpt-4o\n"),
    "a text that is no YAML": (
        "key: a\ndisplay_name: !include part.yaml\nconfig: {url: u}\n",
        "Chat {{ with: [ }\n",
    ),
    "an empty text": ("key: a\ndisplay_name: A\ndescription: !include part.yaml\nconfig: {url: u}\n", ""),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", ["lf/a.yaml", "lf/z.yaml"], ids=["before", "behind"])
def test_a_part_is_no_file_by_itself(tmp_path: Path, part: str, name: str) -> None:
    """A folder is imported as it is, parts and all, whichever comes first."""
    using, text = PARTS[part]
    whole = {"lf/whole/a.yaml": model("")} if "whole/" in using else {}
    made = imported(tmp_path, {name: using, "lf/part.yaml": text, **whole}, "lf")
    assert told(made) == []
    assert "models/a.yaml" in texts(made)


def test_a_fragment_in_a_folder_below(project: Project) -> None:
    """The same from the command line: exit 0, and the manifest holds both."""
    project.write("lf/a.yaml", "key: a\ndisplay_name: A\nconfig: {$ref: shared/base.yaml, model_key: m}\n")
    project.write("lf/shared/base.yaml", "url: https://llm.example.com/v1\nadapter: {$ref: adapter.yaml}\n")
    project.write("lf/shared/adapter.yaml", "key: my\n")
    answer = project.ok("import", "lf", "-o", "manifests")
    assert answer.out == "manifests/models/a.yaml\n"
    assert "url: https://llm.example.com/v1" in (project.root / "manifests/models/a.yaml").read_text()


def test_a_model_that_a_run_config_names_is_one_model(tmp_path: Path) -> None:
    """It is imported once, and it is no second one of that key; with something added to it, it is."""
    files = {"run.yaml": "models:\n  - $ref: models/a.yaml\n", "models/a.yaml": model("")}
    made = imported(tmp_path, files, ".")
    assert told(made) == []
    assert list(texts(made)) == ["models/a.yaml"]
    more = {"run.yaml": "models:\n  - $ref: models/a.yaml\n    description: more\n"}
    assert told(imported(tmp_path, {**files, **more}, ".")) == ["models/a.yaml:1:1 error duplicate-key"]


@pytest.mark.parametrize("text", ["- 1\n", "url: [\n", "x: y\n"])
def test_what_nobody_names_is_still_told(tmp_path: Path, text: str) -> None:
    """Beside a part that is named, a file of no known format stays an error."""
    files = {"a.yaml": USES, "part.yaml": "model_key: m\n", "other.yaml": text}
    (problem,) = told(imported(tmp_path, files, "."))
    assert problem.startswith("other.yaml:")


def test_a_part_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    """Its form is wrong wherever it is read."""
    files = {"a.yaml": USES, "part.yaml": "model_key: [\n"}
    assert told(imported(tmp_path, files, ".")) == ["part.yaml:2:1 error syntax"]


@pytest.mark.parametrize("top", ["x: {}\n", "display_name: A\n"])
def test_parts_of_nothing_are_told(tmp_path: Path, top: str) -> None:
    """Two files that only name each other are no parts of a file that is imported: neither vanishes in silence."""
    files = {name: f"{top}y: {{$ref: {other}}}\n" for name, other in (("a.yaml", "b.yaml"), ("b.yaml", "a.yaml"))}
    assert len(told(imported(tmp_path, files, "."))) == 2
