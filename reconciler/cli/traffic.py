"""The log of `-vv`: the HTTP client's requests and answers, on stderr. Imported only then."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from reconciler.cli.streams import say
from reconciler.render.escape import printable

LOGGER: Final = "reconciler"  # the one above all of ours


class _Told(logging.Handler):
    """One line for each record.

    Without its traceback: what a library puts into one is not known to be free of secrets.
    """

    def emit(self, record: logging.LogRecord) -> None:
        say(printable(record.getMessage()), "debug")


@contextmanager
def logged_requests() -> Iterator[None]:
    """While this is open, what that logger and those below it say is on stderr; afterwards they are as they were."""
    logger, handler = logging.getLogger(LOGGER), _Told()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
