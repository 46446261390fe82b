"""Kubernetes, side by side with home-operations/litellm-operator: twelve cases on one API server and one LiteLLM proxy, both real.

    export KUBECONFIG=…                         a cluster of which you need nothing (tests/kubernetes has a server)
    export PYTHONPATH=tests                     LiteLLM and its PostgreSQL start as the tests start them (`make tools`)
    python benchmarks/kubernetes_peers.py       our side alone
    python benchmarks/kubernetes_peers.py --operator BINARY --definitions CRDS --definitions GATEWAY
                                                both sides, case by case, in the same minutes
    python benchmarks/kubernetes_peers.py --case create --case edit

BINARY is the operator, built from its sources (`go build ./cmd`), CRDS its `config/crd/bases`, GATEWAY the Gateway API's definitions
(`config/crd/standard` of sigs.k8s.io/gateway-api), without which it does not start. It runs with `applyMode: api`. Nothing of it is ours.
The judge is the proxy's own list of its database, asked by none of the two; writes are counted by a recorder between side and proxy.
Figures are single runs: the load is printed beside each. About twelve minutes for both.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from measuring import CACHE, busy, say
from peers_cases import CASES, Bench, cleaned
from peers_cluster import connected
from peers_sides import Ours, Side, Theirs
from registry.litellm.server import LiteLLMServer
from registry.litellm.wire import wire
from registry.nemo_proxy import proxied

RESTART = "restart with 102 models"


@contextmanager
def benches(sides: list[Side], folder: Path) -> Iterator[list[Bench]]:
    """Every side before the same proxy and cluster."""
    with ExitStack() as stack:
        cluster = stack.enter_context(connected())
        proxy = stack.enter_context(LiteLLMServer.private(folder / "litellm"))
        judge = stack.enter_context(wire(proxy.url, proxy.token))
        made = []
        for side in sides:
            side.install()
            recorder = stack.enter_context(proxied(proxy.url))
            made.append(Bench(cluster, side, proxy, judge, recorder, folder / f"{side.name}.log"))
        yield made


def measured(bench: Bench, case: str) -> dict[str, str]:
    """One case on one side, by the rows of the table that it fills."""
    say(f"{case}: {bench.side.name}; {busy()}")
    bench.start()
    try:
        with cleaned(bench):
            bench.recorder.passed.clear()
            found = CASES[case](bench)
    finally:
        bench.stop()
    rows = {case: found} if isinstance(found, str) else {case: found[0], RESTART: found[1]}
    for row, text in rows.items():
        say(f"    {row}: {text}")
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--operator", type=Path, help="litellm-operator's program")
    parser.add_argument("--definitions", action="append", default=[], help="a folder or file of its definitions")
    parser.add_argument("--only", choices=["ours", "theirs"], help="one side alone")
    parser.add_argument("--case", action="append", choices=list(CASES), help="one case; all if absent")
    chosen = parser.parse_args()
    sides: list[Side] = [] if chosen.only == "theirs" else [Ours()]
    if chosen.operator and chosen.only != "ours":
        sides.insert(0, Theirs(chosen.operator, tuple(chosen.definitions)))
    folder = CACHE / "peers"
    folder.mkdir(parents=True, exist_ok=True)
    table: dict[str, dict[str, str]] = {}
    with benches(sides, folder) as all_of_them:
        for case in chosen.case or CASES:
            for bench in all_of_them:
                for row, text in measured(bench, case).items():
                    table.setdefault(row, {})[bench.side.name] = text
    print("| case | " + " | ".join(side.name for side in sides) + " |\n|---" * 1 + "|---" * len(sides) + "|")
    for row, texts in table.items():
        print(f"| {row} | " + " | ".join(texts.get(side.name, "") for side in sides) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
