"""HTML from the command line: every command that answers in it, its files, and what it says where it fails."""

from __future__ import annotations

SECRET = "sk-a-secret-of-the-environment"
ENDPOINT = {"url": "https://llm.example.com/v1", "model": "m", "api_key": "${env:HTML_KEY}"}


def test_every_command_writes_a_page(project, monkeypatch) -> None:
    """plan, apply, drift and validate write a page to stdout and to a file, and a secret's value is in none of them."""
    monkeypatch.setenv("HTML_KEY", SECRET)
    project.manifest("chat", endpoint=ENDPOINT, labels={"team": "cx"})
    files = {name: project.root / f"{name}.html" for name in ("plan", "apply", "drift", "validate")}
    for name, file in files.items():
        words = ("--yes",) if name == "apply" else ()
        answer = project.run(name, *words, "--format", "html", "--output", f"html={file}")
        assert answer.code == 0, answer.err
        assert answer.out == file.read_text("utf-8")
        assert answer.out.startswith("<!doctype html>")
        assert SECRET not in answer.both
    assert 'id="local/Model/chat"' in files["plan"].read_text("utf-8")
    assert "Timeline" in files["apply"].read_text("utf-8")


def test_a_failure_takes_the_place_of_an_older_page(project) -> None:
    """A command that fails says so in the file, with each problem, so that no report of an older run is read as this one's."""
    file = project.root / "plan.html"
    file.write_text("older", "utf-8")
    project.manifest("chat", dispaly_name="x")
    assert project.run("plan", "--output", f"html={file}").code == 1
    page = file.read_text("utf-8")
    assert "<h1>Plan: failed</h1>" in page
    assert "unknown-field" in page
