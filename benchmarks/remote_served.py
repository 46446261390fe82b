"""The tests' server of a driver, which others ask for workspaces. Run by remote.py, with tests/ on the path: remote_served.py DRIVER FOLDER

The first line that it prints is its URL, the second one that of a proxy to it. Each line that it reads is an order: `workspace` prints the
name of a new one, `requests FILE WORKSPACE` writes down what was sent through the proxy, with `{workspace}` in the place of that one. It ends
with its input.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from registry.mlflow import server as mlflow
from registry.nemo import server as nemo
from registry.nemo_proxy import proxied

STARTS = {
    "mlflow": (mlflow.MlflowServer, {"workspaces": True}, mlflow.create_workspace),
    "nemo": (nemo.NemoServer, {}, nemo.create_workspace),
}


def main(driver: str, data: Path) -> None:
    make, options, new_workspace = STARTS[driver]
    with make.private(data, **options) as server, proxied(server.url) as proxy:
        print(server.url, proxy.url, sep="\n", flush=True)
        while order := sys.stdin.readline().split():
            if order[0] == "workspace":
                print(new_workspace(server.url), flush=True)
            elif order[0] == "requests":
                _, file, name = order
                sent = [(one.method, one.path.replace(name, "{workspace}"), one.body) for one in proxy.written()]
                Path(file).write_text(json.dumps(sent))
                print(flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
