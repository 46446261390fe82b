"""The tests' NeMo server, which others ask for workspaces. Run by nemo.py, with tests/ on the path and a folder for its data.

The first line that it prints is its URL, the second one that of a proxy to it. Each line that it reads is an order: `workspace` prints the
name of a new one, `bodies FILE` writes down what was posted through the proxy. It ends with its input.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from registry.nemo.server import NemoServer, create_workspace
from registry.nemo_proxy import proxied


def main(data: Path) -> None:
    with NemoServer.private(data) as server, proxied(server.url) as proxy:
        print(server.url, proxy.url, sep="\n", flush=True)
        while order := sys.stdin.readline().split():
            if order[0] == "workspace":
                print(create_workspace(server.url), flush=True)
            elif order[0] == "bodies":
                Path(order[1]).write_text(json.dumps([one.body for one in proxy.written()]))
                print(flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
