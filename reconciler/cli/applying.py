"""Carrying out a plan from the command line: the question, the signals, the progress, the backup. `apply` and `delete` share it."""

from __future__ import annotations

import asyncio
import datetime
import getpass
import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reconciler.applier import Options, apply
from reconciler.backup import write_backup
from reconciler.cli.options import Globals
from reconciler.cli.session import confirmed, has_terminal
from reconciler.errors import RefusedError, UsageError
from reconciler.plan import Plan
from reconciler.registry.base import Registry
from reconciler.report import Outcome, Report
from reconciler.state import Resource
from reconciler.workspace import Workspace

LONG = 50  # changes from which on progress is shown


def ask(plan: Plan, *, yes: bool) -> None:
    """Raises RefusedError for a no, and UsageError where nobody can be asked."""
    if yes or not plan.writes or plan.guards:
        return
    if not has_terminal():
        raise UsageError("there is no terminal to ask on, and changes are to be made", hint="--yes applies without asking")
    count = len(plan.writes)
    if not confirmed(f"Apply {'this change' if count == 1 else f'these {count} changes'}?"):
        raise RefusedError("nothing was written: the answer was no")


async def carry_out(
    here: Workspace, plan: Plan, registries: Mapping[str, Registry], options: Globals, *, concurrency: int, backup: Path | None
) -> Report:
    """Applies the plan. The first signal ends the run after what is under way, the second one at once."""
    stop = asyncio.Event()
    with _signals(stop), _progress(plan, options) as progress:
        settings = Options(
            resolver=here.resolver,
            fingerprint_key=here.fingerprint_key() if plan.writes else None,
            backup=lambda resources: _back_up(here, backup, resources),
            concurrency=concurrency,
            actor=_actor(),
            stop=stop,
            on_outcome=progress,
        )
        return await apply(plan, registries, here.facts, settings)


def _back_up(here: Workspace, folder: Path | None, resources: tuple[Resource, ...]) -> str:
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H-%M-%S-%fZ")
    target = folder if folder is not None else here.project.root / ".reconciler" / "backup" / stamp
    written = write_backup(target, resources, here.entries, here.project.root)
    return os.path.relpath(written, here.cwd).replace(os.sep, "/")


def _actor() -> str:
    """Who applies, for the registry's history: the CI's user where there is one."""
    try:
        return os.environ.get("GITHUB_ACTOR") or os.environ.get("GITLAB_USER_LOGIN") or getpass.getuser()
    except (KeyError, OSError):
        return ""


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def interrupt() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@contextmanager
def _progress(plan: Plan, options: Globals) -> Iterator[Callable[[Outcome], None]]:
    """A bar on stderr for long work on a terminal; else nothing. rich is imported only for that."""
    if len(plan.writes) < LONG or not sys.stderr.isatty():
        yield lambda outcome: None
        return
    bar = importlib.import_module("reconciler.cli.progress")
    with bar.progress(len(plan.writes), color=options.color(sys.stderr)) as told:
        yield told
