"""`did you mean`: one mechanism for every name that a user may misspell, and never a command that destroys."""

from __future__ import annotations

import pytest
from cli.project import Project

CONFIG = """\
owner: us
registries:
  local: {driver: local, path: registry.db, default: true}
environments: {production: {}}
"""
CASES = [
    (("get", "suport-chat"), "support-chat"),
    (("get", "SUPPORT-CHAT"), "support-chat"),
    (("get", "local/Model/suport-chat"), "local/Model/support-chat"),
    (("get", "locl/Model/support-chat"), "local/Model/support-chat"),
    (("export", "suport-chat"), "support-chat"),
    (("delete", "local/Model/suport-chat", "--yes"), "local/Model/support-chat"),
    (("delete", "suport-chat", "--yes"), "support-chat"),
    (("history", "suport-chat"), "support-chat"),
    (("info", "suport-chat"), "support-chat"),
    (("test", "suport-chat"), "support-chat"),
    (("test", "suport-chat", "--registry", "local"), "support-chat"),
    (("plan", "--rotate", "suport-chat"), "support-chat"),
    (("plan", "--registry", "locl"), "local"),
    (("list", "--registry", "Local"), "local"),
    (("plan", "--env", "prodution"), "production"),
    (("plan", "--select", "team=xc"), "team=cx"),
    (("list", "--select", "taem=cx"), "team=cx"),
    (("list", "--kind", "Modle"), "Model"),
    (("explain", "drfited"), "drifted"),
]


@pytest.mark.parametrize(("words", "meant"), CASES, ids=[" ".join(words) for words, _ in CASES])
def test_a_misspelt_name_is_answered_with_the_one_that_was_meant(
    project: Project, words: tuple[str, ...], meant: str
) -> None:
    """Keys, addresses, registries, environments, labels, kinds and words: wherever one is typed; nothing is changed."""
    project.write("reconciler.yaml", CONFIG)
    project.manifest("support-chat", labels={"team": "cx"})
    project.ok("apply", "--yes")
    before = project.ok("list", "--format", "json").out
    answer = project.run(*words)
    assert answer.code in (1, 64)
    assert f"did you mean '{meant}'?" in answer.err
    line = next(line for line in answer.err.splitlines() if "did you mean" in line)
    assert not {"delete", "--yes", "--force", "--prune", "--allow-deletes"} & set(line.replace("`", " ").split())
    assert project.ok("list", "--format", "json").out == before


@pytest.mark.parametrize("command", ["get", "delete", "export", "history", "info", "test"])
def test_a_name_like_none_is_told_where_names_are_listed(project: Project, command: str) -> None:
    """No far-fetched guess: the way to look it up."""
    project.manifest("support-chat")
    project.ok("apply", "--yes")
    answer = project.run(command, "zzzz")
    assert answer.code == 1
    assert "did you mean" not in answer.err
    assert "hint: " in answer.err


COMMANDS = ["get", "delete", "export", "history", "info", "test"]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["local/Model/zzzz", "local/Modle/zzzz"])
def test_an_address_is_not_like_another_that_only_begins_so(project: Project, command: str, name: str) -> None:
    """Registry and kind are of every address: what is compared is the key."""
    project.manifest("chat")
    project.ok("apply", "--yes")
    answer = project.run(command, name)
    assert answer.code in (1, 64)
    assert "did you mean" not in answer.err, answer.err


@pytest.mark.parametrize("name", ["chatter", "local/Model/chatter", "locl/Model/chat"])
def test_what_deletes_suggests_near_misses_alone(project: Project, name: str) -> None:
    """What is only somewhat alike, or in another registry, is no target to offer; who looks may be helped so."""
    project.manifest("chat-2")
    project.manifest("chat")
    project.ok("apply", "--yes")
    assert "did you mean" in project.run("get", name).err
    assert "did you mean" not in project.run("delete", name).err
