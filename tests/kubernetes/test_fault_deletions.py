"""What is deleted in the cluster, by accident or on purpose: nothing goes upstream that was not meant, and nothing wedges."""

from __future__ import annotations

from typing import Any

import yaml
from kubernetes.conftest import install_definitions
from kubernetes.loop import GROUP, Team, conditions

NAMES = [f"model-{number:03}" for number in range(100)]
MODELS = f"models.{GROUP}"
REGISTRIES = f"registries.{GROUP}"
ALLOW = f"{GROUP}/allow-deletes"


def synced(team: Team, models: list[dict[str, Any]]) -> None:
    """A Registry that prunes, a controller that runs, and these Models in the registry."""
    team.registry(prune=True)
    team.apply(*models)
    team.controller.start()
    team.until_synced()


def test_delete_of_a_hundred_models_is_stopped_by_the_guard(team: Team) -> None:
    """`kubectl delete -f` of all: the registry keeps them, status and events say why, and one annotation lifts it once."""
    models = team.models(NAMES)
    synced(team, models)
    team.kubectl("delete", "--wait=false", "-f", "-", text=yaml.safe_dump_all(models))
    team.until(lambda: bool((team.get("registries", "store").get("status") or {}).get("guards")), "the guard trips")
    assert team.judge.counts() == {"create": len(NAMES)}
    assert conditions(team.get("registries", "store"))["Synced"]["status"] == "False"
    team.kubectl("annotate", REGISTRIES, "store", f"{ALLOW}=99")
    team.until(lambda: "99" in _said(team), "too small a number is answered")
    assert team.judge.counts() == {"create": len(NAMES)}
    team.kubectl("annotate", "--overwrite", REGISTRIES, "store", f"{ALLOW}=100")
    team.until(lambda: not team.list(), "all models are gone from the cluster")
    assert team.judge.specs() == {}
    assert team.judge.counts() == {"create": len(NAMES), "delete": len(NAMES)}


def test_deletions_are_allowed_once(team: Team) -> None:
    """The annotation that lifted a guard does not lift the next one."""
    first, second = team.models(NAMES[:10]), team.models(NAMES[10:20])
    synced(team, [*first, *second])
    team.kubectl("annotate", REGISTRIES, "store", f"{ALLOW}=10")
    team.kubectl("delete", "--wait=false", "-f", "-", text=yaml.safe_dump_all(first))
    team.until(lambda: len(team.list()) == 10, "the first ten are gone")
    team.until_synced()
    team.kubectl("delete", "--wait=false", "-f", "-", text=yaml.safe_dump_all(second))
    team.until(lambda: bool((team.get("registries", "store").get("status") or {}).get("guards")), "the guard trips")
    assert team.judge.counts() == {"create": 20, "delete": 10}


def test_without_prune_a_deleted_model_is_left(team: Team) -> None:
    """It goes from the cluster at once, and stays where it is served."""
    team.registry()
    team.apply(*team.models(NAMES[:3]))
    team.controller.start()
    team.until_synced()
    team.kubectl("delete", MODELS, *NAMES[:3])
    team.apply(team.model("next"))
    team.until_synced("next")
    assert set(team.judge.specs()) == {*NAMES[:3], "next"}


def test_a_registry_is_deleted_before_its_models(team: Team) -> None:
    """Its models are left upstream, say that there is no such registry, and can be deleted."""
    synced(team, team.models(NAMES[:3]))
    team.kubectl("delete", REGISTRIES, "store", "--timeout=120s")
    team.until(
        lambda: all(conditions(item)["Synced"]["status"] != "True" for item in team.list().values()),
        "no model claims to be synced",
    )
    team.kubectl("delete", MODELS, "--all", "--timeout=120s")
    assert set(team.judge.specs()) == set(NAMES[:3])
    assert team.judge.counts() == {"create": 3}


def test_a_registry_comes_back_and_finds_its_models(team: Team) -> None:
    """What it left is its own again: nothing is created twice, and pruning goes on."""
    synced(team, team.models(NAMES[:3]))
    team.kubectl("delete", REGISTRIES, "store", "--timeout=120s")
    team.registry(prune=True)
    team.until_synced()
    team.kubectl("delete", MODELS, NAMES[0], "--timeout=120s")
    assert team.judge.counts() == {"create": 3, "delete": 1}


def test_a_namespace_that_is_deleted_goes(team: Team) -> None:
    """It does not wait for us, and what it had upstream is left: nobody asked for that to go."""
    synced(team, team.models(NAMES[:10]))
    team.server.kubectl("delete", "namespace", team.namespace, "--timeout=150s")
    team.controller.check()
    assert set(team.judge.specs()) == set(NAMES[:10])
    assert team.judge.counts() == {"create": 10}


def test_a_definition_that_is_deleted_takes_nothing_along(team: Team) -> None:
    """The definition of Model goes with all Models: it does not wedge, upstream all is left, and all is found again afterwards."""
    models = team.models(NAMES[:10])
    synced(team, models)
    try:
        team.server.kubectl("delete", "crd", MODELS, "--timeout=150s")
        team.edit("registries", "store", interval="2h")
        team.until(lambda: _orphans(team) == 10, "the registry is reconciled while there is no definition")
        assert set(team.judge.specs()) == set(NAMES[:10])
    finally:
        install_definitions(team.server)
    team.apply(*models)
    team.until_synced()
    assert team.judge.counts() == {"create": 10}


def test_the_definition_of_registry_is_deleted(team: Team) -> None:
    """With it go the Registry objects: Models do not wedge, upstream all is left."""
    synced(team, team.models(NAMES[:3]))
    try:
        team.server.kubectl("delete", "crd", REGISTRIES, "--timeout=150s")
        team.kubectl("delete", MODELS, "--all", "--timeout=150s")
    finally:
        install_definitions(team.server)
    assert team.judge.counts() == {"create": 3}


def _said(team: Team) -> str:
    """What the Registry object says of itself."""
    return str(team.get("registries", "store").get("status"))


def _orphans(team: Team) -> int:
    """The number of objects that the Registry object says are its own and declared nowhere."""
    return int(((team.get("registries", "store").get("status") or {}).get("orphans") or {}).get("count", 0))
