"""Progress on stderr, by rich: a bar of changes, and what is being read. Imported only for long work on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from reconciler.applier.report import Outcome


@contextmanager
def progress(total: int, *, color: bool) -> Iterator[Callable[[Outcome], None]]:
    """Shows how many of `total` changes have ended; gone when the work is done."""
    console = Console(stderr=True, no_color=not color)
    columns = (
        TextColumn("applying"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("apply", total=total, failed="")
        failures = 0

        def told(outcome: Outcome) -> None:
            nonlocal failures
            failures += outcome.status != "ok"
            bar.update(task, advance=1, failed=f"{failures} failed" if failures else "")

        yield told


@contextmanager
def reading(text: str, *, color: bool) -> Iterator[None]:
    """Shows what is read and for how long; gone when it is read. How much there is to read, no registry tells before."""
    console = Console(stderr=True, no_color=not color)
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
    ) as bar:
        bar.add_task(text, total=None)
        yield
