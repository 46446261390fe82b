"""`reconciler export -o`: what it says of the files that it writes."""

from __future__ import annotations

from cli.project import Project


def test_the_files_are_named(project: Project) -> None:
    """Who runs it learns where the manifest is, as with `import` and `models --add`."""
    project.manifest("chat")
    project.apply()
    answer = project.ok("export", "chat", "-o", "out/")
    assert (answer.out, answer.err) == ("out/local/Model/chat.yaml\n", "1 manifest written\n")
    assert (project.root / answer.out.strip()).is_file()
    written = project.ok("export", "--format", "crd", "-o", "objects").out.splitlines()
    assert sorted(written) == [
        path.relative_to(project.root).as_posix() for path in sorted((project.root / "objects").rglob("*.yaml"))
    ]


def test_a_second_declaration_is_warned_of(project: Project) -> None:
    """A file among the manifests declares the address twice, and every plan fails from then on: so it is said at once."""
    project.manifest("chat")
    project.apply()
    warning = "manifests/local/Model/chat.yaml: local/Model/chat is declared already, in manifests/chat.yaml:1"
    assert warning in project.ok("export", "chat", "-o", "manifests").err
    assert project.run("plan").code == 1
    (project.root / "manifests/local/Model/chat.yaml").unlink()
    assert "warning" not in project.ok("export", "chat", "-o", "manifests/chat.yaml", "--force").err
    project.remove("chat")
    assert "warning" not in project.ok("export", "chat", "-o", "manifests").err
