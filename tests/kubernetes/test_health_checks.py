"""Flux and Argo CD call an object healthy only once what it asks for is in the registry, and read back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.api_server import ApiServer
from kubernetes.judges import argo_health, argo_script, flux_health

from reconciler.controller.crds import MODEL, REGISTRY, definitions
from reconciler.controller.health_checks import GROUPS, MEANINGS, argo_customizations, flux_checks
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


@pytest.mark.parametrize(
    ("item", "flux", "argo"),
    [
        pytest.param(an_object({}, observed=-1), "inProgress", "Progressing", id="new"),
        pytest.param(an_object({"Synced": "True"}, generation=2), "inProgress", "Progressing", id="changed since"),
        pytest.param(an_object({"Ready": "True", "Synced": "True"}), "current", "Healthy", id="synced"),
        pytest.param(
            an_object({"Ready": "True", "Synced": "False", "Reconciling": "True"}),
            "inProgress",
            "Progressing",
            id="late secret",
        ),
        pytest.param(
            an_object({"Ready": "True", "Synced": "False", "Blocked": "True", "Stalled": "True"}),
            "failed",
            "Degraded",
            id="blocked",
        ),
        pytest.param(an_object({"Synced": "True"}, suspended=True), "current", "Suspended", id="suspended"),
        pytest.param(an_object({"Synced": "True"}, deleting=True), "inProgress", "Progressing", id="being deleted"),
    ],
)
def test_each_state_has_its_health(item: dict[str, Any], flux: str, argo: str) -> None:
    """What each tool shows."""
    assert (flux_health(CHECKS, item), argo_health(SCRIPT, item)[0]) == (flux, argo)


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
    drivers = [catalog.load_driver(name) for name in catalog.names()]
    groups = {one.manifest["spec"]["group"] for one in definitions(drivers)}
    start, end = GROUPS.split("/")[0][0], GROUPS.split("/")[0][1:]
    assert (start, [group for group in groups if not group.endswith(end)]) == ("*", [])


def test_what_the_api_server_fills_in_is_no_drift_for_argo_cd() -> None:
    """It compares the fields that Git names; but an item of a list that a default was written into is another item."""
    drivers = [catalog.load_driver(name) for name in catalog.names()]
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
    drivers = [catalog.load_driver(name) for name in catalog.names()]
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
    item = api_server.get(MODEL.name, "a", "--namespace", namespace)
    assert item["status"] == {"observedGeneration": -1}
    assert flux_health(CHECKS, item) == "inProgress"
    assert argo_health(SCRIPT, item) == ("Progressing", "generation 1 is not reconciled yet")
