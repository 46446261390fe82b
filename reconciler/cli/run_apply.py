"""Carrying out a plan from the command line: the question, the signals, the progress, the backup.

`apply` and `delete` share it.
"""

from __future__ import annotations

import asyncio
import getpass
import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from reconciler.applier.apply import apply
from reconciler.applier.report import BugError, Outcome, Report, untouched
from reconciler.cli.options import GlobalOptions
from reconciler.cli.question import confirmed, has_terminal
from reconciler.cli.session import Outputs, style
from reconciler.cli.streams import echo_data, logs_json, say
from reconciler.cli.terminal import is_terminal
from reconciler.core import observing
from reconciler.core.errors import RefusedError, UsageError
from reconciler.core.resource import Address
from reconciler.planner.plan import Plan
from reconciler.project.apply_options import apply_options
from reconciler.project.backup import RunBackup
from reconciler.project.folders import check_backup_folder
from reconciler.project.workspace import Workspace
from reconciler.registry.protocol import Registry
from reconciler.render import PLAN, REPORT

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
LONG = 50  # changes from which on progress is shown


def show(plan: Plan, options: GlobalOptions, output_format: str, *, full: bool) -> None:
    """The plan, before anything is asked or done: on stdout in text, on stderr where stdout is for a machine."""
    shown = Outputs(PLAN, "text", (), full)
    if output_format == "text":
        echo_data(shown.text("text", plan, style(options)))
    else:
        say(shown.text("text", plan, style(options, sys.stderr)))


def check_backup(workspace: Workspace, folder: Path | None) -> None:
    """Raises UsageError for a backup folder among the manifests, before anything is read or asked."""
    if folder is not None:
        check_backup_folder(folder, workspace.project, workspace.cwd)


def ask(plan: Plan, *, yes: bool) -> None:
    """Ask before writing. Raises RefusedError for a no, UsageError where there is no terminal."""
    if yes or not plan.writes:
        return
    if not has_terminal():
        raise UsageError(
            "there is no terminal to ask on, and changes are to be made", hint="--yes applies without asking"
        )
    if plan.guards:
        return
    number = len(plan.writes)
    if not confirmed(f"Apply {'this change' if number == 1 else f'these {number:,} changes'}?"):
        raise RefusedError("nothing was written: the answer was no")


async def carry_out(
    workspace: Workspace,
    plan: Plan,
    registries: Mapping[str, Registry],
    options: GlobalOptions,
    *,
    concurrency: int | None,
    backup: Path | None,
) -> Report:
    """Applies the plan.

    The first signal ends the run after what is under way, the second one at once; both with a report.
    """
    stop = asyncio.Event()
    with _signals(stop), _progress(plan, options) as progress:
        account = _Account(RunBackup(workspace, plan, backup), progress)
        settings = apply_options(
            account.backup,
            concurrency=concurrency,
            actor=_actor(),
            stop=stop,
            on_outcome=account.tell,
        )
        try:
            return account.ended(await apply(plan, registries, workspace.facts, settings))
        except asyncio.CancelledError:
            return account.ended(account.cut_short())
        except BugError as bug:
            account.ended(bug.report)
            say(Outputs(REPORT, "text", ()).text("text", bug.report, style(options, sys.stderr)))
            raise


@dataclass
class _Account:
    """The outcomes of a run so far, for the report of one that is cut short."""

    backup: RunBackup
    progress: Callable[[Outcome], None]
    outcomes: dict[Address, Outcome] = field(default_factory=dict)

    def tell(self, outcome: Outcome) -> None:
        self.outcomes[outcome.address] = outcome
        address = outcome.address
        observing.ended(
            "change",
            outcome.duration,
            address=str(address),
            registry=address.registry,
            kind=address.kind,
            action=outcome.action,
            status=outcome.status,
        )
        self.progress(outcome)

    def cut_short(self) -> Report:
        """The outcomes that are known; the others may have been under way."""
        plan = self.backup.plan
        message = "the run was cut short before the end of this was known: it may have been done"
        ends = [
            self.outcomes.get(change.address, Outcome(change.address, change.action, "skipped", "interrupted", message))
            for change in plan.writes
        ]
        return Report.of(plan, (*ends, *untouched(plan)), self.backup.shown)

    def ended(self, report: Report) -> Report:
        """The report, once nothing is to be noted for the next run any more."""
        self.backup.ended(report)
        return report


def _actor() -> str:
    """The actor for the registry's history: the CI's user where there is one."""
    try:
        return os.environ.get("GITHUB_ACTOR") or os.environ.get("GITLAB_USER_LOGIN") or getpass.getuser()
    except (KeyError, OSError):
        return ""


@contextmanager
def reported() -> Iterator[None]:
    """Around a run and its report: once something may have been written, no signal comes between the two."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    over = False

    def interrupt() -> None:
        if over:  # a signal that came while the run ended: there is nothing left to stop
            return
        if not stop.is_set():
            say("interrupted: finishing what is under way; once more ends it at once")
        elif task is not None:
            task.cancel()
        stop.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, interrupt)
    try:
        yield
    finally:
        over = True
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)  # until the report is out: see `reported`


@contextmanager
def _progress(plan: Plan, options: GlobalOptions) -> Iterator[Callable[[Outcome], None]]:
    """A bar on stderr for long work on a terminal, a record for each change in a JSON log, else nothing.

    rich is imported only for the bar.
    """
    if logs_json():
        yield _recorded(len(plan.writes))
        return
    if len(plan.writes) < LONG or not is_terminal(sys.stderr):
        yield lambda outcome: None
        return
    bar = importlib.import_module("reconciler.cli.progress")
    with bar.progress(len(plan.writes), color=options.color(sys.stderr)) as told:
        yield told


def _recorded(total: int) -> Callable[[Outcome], None]:
    """Write a record for each change that has ended, with the count of all of them."""
    done = count(1)

    def tell(outcome: Outcome) -> None:
        facts = {"address": str(outcome.address), "action": outcome.action, "status": outcome.status}
        level = "info" if outcome.status == "ok" else "warning"
        say(f"{outcome.action} {outcome.address}: {outcome.status}", level, **facts, done=next(done), total=total)

    return tell
