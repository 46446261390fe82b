"""`reconciler controller run`."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import Final

import click

from reconciler.cli.options import Command, GlobalOptions
from reconciler.cli.streams import say
from reconciler.controller.settings import CONCURRENCY, LEASE_DURATION, PORT, SHORTEST_LEASE, Settings
from reconciler.core.errors import UsageError

_EXTRA: Final = ("lightkube", "msgspec", "prometheus_client")  # the packages of model-reconciler[kubernetes]


@click.command(
    cls=Command,
    name="run",
    examples={
        "reconciler controller run --namespace team-cx": "the objects of one namespace",
        "reconciler controller run --all-namespaces --shards": "all of them, shared among the replicas",
        "reconciler controller run --log-format json": "as it runs in a pod",
    },
)
@click.option("--namespace", metavar="NS", help="Look at this namespace alone; without, at that of the pod.")
@click.option("--all-namespaces", "everywhere", is_flag=True, help="Look at all namespaces.")
@click.option(
    "--shards",
    "shares",
    is_flag=True,
    help="Share the registries among all replicas. Without it one has all, and the others wait to take over.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=CONCURRENCY,
    metavar="N",
    help=f"Registries that are reconciled at the same time ({CONCURRENCY} if not given).",
)
@click.option(
    "--listen",
    default=f":{PORT}",
    metavar="[HOST]:PORT",
    help=f"Where /metrics, /healthz and /readyz are served (:{PORT} if not given).",
)
@click.option(
    "--lease-duration",
    type=click.FloatRange(min=SHORTEST_LEASE),
    default=LEASE_DURATION,
    metavar="SECONDS",
    help=f"How long a replica that vanished is waited for ({LEASE_DURATION:.0f} if not given).",
)
@click.option(
    "--backup-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to keep the newest backups of each Registry; without, in ConfigMaps of its namespace.",
)
@click.pass_obj
def command(
    options: GlobalOptions,
    namespace: str | None,
    everywhere: bool,
    shares: bool,
    concurrency: int,
    listen: str,
    lease_duration: float,
    backup_dir: Path | None,
) -> int:
    """Keep registries as the cluster's objects say, until stopped.

    Reads Registry, Model and native objects, and writes to the registries what apply would. The cluster is that of the pod,
    or of KUBECONFIG. Several replicas hold leases: no two ever write to one registry. All replicas need the same options.
    """
    if namespace is not None and everywhere:
        raise UsageError("--namespace and --all-namespaces contradict each other", hint="leave out one of them")
    host, port = _address(listen)
    settings = Settings(namespace, everywhere, shares, concurrency, host, port, lease_duration, backup_dir)
    try:
        process = importlib.import_module("reconciler.controller.process")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise UsageError(
            "`reconciler controller run` needs packages that are not installed",
            hint="pip install 'model-reconciler[kubernetes]'",
        ) from error
    asyncio.run(process.run(settings, say))
    return 0


def _address(text: str) -> tuple[str, int]:
    """The host and the port of --listen; no host means all interfaces. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise UsageError(f"--listen {text}: this is no [HOST]:PORT", hint="for example :8080 or 127.0.0.1:8080")
    return host.removeprefix("[").removesuffix("]"), int(port)
