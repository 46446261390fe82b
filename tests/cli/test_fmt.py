"""`reconciler fmt`: what it writes, names, shows and leaves alone."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli.project import Answer, Project

from reconciler.core.document import load
from reconciler.manifest.formatting import FormattedFile
from reconciler.project import formatting

MESSY = """\
# yaml-language-server: $schema=../schemas/manifest.schema.json
key: 'chat'   # the key
kind: Model
registries:
    local: {ignore: [/description], key: chat-v2}
provider: {model: gpt-5-nano, name: openai}
# what it may cost
limits:
      max_concurrency: 4
      requests_per_minute: 60
"""
TIDY = """\
# yaml-language-server: $schema=../schemas/manifest.schema.json
kind: Model
key: chat   # the key
provider: {name: openai, model: gpt-5-nano}
# what it may cost
limits:
  requests_per_minute: 60
  max_concurrency: 4
registries:
  local: {key: chat-v2, ignore: [/description]}
"""


def messy(project: Project, name: str = "chat.yaml", text: str = MESSY) -> Path:
    return project.write(f"manifests/{name}", text)


@pytest.fixture
def filtered(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """`fmt -` over a text."""

    def run(text: str, *flags: str) -> Answer:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return project.run("fmt", "-", *flags)

    return run


def test_files_are_formatted_once(project: Project) -> None:
    """The file is written and named, keeps its mode, and is left alone from then on; so is its neighbour."""
    path, tidy = messy(project), messy(project, "tidy.yaml", TIDY.replace("chat", "tidy"))
    path.chmod(0o640)
    before = tidy.stat()
    answer = project.run("fmt")
    assert (answer.code, answer.out) == (0, "manifests/chat.yaml\n")
    assert path.read_text() == TIDY
    assert path.stat().st_mode & 0o777 == 0o640
    assert (tidy.stat().st_ino, tidy.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    again = project.run("fmt")
    assert (again.code, again.out) == (0, "")
    assert sorted(os.listdir(path.parent)) == ["chat.yaml", "tidy.yaml"]


def test_check_names_and_writes_nothing(project: Project) -> None:
    """--check exits with 1 and names the file; with 0 where all is well."""
    path = messy(project)
    answer = project.run("fmt", "--check")
    assert (answer.code, answer.out) == (1, "manifests/chat.yaml\n")
    assert path.read_text() == MESSY
    path.write_text(TIDY)
    assert project.run("fmt", "--check").code == 0


def test_diff_shows_and_writes_nothing(project: Project) -> None:
    """--diff is a unified diff; what looks like a secret's value is hidden in it."""
    path = messy(project, text=MESSY + "metadata: {api_key: 'sk-proj-0123456789abcdefghij'}\n")
    answer = project.run("fmt", "--diff")
    assert answer.code == 1
    assert answer.out.startswith("--- a/manifests/chat.yaml\n+++ b/manifests/chat.yaml\n@@")
    assert "\n-key: 'chat'   # the key\n" in answer.out
    assert "\n+key: chat   # the key\n" in answer.out
    assert "sk-proj" not in answer.both
    assert "sk-proj" in path.read_text()


@pytest.mark.parametrize("flags", [(), ("--check",), ("--diff",)])
def test_filter(filtered: Callable[..., Answer], flags: tuple[str, ...]) -> None:
    """`-` reads stdin and writes stdout, byte for byte; with a flag it only answers."""
    answer = filtered(MESSY, *flags)
    assert answer.code == (1 if flags else 0)
    assert (answer.out == TIDY) is not bool(flags)
    assert filtered(TIDY, *flags).code == 0


def test_filter_of_json_gives_json(filtered: Callable[..., Answer]) -> None:
    """What comes in as JSON goes out as JSON; what cannot be parsed gives no output at all."""
    assert filtered('{"key": "a", "kind": "Model"}').out == '{\n  "kind": "Model",\n  "key": "a"\n}\n'
    broken = filtered("kind: Model\n key: a\n")
    assert (broken.code, broken.out) == (1, "")
    assert "<stdin>:2:5" in broken.err


def test_crlf_and_the_byte_order_mark_stay(project: Project) -> None:
    """A file keeps the line ends of its first line, and its mark: only the form is ours."""
    path = messy(project, text="\ufeff" + MESSY.replace("\n", "\r\n"))
    assert project.run("fmt").code == 0
    assert path.read_bytes() == ("\ufeff" + TIDY.replace("\n", "\r\n")).encode()
    assert project.run("fmt", "--check").code == 0


BAD = {
    "broken.yaml": ("kind: Model\nkey: [a\n", "broken.yaml:"),
    "twice.yaml": ("kind: Model\nkey: a\nkey: b\n", "twice.yaml:3:1: error[duplicate-key]"),
    "pod.yaml": ("apiVersion: v1\nkind: Pod\n", "error[foreign-file]: this looks like a Kubernetes object"),
    "list.yaml": ("- a\n", "list.yaml:1:1: error[wrong-type]"),
    "nameless.yaml": ("key:   a\n", "nameless.yaml:1:1: error[missing-field]"),
    "bad.json": ('{"kind": "Model",}', "bad.json:1:17"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_formatted_stays_and_others_go_on(project: Project, name: str) -> None:
    """A broken or foreign file is an error with its place, and is not touched; its neighbours are formatted."""
    text, said = BAD[name]
    path, good = messy(project, name, text), messy(project)
    answer = project.run("fmt")
    assert answer.code == 1
    assert said in answer.err
    assert path.read_text() == text
    assert good.read_text() == TIDY


OBJECT = "apiVersion: models.reconciler.dev/v1alpha1\nkind: Model\nmetadata: {name: a}\nspec: {key: a}\n"
OTHERS = {
    "map.yaml": "apiVersion: v1\nkind:   ConfigMap\nmetadata: {name: a}\n",
    "secret.json": '{"apiVersion": "v1", "kind":   "Secret"}',
    "kustomization.yaml": "resources:   [model.yaml]\nnamePrefix: a-\n",
    "two.yaml": "apiVersion: v1\nkind:   ConfigMap\n---\napiVersion: v1\nkind: Secret\n",
    "mixed.yaml": "apiVersion: v1\nkind:   ConfigMap\n---\nkind:   Model\nkey: b\n",
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("alone", [False, True])
def test_other_objects_beside_ours_are_left_alone(project: Project, name: str, alone: bool) -> None:
    """What is a warning for `validate` is no error here, also where it is the one file that is named."""
    messy(project, "model.yaml", OBJECT)
    other, good = messy(project, name, OTHERS[name]), messy(project)
    answer = project.run("fmt", *([str(other)] if alone else []))
    assert (answer.code, answer.err.count("error")) == (0, 0), answer.err
    assert other.read_text() == OTHERS[name]
    assert good.read_text() == (MESSY if alone else TIDY)


@pytest.mark.parametrize("name", OTHERS)
def test_other_objects_without_ours_are_foreign(project: Project, name: str) -> None:
    """Where no object declares a model, they are a mistake, as for `validate`."""
    other = messy(project, name, OTHERS[name])
    answer = project.run("fmt")
    assert (answer.code, other.read_text()) == (1, OTHERS[name])
    assert "foreign-file" in answer.err


def test_a_stranger_beside_our_objects_stays_an_error(project: Project) -> None:
    """Only Kubernetes' own files belong beside our objects."""
    messy(project, "model.yaml", OBJECT)
    messy(project, "nameless.yaml", "apiVersion: v1\nkind: Pod\n---\nkey:   a\n")
    answer = project.run("fmt")
    assert answer.code == 1
    assert "missing-field" in answer.err or "foreign-file" in answer.err


def test_no_error_tells_a_value(project: Project) -> None:
    """A syntax error beside a secret quotes its line without the secret."""
    messy(project, text='kind: Model\nkey: a\nmetadata: {api_key: "sk-proj-0123456789abcdefghij" x}\n')
    answer = project.run("fmt")
    assert answer.code == 1
    assert "sk-proj" not in answer.both


def test_links_stay_links(project: Project) -> None:
    """A link to a manifest of the same folder stays one: the file behind it is formatted, once."""
    path = messy(project, "real/chat.yaml")
    link = path.parent.parent / "link.yaml"
    link.symlink_to("real/chat.yaml")
    answer = project.run("fmt")
    assert (answer.code, len(answer.out.splitlines())) == (0, 1)
    assert link.is_symlink()
    assert path.read_text() == TIDY


def test_what_init_and_export_write_is_formatted(project: Project) -> None:
    """Our own commands write the canonical form."""
    messy(project, text=TIDY.replace("chat-v2", "chat"))
    project.run("apply", "--yes")
    assert project.run("export", "--all", "-o", "out").code == 0
    assert project.run("fmt", "--check", "out").code == 0
    assert project.run("init", "new").code == 0
    assert project.run("fmt", "--check", "new/manifests").code == 0


def test_a_form_that_would_say_something_else_is_not_written(project: Project) -> None:
    """Where the canonical form does not read back as the same, the file stays, and the exit code says that it is our fault."""
    path = messy(project, text="%TAG !y! tag:yaml.org,2002:\n---\nkind:   Model\nkey: !y!str a\n")
    before = path.read_bytes()
    answer = project.run("fmt")
    assert answer.code == 3
    assert "error[cannot-format]" in answer.err
    assert path.read_bytes() == before
    assert not load(path.read_text(), "m.yaml").problems


def test_a_file_that_changes_meanwhile_is_left_alone(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor that saves between reading and writing wins."""
    path = messy(project)
    original = formatting.format_bytes

    def saved_meanwhile(*args: Any) -> FormattedFile:
        result = original(*args)
        path.write_text(MESSY + "# saved\n")
        return result

    monkeypatch.setattr(formatting, "format_bytes", saved_meanwhile)
    answer = project.run("fmt")
    assert answer.code == 1
    assert "changed while it was formatted" in answer.err
    assert path.read_text() == MESSY + "# saved\n"


def test_a_file_that_cannot_be_written_is_not_counted_as_formatted(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The summary says what is true of the disk."""
    path = messy(project)

    def refused(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(formatting, "rewrite_file", refused)
    answer = project.run("fmt")
    assert (answer.code, answer.out, path.read_text()) == (1, "", MESSY)
    assert "error[unwritable]" in answer.err
    assert answer.err.endswith("\n1 file left as it is\n")


def test_a_path_that_leads_nowhere_is_no_file(project: Project) -> None:
    """It is an error, and not left as it is; a file beside it is counted."""
    messy(project)
    answer = project.run("fmt", "nope")
    assert (answer.code, "no-such-path" in answer.err, "left as it is" in answer.err) == (1, True, False), answer.err
    assert "|" not in answer.err, "there is no line to quote"
    assert "1 file formatted, 0 files left as they are" in project.run("fmt", "nope", "manifests").err


@pytest.mark.parametrize("name", ["", "broken"])
def test_a_file_that_is_there_is_counted_though_it_is_wrong(project: Project, name: str) -> None:
    """Left as it is means: on the disk, and not touched."""
    messy(project, text="kind: Model\nkey: [a\n" if name else TIDY)
    assert project.run("fmt").err.endswith("1 file left as it is\n")
