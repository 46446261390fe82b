"""A real Kubernetes API server on loopback: etcd, kube-apiserver and kube-controller-manager, as tests/kubernetes/tools.sh builds them.

No kubelet and no scheduler: pods never run. Ready in some ten seconds. It ends with the process that uses it, `kill -9` included.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import pytest
import yaml
from kept import HERE, Kept, passed
from registry.server_process import free_port, listens, use

PROGRAM: Final = HERE.parent / ".cache" / "kubetest" / "kubetest"
WAITS: Final = 180.0  # seconds for a condition; a busy machine is slow, and that is no failure
CONTROLLERS: Final = (
    "namespace-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
)


def wait_until(holds: Callable[[], bool], what: str, limit: float = WAITS) -> None:
    """Waits for a condition, and fails with what was waited for."""
    deadline = time.monotonic() + limit
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {limit:.0f} s: {what}")
        time.sleep(0.05)


class ApiServer:
    """One cluster, with its data in `folder`: the API server of it may be killed and started again. `flags` are for kube-apiserver."""

    def __init__(self, folder: Path, *, flags: Iterable[str] = ()) -> None:
        if not PROGRAM.is_file():
            pytest.fail(f"missing: {PROGRAM.relative_to(HERE.parent)}; `make kubetest` builds it")
        self.folder = folder
        self.port, self._etcd_port, self._peer_port = free_port(), free_port(), free_port()
        self._flags = tuple(flags)
        users = folder / "users"
        self._etcd = Kept("etcd", folder / "etcd.log", users)
        self._api = Kept("the API server", folder / "apiserver.log", users)
        self._manager = Kept("the controller manager", folder / "manager.log", users)

    @classmethod
    @contextmanager
    def private(cls, folder: Path, *, flags: Iterable[str] = ()) -> Iterator[Self]:
        """A started cluster of one's own."""
        folder.mkdir(parents=True, exist_ok=True)
        with use(folder / "users"):
            server = cls(folder, flags=flags)
            try:
                server.start()
                yield server
            finally:
                server.kill()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        """That of its administrator."""
        return self.folder / "kubeconfig"

    @property
    def _pki(self) -> Path:
        return self.folder / "pki"

    def start(self) -> None:
        """Starts what does not run, and waits until it answers."""
        command = [str(PROGRAM), "pki", str(self.folder), str(self.port)]
        subprocess.run(command, check=True, capture_output=True, env=self._environment())
        if not self._etcd.runs:
            ports = (str(self._etcd_port), str(self._peer_port))
            self._run(self._etcd, ["etcd", str(self.folder), *ports], self._etcd_answers)
        if not self._api.runs:
            self._run(self._api, ["kube-apiserver", *self._api_flags(), *self._flags], self._api_answers)
        if not self._manager.runs:
            self._run(self._manager, ["kube-controller-manager", *self._manager_flags()], self._account_is_there)

    def kill_api_server(self) -> None:
        """Kills the API server alone, in the middle of whatever it does: `start` brings it back with all that was stored."""
        self._kill(self._api, self.port)

    def kill(self) -> None:
        """Ends all of it: nobody misses what it would write."""
        self._manager.kill()
        self._kill(self._api, self.port)
        self._kill(self._etcd, self._etcd_port)

    def forget_history(self) -> None:
        """Compacts etcd at its present revision and restarts the API server: whoever watches from before gets 410 Gone."""
        status = self._ask_etcd("maintenance/status", {})
        self._ask_etcd("kv/compaction", {"revision": status["header"]["revision"], "physical": True})
        self.kill_api_server()
        self.start()

    def kubectl(self, *arguments: str, text: str = "", kubeconfig: Path | None = None) -> str:
        """What kubectl prints. `text` is its input. Fails, with all that it said, unless it succeeds."""
        done = self.try_kubectl(*arguments, text=text, kubeconfig=kubeconfig)
        assert done.returncode == 0, f"kubectl {arguments} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def try_kubectl(
        self, *arguments: str, text: str = "", kubeconfig: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """What kubectl did, be it that it failed."""
        return subprocess.run(
            [str(PROGRAM), "kubectl", *arguments],
            input=text,
            env=self._environment() | {"KUBECONFIG": str(kubeconfig or self.kubeconfig)},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=WAITS + 60,
            check=False,
        )

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Applies objects with `kubectl apply --server-side`: as JSON, since kubectl's YAML takes the member `n` for false."""
        self.kubectl(
            "apply", "--server-side", "--force-conflicts", "-f", "-", text="\n---\n".join(map(json.dumps, objects))
        )

    def ask(self, method: str, path: str, data: Any = None) -> Any:
        """What the API server answers its administrator, without the cost of a kubectl; None where it says 404."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=self.client_context())
        try:
            connection.request(method, path, None if data is None else json.dumps(data), {"Content-Type": kind})
            reply = connection.getresponse()
            if reply.status == http.client.NOT_FOUND:
                return None
            answer = json.load(reply)
        finally:
            connection.close()
        assert reply.status < http.client.BAD_REQUEST, f"{method} {path}: {reply.status} {answer}"
        return answer

    def get(self, *arguments: str) -> Any:
        """What `kubectl get … -o json` prints, as data."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def exists(self, *arguments: str) -> bool:
        """Tell if `kubectl get` finds anything."""
        return bool(self.kubectl("get", *arguments, "--ignore-not-found", "-o", "name").strip())

    def install(self, definitions: Iterable[Mapping[str, Any]]) -> None:
        """Applies CustomResourceDefinitions, and waits until their objects can be listed.

        Established is not enough: for some seconds after it the API server still answers 429 ("storage is (re)initializing"), and
        503 after its own start.
        """
        wanted = list(definitions)
        names = [definition["metadata"]["name"] for definition in wanted]
        self.apply(*wanted)
        established = [f"crd/{name}" for name in names]
        self.kubectl("wait", "--for=condition=Established", f"--timeout={WAITS:.0f}s", *established)
        listing = ("get", ",".join(names), "--all-namespaces", "-o", "name")
        wait_until(lambda: self.try_kubectl(*listing).returncode == 0, f"the API server lists {', '.join(names)}")

    def account(self, namespace: str, name: str) -> Path:
        """The kubeconfig of a ServiceAccount, with a token of its own."""
        token = self.kubectl("create", "token", name, "--namespace", namespace).strip()
        config = yaml.safe_load(self.kubeconfig.read_text("utf-8"))
        config["users"] = [{"name": name, "user": {"token": token}}]
        config["contexts"][0]["context"] |= {"user": name, "namespace": namespace}
        path = self.folder / f"kubeconfig-{namespace}-{name}"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config), "utf-8")
        return path

    def client_context(self) -> ssl.SSLContext:
        """What lets a connection in as the administrator."""
        context = ssl.create_default_context(cafile=str(self._pki / "ca.crt"))
        context.load_cert_chain(self._pki / "admin.crt", self._pki / "admin.key")
        return context

    def _environment(self) -> dict[str, str]:
        return passed() | {"HOME": str(self.folder)}  # kubectl keeps a cache there

    def _run(self, kept: Kept, command: list[str], ready: Callable[[], bool]) -> None:
        kept.start([str(PROGRAM), *command], self._environment(), ready)

    def _kill(self, kept: Kept, port: int) -> None:
        kept.kill()
        wait_until(lambda: not listens(port), f"{kept.name} has let go of its port")

    def _api_flags(self) -> list[str]:
        return [
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--tls-cert-file={self._pki / 'apiserver.crt'}",
            f"--tls-private-key-file={self._pki / 'apiserver.key'}",
            f"--client-ca-file={self._pki / 'ca.crt'}",
            f"--service-account-issuer={self.url}",
            f"--service-account-key-file={self._pki / 'sa.pub'}",
            f"--service-account-signing-key-file={self._pki / 'sa.key'}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",
            "--authorization-mode=RBAC",
            "--anonymous-auth=false",
            "--shutdown-delay-duration=0s",
        ]

    def _manager_flags(self) -> list[str]:
        return [
            f"--kubeconfig={self._pki / 'manager.kubeconfig'}",
            f"--controllers={','.join(CONTROLLERS)}",
            "--leader-elect=false",
            "--secure-port=0",
            f"--root-ca-file={self._pki / 'ca.crt'}",
            f"--service-account-private-key-file={self._pki / 'sa.key'}",
            "--use-service-account-credentials=true",  # its own role may not delete objects: namespaces would never go
        ]

    def _etcd_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._etcd_port}/readyz", timeout=3) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _ask_etcd(self, path: str, question: Mapping[str, Any]) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._etcd_port}/v3/{path}", data=json.dumps(question).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def _api_answers(self, path: str = "/readyz") -> bool:
        # anonymous requests are refused: being ready is seen with the administrator's certificate only
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=3, context=self.client_context())
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _account_is_there(self) -> bool:
        return self._api_answers("/api/v1/namespaces/default/serviceaccounts/default")


def secret(namespace: str, name: str, **values: str) -> dict[str, Any]:
    """A Secret, as an object."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": data}
