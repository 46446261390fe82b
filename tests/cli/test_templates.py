"""Templates in use: plans, saved plans, prune, environments, and what stays as it is."""

from __future__ import annotations

import json
from typing import Any, Final

from cli.project import Project

from reconciler.core.document.dump import dump_yaml

GATEWAY: Final[dict[str, Any]] = {
    "endpoint": {
        "url": "https://gateway.example.com/v1",
        "api_key": "${env:GATEWAY_KEY}",
        "headers": {"X-Team": "cx"},
        "timeout": 30,
    },
    "limits": {"requests_per_minute": 60},
    "labels": {"team": "cx"},
}
MODELS: Final = tuple(f"model-{number:02}" for number in range(12))


def twelve(project: Project, **changes: Any) -> None:
    """Twelve models behind one gateway."""
    project.write("manifests/gateway.yaml", dump_yaml({"kind": "Template", "key": "gateway", **GATEWAY, **changes}))
    short = [{"kind": "Model", "key": key, "extends": "gateway", "endpoint": {"model": key}} for key in MODELS]
    project.write("manifests/models.yaml", "---\n".join(map(dump_yaml, short)))


def written_out(project: Project) -> None:
    whole = [
        {"kind": "Model", "key": key, **GATEWAY, "endpoint": {**GATEWAY["endpoint"], "model": key}} for key in MODELS
    ]
    project.write("manifests/gateway.yaml", "---\n".join(map(dump_yaml, whole)))
    (project.root / "manifests/models.yaml").unlink()


def planned(project: Project, *words: str) -> dict[str, Any]:
    plan = project.run("plan", "--format", "json", *words).json("plan")
    for change in plan["changes"]:
        change.pop("source")
    return plan


def test_twelve_models_behind_one_gateway_are_twelve_short_documents(project: Project) -> None:
    """The plan is that of the documents written out, to the fingerprint; and they may be written out at any time."""
    twelve(project)
    plan = planned(project)
    assert plan["summary"]["create"] == 12
    assert [change["address"] for change in planned(project, "--select", "team=cx")["changes"]] == [
        f"local/Model/{key}" for key in MODELS
    ]
    project.apply()
    written_out(project)
    assert planned(project)["changes"] == []
    twelve(project)
    assert planned(project)["changes"] == []


def test_the_fingerprint_of_a_plan_is_that_of_what_is_merged(project: Project) -> None:
    """How a Model is written makes no difference; what a template says does."""
    twelve(project)
    extending = planned(project)["fingerprint"]
    twelve(project, limits={"requests_per_minute": 90})
    assert planned(project)["fingerprint"] != extending
    twelve(project)
    written_out(project)
    assert planned(project)["fingerprint"] == extending


def test_a_change_of_a_template_is_planned_for_each_model(project: Project) -> None:
    """Given the template's file alone, too; the source of a change is the Model's document."""
    twelve(project)
    project.apply()
    twelve(project, limits={"requests_per_minute": 90})
    answer = project.run("plan", "manifests/gateway.yaml", "--format", "json").json("plan")
    assert answer["summary"]["update"] == 12
    assert {change["source"]["file"] for change in answer["changes"]} == {"manifests/models.yaml"}
    assert answer["changes"][0]["fields"] == [
        {"path": "/limits/requests_per_minute", "before": 60, "after": 90, "sensitive": False}
    ]


def test_a_saved_plan_holds_what_was_inherited(project: Project) -> None:
    """Later changes of the template are no part of it."""
    twelve(project)
    project.ok("plan", "--save", "plan.json")
    twelve(project, limits={"requests_per_minute": 90})
    project.ok("apply", "--plan", "plan.json", "--yes")
    spec = project.ok("get", "model-00", "--format", "json").json("get")["spec"]
    assert spec["limits"] == {"requests_per_minute": 60}


def test_what_is_stored_knows_nothing_of_templates(project: Project) -> None:
    """`list` has the Models, `get` and `export` what they became; the export is a manifest that changes nothing."""
    twelve(project)
    project.apply()
    rows = project.ok("list", "--format", "json").json("list")["resources"]
    assert [row["key"] for row in rows] == list(MODELS)
    exported = json.loads(project.ok("export", "model-00", "--format", "json").out)
    assert "extends" not in str(exported)
    assert "Template" not in str(exported)


def test_a_folder_of_templates_alone_holds_documents(project: Project) -> None:
    """It speaks, so that prune is not refused; a project of templates alone declares nothing, and prunes nothing."""
    twelve(project)
    project.write("more/t.yaml", "kind: Template\nkey: t\n")
    config = (project.root / "reconciler.yaml").read_text()
    project.write("reconciler.yaml", config + "manifests: [manifests, more]\nguards: {max_delete_percent: 100}\n")
    project.apply()
    models = project.root / "manifests/models.yaml"
    models.write_text("---\n".join(models.read_text().split("---\n")[1:]))
    project.apply("--prune")
    assert project.keys() == list(MODELS[1:])
    models.unlink()
    assert "no-documents" in project.run("plan", "--prune").both
    assert project.ok("validate").code == 0


def test_a_hook_that_names_one_file_finds_its_template(project: Project) -> None:
    """pre-commit validates the files of a commit: neither an unknown template nor an unused one."""
    twelve(project)
    project.write("manifests/one.yaml", "kind: Model\nkey: one\nextends: gateway\nendpoint: {model: one}\n")
    for path in ("one", "models", "gateway"):
        assert ": valid" in project.ok("validate", "--strict", f"manifests/{path}.yaml").out.partition("\n")[0]


def test_a_secret_that_has_no_value_is_told_in_the_template(project: Project) -> None:
    """Where the reference is written, which is where it is mended."""
    twelve(project)
    config = (project.root / "reconciler.yaml").read_text()
    project.write("reconciler.yaml", config + "secrets: {allow: {OTHER: ['*']}}\n")
    answer = project.run("validate")
    assert answer.code == 1
    assert answer.both.count("secret-destination") == 1
    assert "manifests/gateway.yaml:5:12: error[secret-destination]" in answer.both
