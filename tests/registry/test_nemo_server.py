"""The real NeMo server of the tests: that it is the one we say, lasts as long as it is used, and no longer."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx2
import pytest
from loopback import serving
from programs import HANGS, ROOT
from registry.nemo.fixtures import nemo_judge as nemo_judge
from registry.nemo.fixtures import nemo_server as nemo_server
from registry.nemo.fixtures import workspace as workspace
from registry.nemo.judge import KINDS, Judge, SdkError
from registry.nemo.people import grant, token
from registry.nemo.server import NemoServer, create_fileset, create_workspace, declare_ready
from registry.nemo.wire import wire
from registry.server_process import Running, runs, use

USER = """
import sys
from pathlib import Path
from registry.nemo.server import NemoServer

way, folder = sys.argv[1:]
with (NemoServer.shared if way == "shared" else NemoServer.private)(Path(folder)) as server:
    print(server.pid, server.url, flush=True)
    sys.stdin.read()
"""


class User:
    """A process that uses a server until it is let go, or killed."""

    def __init__(self, way: str, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, way, str(folder)],
            env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def server(self) -> tuple[int, str]:
        assert self.process.stdout is not None
        pid, url = self.process.stdout.readline().split()
        return int(pid), url

    def let_go(self) -> None:
        self.process.communicate(timeout=120)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def until(condition: Callable[[], Any], seconds: float) -> Any:
    """What `condition` says once it is true."""
    deadline = time.monotonic() + seconds
    while not (said := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
    return said


def test_it_is_the_version_that_we_speak_of(nemo_server: Running) -> None:
    """NeMo Platform 0.3.0, with every service that the driver speaks to."""
    assert httpx2.get(f"{nemo_server.url}/cluster-info").json()["platform_version"] == "0.3.0"
    services = httpx2.get(f"{nemo_server.url}/status").json()["services"]
    assert services["not_ready"] == []
    assert set(services["ready"]) == {"entities", "models", "secrets", "files", "inference-gateway"}


def test_a_killed_server_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    """`kill -9` in the middle of creates loses nothing that was answered with 201; the server comes back at its URL."""
    with NemoServer.private(tmp_path / "nemo") as server:
        first, url, workspace = server.pid, server.url, create_workspace(server.url)
        with wire(url, workspace) as nemo, ThreadPoolExecutor(4) as pool:
            acknowledged: list[str] = []

            def create(number: int) -> None:
                for i in range(1000):
                    try:
                        created = nemo.post("models", f"m-{number}-{i}")
                    except httpx2.TransportError:
                        return
                    if created.status_code == 201:
                        acknowledged.append(f"m-{number}-{i}")

            creating = [pool.submit(create, number) for number in range(4)]
            until(lambda: len(acknowledged) > 20, HANGS)
            server.kill()
            for one in creating:
                one.result()
        assert not runs(first)
        assert not NemoServer.answers(url)
        server.start()
        assert (server.url, server.pid != first) == (url, True)
        with wire(url, workspace) as nemo:
            stored = {one["name"] for one in nemo.get("models", page_size=1000).json()["data"]}
        assert set(acknowledged) <= stored
        assert len(stored) <= len(acknowledged) + 4


def test_a_private_server_ends_with_a_killed_test_run(tmp_path: Path) -> None:
    """Nobody is left to stop it, and it stops."""
    user = User("private", tmp_path / "nemo")
    pid, url = user.server()
    assert NemoServer.answers(url)
    user.kill()
    until(lambda: not runs(pid), HANGS)


def test_a_shared_server_ends_with_its_last_user(tmp_path: Path) -> None:
    """All users get the same server, also when the one that started it is killed, until the last of them ends."""
    users = [User("shared", tmp_path / "nemo") for _ in range(2)]
    (pid, url), same = (user.server() for user in users)
    assert same == (pid, url)
    users[0].kill()
    with NemoServer.shared(tmp_path / "nemo") as running:
        assert (running.pid, running.url) == (pid, url)
        users[1].let_go()
        assert NemoServer.answers(url)
    until(lambda: not runs(pid), HANGS)
    with NemoServer.shared(tmp_path / "nemo") as running:
        assert running.pid != pid
        assert NemoServer.answers(running.url)
    until(lambda: not runs(running.pid), HANGS)  # who leaves does not wait for its end for ever


def test_it_says_why_it_does_not_start(tmp_path: Path) -> None:
    """The end of its log is in the error, and nothing runs."""
    server = NemoServer(tmp_path, tmp_path / "users")
    with use(tmp_path / "users"), socket.socket() as taken:
        taken.bind(("127.0.0.1", server.port))  # and nobody listens: who asks is refused at once, and not kept waiting
        with pytest.raises(RuntimeError, match=rf"(?s)does not start:\n.*{server.port}.*in use"):
            server.start()
    assert server.process is None


def test_the_judge_reads_and_writes_every_kind(nemo_judge: Judge, workspace: str) -> None:
    """NVIDIA's own client creates, changes, reads, lists and deletes all kinds, and the store counts the writes."""
    create_fileset(nemo_judge.url, workspace, "files")
    fields: dict[str, dict[str, Any]] = {
        "Project": {},
        "Secret": {"value": "v"},
        "Provider": {"host_url": "http://x", "api_key_secret_name": "it"},
        "Model": {"custom_fields": {"a": None}, "project": "it"},
        "Adapter": {"model": "it", "fileset": "files", "finetuning_type": "lora"},
        "Prompt": {},
    }
    replaced = {"Provider": fields["Provider"], "Prompt": {}}
    assert fields.keys() == KINDS.keys()
    for kind, own in fields.items():
        nemo_judge.create(kind, workspace, "it", **own)
        nemo_judge.update(kind, workspace, "it", description="d", **replaced.get(kind, {}))
        assert nemo_judge.list(kind, workspace)["it"].keys() <= nemo_judge.get(kind, workspace, "it").keys()
        assert nemo_judge.get(kind, workspace, "it")["description"] == "d"
        assert nemo_judge.db_version(kind, workspace, "it") == 2
    assert nemo_judge.written(workspace).keys() == {f"{kind}/it" for kind in KINDS}
    assert nemo_judge.secret(workspace, "it") == "v"
    for kind in reversed(fields):
        nemo_judge.delete(kind, workspace, "it")
        assert nemo_judge.get(kind, workspace, "it") is nemo_judge.db_version(kind, workspace, "it") is None


def test_the_judge_tells_refusals_and_mistakes_apart(nemo_judge: Judge, workspace: str) -> None:
    """What the server refused has its status and body, what did not arrive has no status, and a wrong call is our own mistake."""
    nemo_judge.create("Model", workspace, "m1")
    with pytest.raises(SdkError) as refused:
        nemo_judge.create("Model", workspace, "m1")
    assert (refused.value.status, "already exists" in refused.value.body["detail"]) == (409, True)
    with pytest.raises(SdkError) as lost:
        nemo_judge.at("http://127.0.0.1:9").get("Model", workspace, "m1")
    assert lost.value.status is None
    with pytest.raises(RuntimeError, match="unexpected keyword argument 'typo'"):
        nemo_judge.create("Model", workspace, "m2", typo=1)


class Upstream(BaseHTTPRequestHandler):
    """A model's endpoint, as the gateway and the models controller see it: it says hello, and with which key."""

    def do_GET(self) -> None:
        self.answer({"object": "list", "data": [{"id": "acme/Chat-1.5", "object": "model"}]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer({"choices": [{"message": {"role": "assistant", "content": self.headers["Authorization"]}}]})

    def answer(self, what: Any) -> None:
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def upstream() -> Any:
    with serving(Upstream) as port:
        yield f"http://127.0.0.1:{port}/v1"


def test_the_gateway_asks_the_providers_endpoint(
    nemo_server: Running, nemo_judge: Judge, workspace: str, upstream: str
) -> None:
    """A ready provider is reached through the gateway, with the key from the secret that it names."""
    nemo_judge.create("Secret", workspace, "key", value="hush")
    nemo_judge.create("Provider", workspace, "acme", host_url=upstream, api_key_secret_name="key")
    declare_ready(nemo_server.url, workspace, "acme")
    gateway = f"{nemo_server.url}/apis/inference-gateway/v2/workspaces/{workspace}/provider/acme"
    until(lambda: httpx2.get(f"{gateway}/ready").status_code == 200, HANGS)
    said = httpx2.post(f"{gateway}/-/v1/chat/completions", json={"model": "acme/Chat-1.5", "messages": []})
    assert said.json()["choices"][0]["message"]["content"] == "Bearer hush"


def test_the_models_controller_writes_into_models(tmp_path: Path, upstream: str) -> None:
    """Where it runs, it declares providers ready, adds the models that they serve, and links those that were declared before."""
    with NemoServer.private(tmp_path / "nemo", controllers=["models"]) as server:
        workspace = create_workspace(server.url)
        with wire(server.url, workspace) as nemo:
            nemo.post("models", "acme-chat-1-5", description="ours")
            nemo.put("providers", "acme", host_url=upstream)
            until(lambda: nemo.stored("models", "acme-chat-1-5")["model_providers"], HANGS)
            model, provider = nemo.stored("models", "acme-chat-1-5"), nemo.stored("providers", "acme")
    assert (model["description"], model["model_providers"]) == ("ours", [f"{workspace}/acme"])
    assert (model["backend_format"], model["api_endpoint"]["url"]) == ("OPENAI_CHAT", upstream)
    assert provider["status"] == "READY"
    assert [one["served_model_name"] for one in provider["served_models"]] == ["acme/Chat-1.5"]


def test_a_server_that_asks_who_one_is(tmp_path: Path) -> None:
    """Without a token 401; a viewer may not write, an editor may, but not trust remote code; what is not there is forbidden too."""
    with NemoServer.private(tmp_path / "nemo", auth=True) as server:
        workspace = create_workspace(server.url)
        grant(server.url, workspace, "editor@example.com", "Editor")
        grant(server.url, workspace, "viewer@example.com", "Viewer")
        with wire(server.url, workspace) as nobody:
            assert nobody.get("models").status_code == 401
        with wire(server.url, workspace, {"Authorization": f"Bearer {token('editor@example.com')}"}) as editor:
            assert editor.post("models", "m1").status_code == 201
            refused = editor.patch("models", "m1", trust_remote_code=True)
            assert editor.at("nowhere").get("models").status_code == 403
        assert (refused.status_code, "trust_remote_code" in refused.json()["detail"]) == (403, True)
        with wire(server.url, workspace, {"Authorization": f"Bearer {token('viewer@example.com')}"}) as viewer:
            assert viewer.names("models") == ["m1"]
            assert viewer.patch("models", "m1", description="d").status_code == 403
