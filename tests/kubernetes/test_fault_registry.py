"""What a registry does to the controller: it is away, it refuses in storms, it loses replies. A real NeMo server, behind a proxy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from kubernetes.api_server import secret
from kubernetes.loop import Team, conditions
from registry.nemo_proxy import Passed, Proxy, proxied, writes
from registry.server_process import Running

NEMO: Final = "nemo.models.reconciler.dev"
NAMES: Final = [f"model-{number}" for number in range(5)]


@pytest.fixture
def proxy(nemo_server: Running) -> Iterator[Proxy]:
    """What stands between the controller and the server."""
    with proxied(nemo_server.url) as between:
        yield between


@pytest.fixture
def nemo(team: Team, proxy: Proxy, workspace: str) -> Team:
    """A namespace whose Registry object leads to a workspace of its own."""
    team.apply(team.object("Registry", "store", driver="nemo", url=proxy.url, workspace=workspace, owns=["*"]))
    return team


def models(team: Team, description: str) -> list[dict[str, Any]]:
    """Native Model objects of NeMo."""
    return [team.object("Model", name, f"{NEMO}/v1alpha1", description=description) for name in NAMES]


def synced(team: Team, resource: str = "nemomodels") -> None:
    """Waits until all native objects of a type are."""
    team.until_synced(resource=f"{resource}.{NEMO}")


def test_a_registry_that_was_away(nemo: Team, proxy: Proxy) -> None:
    """While it is down nothing claims to be synced; when it is back every change is written, once."""
    nemo.controller.start()
    nemo.apply(*models(nemo, "one"))
    synced(nemo)
    proxy.answer(503, times=1_000_000, of=lambda request: True)
    nemo.apply(*models(nemo, "two"))
    nemo.until(lambda: _ready(nemo) == "False", "the Registry object says that it cannot be read")
    before = len(proxy.written())
    proxy.faults.clear()
    synced(nemo)
    assert len(_stored(proxy, before)) == len(NAMES)
    nemo.until(lambda: _ready(nemo) == "True", "the Registry object says, after its Models do, that it can be read")


def test_a_storm_of_429(nemo: Team, proxy: Proxy) -> None:
    """Two of three writes are refused: each model is created once in the end."""
    turns = iter(range(1_000_000))
    proxy.answer(429, times=1_000_000, of=lambda request: writes(request) and next(turns) % 3 != 0)
    nemo.controller.start()
    nemo.apply(*models(nemo, "one"))
    synced(nemo)
    assert sorted(request.body["name"] for request in _stored(proxy)) == NAMES


def test_replies_that_are_lost(nemo: Team, proxy: Proxy) -> None:
    """A write whose reply never came was done or not: it is found out, and nothing is written twice."""
    proxy.lose(done=True, times=2)
    proxy.lose(done=False, nth=3)
    nemo.controller.start()
    nemo.apply(*models(nemo, "one"))
    synced(nemo)
    assert sorted(request.body["name"] for request in _stored(proxy)) == NAMES


def test_a_secret_that_comes_late_and_then_changes(nemo: Team, proxy: Proxy) -> None:
    """Until it is there its object waits, and the others do not; a new value is written within seconds, exactly once."""
    nemo.controller.start()
    value = "${secret:login/token}"
    nemo.apply(nemo.object("Secret", "key", f"{NEMO}/v1alpha1", value=value), *models(nemo, "one"))
    synced(nemo)
    nemo.until(lambda: _synced(nemo, "key") == "False", "the object says that its value is missing")
    assert not proxy.written("secrets")
    nemo.apply(secret(nemo.namespace, "login", token="first-made-up-value"))
    synced(nemo, "nemosecrets")
    nemo.apply(secret(nemo.namespace, "login", token="second-made-up-value"))
    nemo.until(lambda: len(proxy.written("secrets")) == 2, "the new value is written")
    synced(nemo, "nemosecrets")
    nemo.apply(*models(nemo, "two"))
    synced(nemo)
    sent = [request.body for request in proxy.written("secrets")]
    assert [body.get("value", body.get("data")) for body in sent] == ["first-made-up-value", "second-made-up-value"]
    assert "made-up-value" not in nemo.controller.said()
    told = nemo.kubectl("get", "events,configmaps,leases", "-o", "yaml") + nemo.kubectl(
        "get", f"nemosecrets.{NEMO}", "-o", "yaml"
    )
    assert "made-up-value" not in told


def test_an_edit_while_the_one_before_is_written(nemo: Team, proxy: Proxy) -> None:
    """Status never lies: no moment at which a model is said to be synced at a generation that is not stored."""
    nemo.controller.start()
    name = NAMES[0]
    nemo.apply(models(nemo, "one")[0])
    nemo.until_synced(name, resource=f"nemomodels.{NEMO}")
    lies: list[str] = []

    def under_way(request: Passed) -> bool:
        """Edits the model while its update is under way, and looks what is said of it just then."""
        if writes(request) and request.kind == "models" and request.body.get("description") == "two":
            nemo.apply(models(nemo, "three")[0])
        return False

    def claims(request: Passed) -> bool:
        """Before the third description was sent, no status may speak for it."""
        if writes(request) and request.kind == "models" and request.body.get("description") == "three":
            item = nemo.get(f"nemomodels.{NEMO}", name)
            if (
                conditions(item)["Synced"].get("observedGeneration") == 3
                and _synced(nemo, name, "nemomodels") == "True"
            ):
                lies.append("synced at generation 3 before that was sent")
        return False

    proxy.answer(500, of=under_way)
    proxy.answer(500, of=claims)
    nemo.apply(models(nemo, "two")[0])
    nemo.until(lambda: nemo.get(f"nemomodels.{NEMO}", name)["metadata"]["generation"] == 3, "it was edited under way")
    nemo.until_synced(name, resource=f"nemomodels.{NEMO}")
    assert lies == []
    assert [request.body.get("description") for request in _stored(proxy)] == ["one", "two", "three"]


def _stored(proxy: Proxy, first: int = 0) -> list[Passed]:
    """The writes to models that the server did, from the `first` one on."""
    return [
        request for request in proxy.written()[first:] if request.kind == "models" and (request.status or 500) < 300
    ]


def _synced(team: Team, name: str, resource: str = "nemosecrets") -> str | None:
    return conditions(team.get(f"{resource}.{NEMO}", name)).get("Synced", {}).get("status")


def _ready(team: Team) -> str | None:
    return conditions(team.get("registries", "store")).get("Ready", {}).get("status")
