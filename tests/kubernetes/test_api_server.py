"""The API server that the other tests here use is a real one, and does to us what a cluster does."""

from __future__ import annotations

import subprocess

import pytest
from kubernetes.api_server import ApiServer, secret, wait_until

from reconciler.controller.cluster import SECRETS, ClusterError, ObjectKey
from reconciler.controller.lightkube_cluster import LightkubeCluster


def test_it_is_the_version_that_its_sources_name(bare_api_server: ApiServer) -> None:
    """No stand-in, and the client that we look with is of the same version."""
    version = bare_api_server.kubectl("version")
    assert "Server Version: v1.37.2" in version
    assert "Client Version: v1.37.2" in version


async def test_what_was_stored_outlives_a_killed_api_server(
    bare_api_server: ApiServer, cluster: LightkubeCluster, namespace: str
) -> None:
    """While it is away it answers nothing; then it is there again with all that it had."""
    bare_api_server.apply(secret(namespace, "kept", password="made-up"))
    bare_api_server.kill_api_server()
    with pytest.raises(ClusterError) as away:
        await cluster.get(SECRETS, ObjectKey(namespace, "kept"))
    assert away.value.status == 0
    bare_api_server.start()
    assert (await cluster.get(SECRETS, ObjectKey(namespace, "kept")))["data"].keys() == {"password"}


async def test_a_history_that_was_forgotten_is_gone(
    bare_api_server: ApiServer, cluster: LightkubeCluster, namespace: str
) -> None:
    """410 for a watch from before: the fault that makes a controller list again."""
    before = (await cluster.list(SECRETS, namespace)).version
    for name in ("one", "two"):
        bare_api_server.apply(secret(namespace, name, password="made-up"))
    bare_api_server.forget_history()
    with pytest.raises(ClusterError) as expired:
        async for _ in cluster.watch(SECRETS, namespace, before):
            pass
    assert expired.value.expired


def test_a_namespace_goes_with_what_is_in_it(bare_api_server: ApiServer, namespace: str) -> None:
    """Its controllers run: what a deletion sets off comes to its end."""
    bare_api_server.apply(secret(namespace, "one", password="made-up"))
    bare_api_server.kubectl("delete", "namespace", namespace, "--wait=false")
    wait_until(lambda: not bare_api_server.exists("namespace", namespace), "the namespace is gone")


def test_an_account_may_do_what_it_was_granted(bare_api_server: ApiServer, namespace: str) -> None:
    """Role-based access is on: a token without a role reads nothing."""
    bare_api_server.kubectl("create", "serviceaccount", "reader", "--namespace", namespace)
    account = bare_api_server.account(namespace, "reader")
    asking = ("get", "secrets", "--namespace", namespace)
    refused = bare_api_server.try_kubectl(*asking, kubeconfig=account)
    assert "Forbidden" in refused.stderr
    role = ("--namespace", namespace, "--verb=list", "--resource=secrets")
    bare_api_server.kubectl("create", "role", "reader", *role)
    subject = f"--serviceaccount={namespace}:reader"
    bare_api_server.kubectl("create", "rolebinding", "reader", "--namespace", namespace, "--role=reader", subject)
    wait_until(lambda: _reads(bare_api_server, asking, account), "the role is in force")


def _reads(server: ApiServer, asking: tuple[str, ...], account: object) -> bool:
    done: subprocess.CompletedProcess[str] = server.try_kubectl(*asking, kubeconfig=account)
    return done.returncode == 0
