"""Lists that come in pages, or that might: read to their end or not at all, and never without end.

What bounds them is what the server claims and what it has delivered: a page that is empty or holds nothing new, and a total that is reached, end
a list; and there is a hard limit, whatever the server claims.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from reconciler.core.errors import PermanentError

MOST_PAGES: Final = 10_000
MOST_ROWS: Final = 1_000_000
_TOTALS: Final = ("total", "total_count", "count", "total_results")
_FOLLOWING: Final = ("next", "next_page", "next_cursor", "next_page_token", "next_token", "has_more", "has_next")
_AROUND: Final = ("pagination", "meta", "paging", "links", "_links")


class Page(NamedTuple):
    """One page: its rows, and of how many pages and rows the server says that the list is."""

    rows: list[Any]
    pages: int
    total: int


class Sweep:
    """The pages of one list, one after another. `what` names the list in messages.

    while sweep.wants_more:
        sweep.add(await ask(sweep.page))
    """

    def __init__(self, what: str) -> None:
        self.rows: list[Any] = []
        self.page = 1  # the one to ask for
        self.wants_more = True
        self._what = what
        self._names: set[str] = set()
        self._total: int | None = None
        self._moved = False

    def add(self, found: Page) -> None:
        """Takes the page that was asked for. Raises PermanentError where the server claims more than it delivers, or more than we take."""
        if self._total is not None and found.total != self._total:
            self._end(moved=True)  # somebody wrote meanwhile
            return
        self._total = found.total
        names = [_name(row) for row in found.rows]
        new = {name for name in names if name is not None}
        if len(new) != sum(name is not None for name in names) or new & self._names:
            self._end(moved=True)  # the pages overlap, or are one and the same
            return
        self._names |= new
        self.rows.extend(found.rows)
        if self.page >= found.pages:
            self._end(moved=len(self.rows) != found.total)
            return
        if not found.rows or len(self.rows) >= found.total:
            message = f"{self._what}: the server claims {found.pages} pages of {found.total} objects, and {len(self.rows)} came on {self.page}"
            raise PermanentError(message, hint="a list that is not whole is not used: check the server, or the address")
        if self.page >= MOST_PAGES or len(self.rows) >= MOST_ROWS:
            message = f"{self._what}: the list does not end: {len(self.rows)} objects came on {self.page} pages, and the server claims more"
            raise PermanentError(message)
        self.page += 1

    @property
    def is_whole(self) -> bool:
        """Whether the list was read to its end, as it was at one moment. Where it was not, it may be read again."""
        return not self.wants_more and not self._moved

    def _end(self, *, moved: bool) -> None:
        self.wants_more, self._moved = False, moved


def _name(row: Any) -> str | None:
    name = row.get("name") if isinstance(row, Mapping) else None
    return name if isinstance(name, str) else None


def check_whole(what: str, envelope: Any, rows: list[Any], hint: str) -> None:
    """Raises PermanentError where an answer that should be a whole list says that it is a part of one."""
    if not isinstance(envelope, Mapping):
        return
    around = [envelope, *(inner for name in _AROUND if isinstance(inner := envelope.get(name), Mapping))]
    for said in around:
        claimed = [said[name] for name in _TOTALS if type(said.get(name)) is int]
        if any(total > len(rows) for total in claimed) or any(said.get(name) for name in _FOLLOWING):
            message = f"{what} answered a part of the list only: there is more of it, and this version does not know how to ask for it"
            raise PermanentError(message, hint=hint)
