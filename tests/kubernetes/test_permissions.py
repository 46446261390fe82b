"""The roles of the controller: with its own token it does its whole job, and there is no verb that it does not use.

What it asks the API server is read in the API server's own audit log.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml
from kubernetes.api_server import ApiServer, secret, wait_until
from kubernetes.loop import Team
from lightkube.config.kubeconfig import KubeConfig

from reconciler.controller.backups import KEPT
from reconciler.controller.backups import REGISTRY as BACKUP_OF
from reconciler.controller.cluster import ObjectKey
from reconciler.controller.copies import BACKUP
from reconciler.controller.crds import GROUP, MODEL, REGISTRY, native_types
from reconciler.controller.events import AGAIN, EventRecorder
from reconciler.controller.install import manifests
from reconciler.controller.install.terms import Terms
from reconciler.controller.leases import PREFIX
from reconciler.controller.lightkube_cluster import open_cluster
from reconciler.controller.settings import NAME
from reconciler.controller.writer import Writer
from reconciler.registry import catalog

DRIVERS: Final = [*catalog.built_in().values()]
NATIVE: Final = frozenset(native_types(DRIVERS).values())
POLICY: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}],
}


class Use(NamedTuple):
    """A verb on a resource, as a Role grants it."""

    group: str
    resource: str
    verb: str


class Audit:
    """The audit log of an API server."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _lines(self, account: str) -> Iterator[dict[str, Any]]:
        for line in self._path.read_text("utf-8").splitlines():
            event = json.loads(line)
            if event["user"]["username"] == account and "objectRef" in event:
                yield event

    def used(self, account: str) -> set[Use]:
        """What an account did with objects. Native types are one: what is done with one is done with all."""
        return {self._use(event) for event in self._lines(account)}

    def refused(self, account: str) -> set[Use]:
        """What an account may not do, and tried."""
        return {self._use(event) for event in self._lines(account) if event["responseStatus"]["code"] == 403}

    def followed(self, account: str) -> set[tuple[str, str]]:
        """The groups and resources that an account watches."""
        return {_where(event["objectRef"]) for event in self._lines(account) if event["verb"] == "watch"}

    def _use(self, event: dict[str, Any]) -> Use:
        return _one_kind(Use(*_where(event["objectRef"]), event["verb"]))


def _where(reference: dict[str, Any]) -> tuple[str, str]:
    part = f"/{reference['subresource']}" if "subresource" in reference else ""
    return reference.get("apiGroup", ""), f"{reference['resource']}{part}"


def _one_kind(use: Use) -> Use:
    """The use, of a Model where it is one of a native object."""
    if use.group.endswith(f".{GROUP}"):
        return Use(GROUP, MODEL.plural + ("/status" if use.resource.endswith("/status") else ""), use.verb)
    return use


def granted(terms: Terms) -> set[Use]:
    """What the roles of an installation grant."""
    roles = [one for one in manifests.controller(terms, DRIVERS) if one["kind"] in ("Role", "ClusterRole")]
    return {
        _one_kind(Use(group, resource, verb))
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApiServer, Audit]]:
    """An API server that writes down what service accounts ask of it, with our definitions."""
    folder = tmp_path_factory.mktemp("audited")
    (folder / "policy.yaml").write_text(yaml.safe_dump(POLICY), "utf-8")
    flags = (f"--audit-policy-file={folder / 'policy.yaml'}", f"--audit-log-path={folder / 'audit.log'}")
    with ApiServer.private(folder, flags=flags) as server:
        server.install(manifests.crds(DRIVERS))
        yield server, Audit(folder / "audit.log")


@contextmanager
def installed(server: ApiServer, namespace: str, folder: Path, *, everywhere: bool) -> Iterator[Team]:
    """The controller in a namespace of its own, with the rights that its manifests give it, and its ServiceAccount's token."""
    server.kubectl("create", "namespace", namespace)
    server.apply(*manifests.controller(Terms(namespace, everywhere=everywhere), DRIVERS))
    team = Team(server, namespace, folder, kubeconfig=server.account(namespace, NAME))
    try:
        yield team
    finally:
        team.controller.kill()


def an_old_backup(team: Team, number: int) -> dict[str, Any]:
    metadata = {
        "name": f"model-reconciler-backup-store-2026010100000000000{number}",
        "namespace": team.namespace,
        "labels": {BACKUP: "true"},
        "annotations": {BACKUP_OF: "store"},
    }
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}


def leases(team: Team) -> list[str]:
    found = team.server.get("leases", "--namespace", team.namespace)["items"]
    return [one["metadata"]["name"] for one in found if one["metadata"]["name"].startswith(PREFIX)]


def whole_job(team: Team) -> None:
    """A model with a credential and a text is made, changed and deleted, with a backup; another replica comes and goes."""
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "texts", "namespace": team.namespace}}
    team.apply(secret(team.namespace, "llm", key="made-up-key"), config | {"data": {"name": "From a text"}})
    team.apply(*(an_old_backup(team, number) for number in range(KEPT)))
    team.registry(prune=True)
    endpoint = {"url": "https://llm.example.com/v1", "model": "m", "api_key": "${secret:llm/key}"}
    team.apply(team.object("Model", "one", endpoint=endpoint, display_name="${configMap:texts/name}"))
    team.controller.start()
    team.until_synced()
    assert team.judge.names() == {"one": "From a text"}
    (lease,) = leases(team)
    team.kubectl("annotate", "lease", lease, "somebody=else")  # the next renewal is a conflict
    team.edit("models", "one", display_name="Changed")
    team.until(lambda: team.judge.names() == {"one": "Changed"}, "the change is written")
    team.kubectl("delete", "models.models.reconciler.dev", "one", "--wait=false")
    team.until(lambda: not team.list() and not team.judge.names(), "the model is deleted, and so is what it declared")


def another_comes_and_goes(team: Team, folder: Path) -> None:
    """A second replica ends in order: the first deletes the lease that it released."""
    folder.mkdir()
    second = Team(team.server, team.namespace, folder, kubeconfig=team.server.account(team.namespace, NAME))
    second.controller.start()
    try:
        team.until(lambda: len(leases(team)) == 2, "the second replica has a lease")
    finally:
        second.controller.stop()
    team.until(lambda: len(leases(team)) == 1, "the lease of the second replica is deleted")


async def rare_things(team: Team) -> None:
    """What takes long, or a coincidence: an event that is counted again, and objects that somebody else writes in between."""
    config = KubeConfig.from_file(team.server.account(team.namespace, NAME))
    now, written = 0.0, asyncio.Queue[str]()
    async with open_cluster(config) as cluster:
        team.apply(team.model("stale"))
        model = await cluster.get(MODEL, ObjectKey(team.namespace, "stale"))
        registry = await cluster.get(REGISTRY, ObjectKey(team.namespace, "store"))
        recorder = EventRecorder(cluster, "by-hand", lambda: now, written.put_nowait)
        recording = asyncio.create_task(recorder.run())
        for outcome in ("written", "merged"):  # the second is counted into the first
            recorder.event(model, "Normal", "Created", "by hand")
            assert await written.get() == outcome
            now += AGAIN + 1
        recording.cancel()
        for resource, item in (("models", model), ("registries", registry)):
            team.patch(resource, item["metadata"]["name"], {"metadata": {"annotations": {"somebody": "else"}}})
        writer = Writer(cluster, lambda: datetime.now(UTC), lambda *_: None)
        await writer.finalizer(MODEL, model, "store", held=True)
        await writer.finalizer(MODEL, await cluster.get(MODEL, ObjectKey(team.namespace, "stale")), "store", held=False)
        await writer.registry(registry, lambda _: {"status": {"observedGeneration": 0}})


@pytest.mark.timeout(1800)  # a whole job of two replicas, on a machine that may be busy
@pytest.mark.parametrize("everywhere", [False, True], ids=["one-namespace", "all-namespaces"])
async def test_the_roles_grant_what_the_job_takes_and_nothing_else(
    audited: tuple[ApiServer, Audit], tmp_path: Path, everywhere: bool
) -> None:
    """With its ServiceAccount's token the controller does its whole job: nothing is refused, and every verb granted is used."""
    server, audit = audited
    namespace = "everywhere" if everywhere else "team"
    account = f"system:serviceaccount:{namespace}:{NAME}"
    with installed(server, namespace, tmp_path, everywhere=everywhere) as team:
        whole_job(team)
        another_comes_and_goes(team, tmp_path / "second")
        await rare_things(team)
    assert audit.refused(account) == set()
    assert audit.used(account) == granted(Terms(everywhere=everywhere))
    assert audit.followed(account) >= {(one.group, one.plural) for one in NATIVE}


def test_outside_of_its_namespace_it_may_do_nothing(audited: tuple[ApiServer, Audit], tmp_path: Path) -> None:
    """For one namespace, the token opens nothing in another, nothing of the cluster's, and no more of Secrets than reading."""
    server, _ = audited
    with installed(server, "alone", tmp_path, everywhere=False):
        account = server.account("alone", NAME)
        wait_until(lambda: may(server, account, "list", "secrets", "alone"), "the roles are in force")
        for verb, resource in sorted({(use.verb, _full(use)) for use in granted(Terms())}):
            assert not may(server, account, verb, resource, "default"), (verb, resource)
        for verb in ("create", "update", "patch", "delete", "deletecollection"):
            assert not may(server, account, verb, "secrets", "alone")
        for verb in ("create", "bind", "escalate"):
            assert not may(server, account, verb, "roles", "alone")


def _full(use: Use) -> str:
    name, _, part = use.resource.partition("/")
    return f"{name}.{use.group}" + (f"/{part}" if part else "") if use.group else use.resource


def may(server: ApiServer, account: Path, verb: str, resource: str, namespace: str) -> bool:
    """What `kubectl auth can-i` answers."""
    asking = ("auth", "can-i", verb, resource, "--namespace", namespace)
    return server.try_kubectl(*asking, kubeconfig=account).stdout.strip() == "yes"
