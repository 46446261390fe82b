"""Many documents in one file take work in proportion to their number: counted, with every sort of problem, to every output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from cli.project import Project
from counting import counted

from reconciler import render
from reconciler.core.document import read_text
from reconciler.core.document.values import position
from reconciler.project.workspace import open_workspace
from reconciler.render import quote
from reconciler.render.terminal import Style

__all__ = ["counted"]

FEW: Final = 25
MOST: Final = 1.25  # times four: what caches and growing tables may add
GOOD: Final = (
    "kind: Model\nkey: m{}\nprovider: {{name: openai, model: x}}\ndescription: |\n  Some text,\n  more text.\n"
)
KINDS: Final = {
    "good": GOOD,
    "an unknown field": GOOD + "foo: 1\n",
    "a wrong type": GOOD + "tags: 1\n",
    "an unknown kind": GOOD.replace("Model", "Modle"),
    "an unset variable": GOOD + "display_name: ${{var:nope}}\n",
    "a missing file": GOOD + "display_name: ${{file:nope}}\n",
    "a literal secret": GOOD + "endpoint: {{api_key: sk-1234567890}}\n",
    "a key given twice": GOOD + "tags: [a]\ntags: [b]\n",
    "an unknown tag": GOOD + "tags: !x [a]\n",
    "something unseen": GOOD + "tags:\n  -\u00a0a\n",
    "something doubtful": GOOD + "display_name: \u201cx\u201d\n",
    "an alias": GOOD + "tags: &t [a]\nmetadata: {{t: *t}}\n",
    "a circle": GOOD + "tags: &t [*t]\n",
    "a syntax error": GOOD + "tags: [\n",
    "one unseen that stops the parser": GOOD + "display_name:\u00a0x\ntags: [a]\n",
    "nothing": "# nothing {}\n",
    "one address": "kind: Model\nkey: m\nprovider: {{name: openai, model: x}}\n",
    "one old key": GOOD + "previous_keys: [old]\n",
}


def written(project: Project, kind: str, number: int, ending: str = "\n") -> None:
    text = "".join(f"---\n{KINDS[kind].format(index)}" for index in range(number))
    project.write("manifests/all.yaml", text.replace("\n", ending))


def validated() -> None:
    result = open_workspace(None).load().validation()
    for output in render.VALIDATION.values():
        render.load(output)(result, Style(color=False))


Count = Callable[[Callable[[], object]], int]


@pytest.mark.parametrize(
    ("kind", "ending"), [*((kind, "\n") for kind in KINDS), ("good", "\r\n"), ("a wrong type", "\r")]
)
def test_validate_is_linear_in_the_documents_of_a_file(
    project: Project, counted: Count, kind: str, ending: str
) -> None:
    """Also where each has a problem: places are found once for a file, lines are split once, and nothing looks back."""
    written(project, kind, 5, ending)
    validated()
    written(project, kind, FEW, ending)
    few = counted(validated)
    written(project, kind, 4 * FEW, ending)
    assert counted(validated) < 4 * MOST * few


@pytest.mark.parametrize("indent", [None, 1])
def test_validate_is_linear_in_the_values_of_json(
    project: Project, counted: Count, monkeypatch: pytest.MonkeyPatch, indent: int | None
) -> None:
    """Each with a problem of its own, on lines of their own or all on one, of which a window is looked at."""
    monkeypatch.setattr(quote, "LOOKED_AT", (80, 40))

    def write(number: int) -> None:
        fields = {f"x{index}": index for index in range(number)}
        data = {"kind": "Model", "key": "m", "tags": [{"a": "b"}] * number, **fields}
        project.write("manifests/a.json", json.dumps(data, indent=indent))

    write(5)
    validated()
    write(2 * FEW)
    few = counted(validated)
    write(8 * FEW)
    assert counted(validated) < 4 * MOST * few


@pytest.mark.parametrize(
    "command", [("plan",), ("plan", "--format", "json"), ("apply", "--yes"), ("export", "--all", "-o", "out")]
)
def test_other_commands_are_linear_in_the_documents_of_a_file(
    project: Project, counted: Count, command: tuple[str, ...]
) -> None:
    """To a plan, to the registry and back to files."""
    counts: list[int] = []
    for number in (5, FEW, 4 * FEW):
        written(project, "good", number)
        for left in (project.root / "registry.db", *project.root.glob("out/**/*.yaml")):
            left.unlink(missing_ok=True)
        if command[0] == "export":
            project.apply()
        counts.append(counted(lambda: project.ok(*command)))
    assert counts[2] < 4 * MOST * counts[1]


def test_import_is_linear_in_the_files(project: Project, counted: Count) -> None:
    """One document each, as `lf` has them."""
    counts: list[int] = []
    form = "display_name: M{0}\nkey: m{0}\ntask: chat_completion\nconfig:\n  connection_type: custom\n  url: https://x.example.com/v1\n"
    for number in (5, 20, 80):
        for index in range(number):
            project.write(f"lf{number}/m{index}.yaml", form.format(index))
        counts.append(counted(lambda number=number: project.run("import", f"lf{number}", "-o", f"out{number}")))  # type: ignore[misc]
    assert counts[2] < 4 * MOST * counts[1]


def test_places_of_failures_are_found_once_for_a_file(project: Project, counted: Count) -> None:
    """However many objects of one file a registry refuses."""
    counts: list[int] = []
    for number in (5, FEW, 4 * FEW):
        written(project, "good", number)
        loaded: Any = open_workspace(None).load()

        def located(loaded: Any = loaded) -> None:
            workspace = open_workspace(None)
            for item in loaded.desired.resources:
                assert workspace.locate(item.resource.source, "/description").startswith("manifests/all.yaml:")

        counts.append(counted(located))
    assert counts[2] < 4 * MOST * counts[1]


def test_what_looks_back_is_found_out(project: Project, counted: Count) -> None:
    """The count sees a whole text looked through for each of its documents, by whatever means."""
    counts: list[list[int]] = []
    for number in (FEW, 4 * FEW):
        written(project, "good", number)
        path = project.root / "manifests/all.yaml"

        def quadratic(look: Callable[[str], object], path: Path = path, number: int = number) -> None:
            text = read_text(path, "all.yaml")
            assert isinstance(text, str)
            for _ in range(number):
                look(text)

        looks: tuple[Callable[[str], object], ...] = (
            lambda text: "${" in text,
            lambda text: text.splitlines(),
            lambda text: text[1:],
            lambda text: position(text, len(text)),
        )
        counts.append([counted(lambda look=look: quadratic(look)) for look in looks])  # type: ignore[misc]
    assert all(many > 4 * MOST * few for few, many in zip(*counts, strict=True))
