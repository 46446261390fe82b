"""What Flux's source-controller does for one GitRepository, whose build would double that of Flux: an archive over HTTP, and a status."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from kubernetes.api_server import ApiServer


class Source:
    """The files of a repository, in `folder`, and the GitRepository object that they are published for."""

    def __init__(self, server: ApiServer, folder: Path, archives: Path, url: str, name: str, namespace: str) -> None:
        self.folder = folder
        self._server = server
        self._archives = archives
        self._url = url
        self._name = name
        self._namespace = namespace
        self._count = 0

    def publish(self) -> str:
        """Publish the folder as it is. The answer is its revision."""
        self._count += 1
        archive = self._archives / f"{self._count}.tar.gz"
        with tarfile.open(archive, "w:gz") as into:
            into.add(self.folder, arcname=".")
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        now = "2026-11-29T00:00:00Z"
        artifact = {
            "path": archive.name,
            "url": f"{self._url}/{archive.name}",
            "revision": f"main@sha1:{digest[:40]}",
            "digest": f"sha256:{digest}",
            "lastUpdateTime": now,
            "size": archive.stat().st_size,
        }
        ready = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": now}
        status = {"artifact": artifact, "observedGeneration": 1, "conditions": [ready]}
        patch = json.dumps({"status": status})
        self._server.kubectl(
            "patch",
            "gitrepository",
            self._name,
            "-n",
            self._namespace,
            "--subresource=status",
            "--type=merge",
            "-p",
            patch,
        )
        return artifact["revision"]


@contextmanager
def published(server: ApiServer, folder: Path, name: str, namespace: str) -> Iterator[Source]:
    """A source with nothing in it yet, in folders below `folder`."""
    files, archives = folder / "files", folder / "archives"
    files.mkdir(parents=True)
    archives.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(archives))) as http:
        thread = Thread(target=http.serve_forever, daemon=True)
        thread.start()
        try:
            yield Source(server, files, archives, f"http://127.0.0.1:{http.server_port}", name, namespace)
        finally:
            http.shutdown()
            thread.join()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name that it has there
        """Say nothing."""
