"""Others who write meanwhile: to the specs, to the status, to the registry itself, and to the definitions of our own kinds."""

from __future__ import annotations

import copy
from typing import Any

from kubernetes.conftest import install_definitions
from kubernetes.loop import GROUP, Team, conditions

NAMES = [f"model-{number:02}" for number in range(10)]
MODELS = f"models.{GROUP}"
FOREIGN = {"type": "Audited", "status": "True", "reason": "Seen", "lastTransitionTime": "2026-01-01T00:00:00Z"}


def test_specs_and_labels_that_others_edit_meanwhile(team: Team) -> None:
    """The last edit is what is stored, and what others noted in the objects stays."""
    team.registry()
    team.controller.start()
    team.apply(*team.models(NAMES, display_name="0"))
    for number in range(1, 6):
        for name in NAMES[:3]:
            team.patch(
                "models", name, {"metadata": {"labels": {"seen": str(number)}}, "spec": {"display_name": str(number)}}
            )
    team.until_synced()
    assert team.judge.names() == dict.fromkeys(NAMES[:3], "5") | dict.fromkeys(NAMES[3:], "0")
    assert {item["metadata"]["labels"]["seen"] for name, item in team.list().items() if name in NAMES[:3]} == {"5"}


def test_a_status_that_another_overwrites(team: Team) -> None:
    """It is set right again, without a write to the registry."""
    team.registry(interval="5s")
    team.controller.start()
    team.apply(*team.models(NAMES[:3]))
    team.until_synced()
    lie = {"status": {"conditions": [{**FOREIGN, "type": "Synced", "status": "False", "reason": "Broken"}]}}
    team.patch("models", NAMES[0], lie, "--subresource=status")
    team.until_synced()
    assert team.judge.counts() == {"create": 3}


def test_a_registry_that_another_changes(team: Team) -> None:
    """Drift is found by the next resync, and healed with one write."""
    team.registry(interval="5s")
    team.controller.start()
    team.apply(*team.models(NAMES[:3], display_name="ours"))
    team.until_synced()
    team.judge.change(NAMES[0], display_name="theirs")
    team.until(lambda: team.judge.names()[NAMES[0]] == "ours", "the drift is healed")
    team.until_synced()
    assert team.judge.counts() == {"create": 3, "update": 1}


def test_a_definition_with_a_field_that_we_do_not_know(team: Team) -> None:
    """A newer definition whose new field has a default: the controller before it says so, and deletes and writes nothing."""
    team.registry(prune=True)
    team.controller.start()
    team.apply(*team.models(NAMES, display_name="one"))
    team.until_synced()
    definition = team.server.ask("GET", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{MODELS}")
    try:
        team.server.install([_with_a_new_field(definition)])
        team.apply(*team.models(NAMES[:1], display_name="two"))
        team.until(
            lambda: conditions(team.list()[NAMES[0]])["Synced"].get("observedGeneration") == 2, "the edit is answered"
        )
        team.controller.check()
        assert set(team.judge.specs()) == set(NAMES)
        assert team.judge.counts()["delete"] == 0
    finally:
        install_definitions(team.server)
    team.apply(*team.models(NAMES, display_name="three"))
    team.until_synced()
    assert team.judge.names() == dict.fromkeys(NAMES, "three")
    assert team.judge.counts()["delete"] == 0


def _with_a_new_field(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition of the next version, so to speak."""
    new = copy.deepcopy(definition)
    for name in ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"):
        new["metadata"].pop(name, None)
    new.pop("status", None)
    (version,) = new["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["of_tomorrow"] = {"type": "string", "default": "so it is"}
    return new
