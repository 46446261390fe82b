"""References between documents, as the command line tells of them."""

from __future__ import annotations

from cli.project import Project
from registry.memory import server


def test_a_reference_to_what_is_to_be_absent_says_who_says_so(project: Project) -> None:
    """The registry has it: what is wrong is that a manifest wants it gone, and where that stands is told."""
    project.write(
        "reconciler.yaml", "owner: us\nregistries: {mem: {driver: memory, url: 'memory://absent-1', default: true}}\n"
    )
    server("memory://absent-1").put("Adapter", "a", {"code": "x = 1"})
    project.write("manifests/m.yaml", "kind: memory/Model\nkey: m\nadapter: a\n")
    project.write("manifests/a.yaml", "# gone soon\n---\nkind: memory/Adapter\nkey: a\nstate: absent\n")
    answer = project.run("plan", "--format", "json")
    (problem,) = answer.json("error")["problems"]
    message = "mem/Model/m /adapter refers to mem/Adapter/a, which manifests/a.yaml:3 says is to be absent"
    assert (answer.code, problem["message"], problem["file"]) == (1, message, "manifests/m.yaml")
    project.remove("a")
    assert project.plan() == {"mem/Model/m": "create new"}
    project.write("manifests/m.yaml", "kind: memory/Model\nkey: m\nadapter: b\n")
    problem = project.run("plan", "--format", "json").json("error")["problems"][0]
    assert problem["message"].endswith("mem/Adapter/b, which neither the manifests nor the registry have")
