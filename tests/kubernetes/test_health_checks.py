"""Flux and Argo CD call an object healthy only once what it asks for is in the registry, and read back."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from controller.loop import a_cluster, a_model, a_registry, key, loop_on
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.api_server import ApiServer
from kubernetes.gitops_tools import argo_health, argo_script, flux_health
from kubernetes.memory_cluster import MemoryCluster

from reconciler.controller.cluster import ResourceType
from reconciler.controller.crds import MODEL, REGISTRY, definitions
from reconciler.controller.health_checks import GROUPS, MEANINGS, argo_customizations, flux_checks
from reconciler.controller.registry_object import ALLOW_DELETES
from reconciler.registry import catalog

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "gitops"
(CHECKS,) = flux_checks([MODEL])
SCRIPT: Final = argo_customizations()[GROUPS]["health.lua"]
SAME: Final = {meaning.argo: meaning.flux for meaning in MEANINGS} | {"Suspended": "inProgress"}

conditions = st.dictionaries(
    st.sampled_from(("Ready", "Synced", "Blocked", "Reconciling", "Stalled")),
    st.sampled_from(("True", "False", "Unknown")),
)


def an_object(
    conditions: dict[str, str],
    *,
    generation: int = 1,
    observed: int = 1,
    deleting: bool = False,
    suspended: bool = False,
) -> dict[str, Any]:
    """A Model as the API server gives it: `status.observedGeneration` is always there."""
    metadata = {"name": "a", "generation": generation} | (
        {"deletionTimestamp": "2026-11-29T00:00:00Z"} if deleting else {}
    )
    listed = [
        {"type": name, "status": status, "reason": "Because", "message": f"{name} is {status}"}
        for name, status in conditions.items()
    ]
    status: dict[str, Any] = {"observedGeneration": observed} | ({"conditions": listed} if listed else {})
    return {
        "apiVersion": MODEL.api_version,
        "kind": MODEL.kind,
        "metadata": metadata,
        "spec": {"suspend": True} if suspended else {},
        "status": status,
    }


def a_registry_that_prunes(**spec: Any) -> dict[str, Any]:
    return a_registry(prune=True, **spec)


REFERRING: Final = {"endpoint": {"url": "https://llm.example.com/v1", "model": "m", "api_key": "${secret:llm/key}"}}
# What stands in the cluster, what happens then, the object that is looked at, and what Flux and Argo CD make of it.
STATES: Final = [
    pytest.param([a_registry(), a_model("a")], (MODEL, "a"), "current", "Healthy", id="synced"),
    pytest.param([a_registry(), a_model("a")], (REGISTRY, "first"), "current", "Healthy", id="registry-synced"),
    pytest.param(
        [a_registry(), a_model("a", **REFERRING)], (MODEL, "a"), "inProgress", "Progressing", id="late-secret"
    ),
    pytest.param([a_model("a")], (MODEL, "a"), "inProgress", "Progressing", id="late-registry"),
    pytest.param([a_registry(), a_model("a", key="A b/c")], (MODEL, "a"), "failed", "Degraded", id="blocked"),
    pytest.param(
        [a_registry(mode="observe"), a_model("a")], (REGISTRY, "first"), "failed", "Degraded", id="observed-difference"
    ),
    pytest.param([a_registry(mode="observe")], (REGISTRY, "first"), "current", "Healthy", id="observed-in-sync"),
    pytest.param([a_registry(path="../away.db")], (REGISTRY, "first"), "failed", "Degraded", id="cannot-be-used"),
    pytest.param([a_registry(suspend=True)], (REGISTRY, "first"), "failed", "Suspended", id="suspended"),
    pytest.param(
        [a_registry() | {"spec": {"driver": "mlflow", "url": "http://127.0.0.1:1"}}],
        (REGISTRY, "first"),
        "inProgress",
        "Progressing",
        id="registry-down",
    ),
]


@pytest.mark.parametrize(("there", "looked_at", "flux", "argo"), STATES)
def test_each_state_of_the_loop_has_its_health(
    there: list[dict[str, Any]], looked_at: tuple[ResourceType, str], flux: str, argo: str, tmp_path: Path
) -> None:
    """The statuses are those that the loop writes."""

    async def run() -> None:
        cluster = MemoryCluster()
        for one in there:
            cluster.put(REGISTRY if "driver" in one["spec"] else MODEL, one)
        async with loop_on(cluster, tmp_path) as loop:
            await loop.until_quiet()
            item = loop.item(*looked_at)
            assert health(looked_at[0], item) == (flux, argo), json.dumps(item["status"], indent=1)

    asyncio.run(run())


def test_a_guard_that_tripped_is_a_failure_until_it_is_lifted(tmp_path: Path) -> None:
    """Flux gives up at once instead of waiting for its time limit, and Argo CD shows it."""

    async def run() -> None:
        cluster = MemoryCluster()
        cluster.put(REGISTRY, a_registry_that_prunes(guards={"max_deletes": 1}))
        for name in "abc":
            cluster.put(MODEL, a_model(name))
        async with loop_on(cluster, tmp_path) as loop:
            await loop.until_quiet()
            for name in "ab":
                await cluster.delete(MODEL, key(name))
            await loop.until_quiet()
            assert health(REGISTRY, loop.item(REGISTRY, "first")) == ("failed", "Degraded")
            assert health(MODEL, loop.item(MODEL, "a")) == ("inProgress", "Progressing")  # being deleted
            lifted = a_registry_that_prunes(guards={"max_deletes": 1}) | {}
            lifted["metadata"]["annotations"] = {ALLOW_DELETES: "2"}
            cluster.put(REGISTRY, lifted)
            await loop.until_quiet()
            assert health(REGISTRY, loop.item(REGISTRY, "first")) == ("current", "Healthy")
            assert set(loop.stored()) == {"c"}

    asyncio.run(run())


def test_a_change_makes_an_object_unhealthy_until_it_is_applied(tmp_path: Path) -> None:
    """What was synced before says nothing of the new generation."""

    async def run() -> None:
        cluster = a_cluster(a_model("a"))
        async with loop_on(cluster, tmp_path) as loop:
            await loop.until_quiet()
            cluster.put(MODEL, a_model("a", display_name="A"))
            assert health(MODEL, loop.item(MODEL, "a")) == ("inProgress", "Progressing")
            await loop.until_quiet()
            assert health(MODEL, loop.item(MODEL, "a")) == ("current", "Healthy")

    asyncio.run(run())


def health(resource: ResourceType, item: dict[str, Any]) -> tuple[str, str]:
    """What Flux and Argo CD make of an object."""
    return flux_health(CHECKS, item), argo_health(SCRIPT, item)[0]


@given(conditions, st.integers(1, 3), st.integers(-1, 3), st.booleans())
def test_both_tools_say_the_same(found: dict[str, str], generation: int, observed: int, deleting: bool) -> None:
    """Whatever the conditions are; and healthy is only what is synced, in its present generation, and here to stay."""
    item = an_object(found, generation=generation, observed=observed, deleting=deleting)
    health = flux_health(CHECKS, item)
    assert SAME[argo_health(SCRIPT, item)[0]] == health
    if health == "current":
        assert found["Synced"] == "True"
        assert observed == generation
        assert not deleting


def test_a_group_of_every_driver_matches_the_wildcard() -> None:
    """Argo CD compares `<group>/<kind>` with it; a kind whose group it leaves out would count as healthy at once."""
    drivers = [*catalog.built_in().values()]
    groups = {one.manifest["spec"]["group"] for one in definitions(drivers)}
    start, end = GROUPS.split("/")[0][0], GROUPS.split("/")[0][1:]
    assert (start, [group for group in groups if not group.endswith(end)]) == ("*", [])


def test_what_the_api_server_fills_in_is_no_drift_for_argo_cd() -> None:
    """It compares the fields that Git names; but an item of a list that a default was written into is another item."""
    drivers = [*catalog.built_in().values()]
    forms = [one.manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for one in definitions(drivers)]
    assert any("default" in form for form in walked(forms))
    assert [
        form for form in walked(forms) if "items" in form and any("default" in one for one in walked(form["items"]))
    ] == []


def walked(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a value, itself included."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walked(item)


def test_the_examples_hold_the_checks_that_the_program_prints() -> None:
    """Whoever copies an example has what `controller manifests` would give."""
    documents = list(yaml.safe_load_all((EXAMPLES / "flux" / "models.yaml").read_text("utf-8")))
    written = [document["spec"].get("healthCheckExprs") for document in documents]
    assert written == [None, flux_checks([REGISTRY]), flux_checks([MODEL])]
    config_map = yaml.safe_load((EXAMPLES / "argocd" / "argocd-cm.yaml").read_text("utf-8"))
    assert config_map == printed("argocd")
    assert argo_script(config_map) == SCRIPT


def test_every_kind_has_a_check_for_flux() -> None:
    """Flux compares no wildcards: one that is left out would be judged by what kstatus makes of it."""
    drivers = [*catalog.built_in().values()]
    kinds = {
        one.manifest["spec"]["group"] + "/" + one.manifest["spec"]["names"]["kind"] for one in definitions(drivers)
    }
    checks = printed("flux")["healthCheckExprs"]
    assert {check["apiVersion"].partition("/")[0] + "/" + check["kind"] for check in checks} == kinds


def printed(tool: str) -> Any:
    """What `controller health-checks` prints, as data."""
    command = [sys.executable, "-m", "reconciler", "controller", "health-checks", tool]
    return yaml.safe_load(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_a_new_object_is_on_its_way_from_the_first_moment(api_server: ApiServer, namespace: str) -> None:
    """Before the controller has seen it: without a status kstatus takes an object for done, and a CEL expression fails."""
    api_server.apply(
        {
            "apiVersion": MODEL.api_version,
            "kind": MODEL.kind,
            "metadata": {"name": "a", "namespace": namespace},
            "spec": {"endpoint": {"url": "https://llm.example.com/v1", "model": "m"}},
        }
    )
    item = api_server.get("model", "a", "--namespace", namespace)  # the word alone: no other type of ours has it
    assert item["status"] == {"observedGeneration": -1}
    assert flux_health(CHECKS, item) == "inProgress"
    assert argo_health(SCRIPT, item) == ("Progressing", "generation 1 is not applied yet")
