"""Lists in pages: whole, or an error, and never without end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reconciler.core.errors import PermanentError
from reconciler.registry.http.pages import MOST_PAGES, Page, Sweep, check_whole


def rows(*names: Any) -> list[Any]:
    return [{"name": name} for name in names]


def swept(ask: Callable[[int], Page], most: int = MOST_PAGES + 1) -> Sweep:
    sweep = Sweep("the list")
    for _ in range(most):
        if not sweep.wants_more:
            return sweep
        sweep.add(ask(sweep.page))
    raise AssertionError(f"still not at its end after {most} pages")


def test_pages_that_fit_together_are_one_list() -> None:
    """In their order."""
    sweep = swept(lambda page: Page(rows(page), 3, 3))
    assert sweep.is_whole
    assert [row["name"] for row in sweep.rows] == [1, 2, 3]


@pytest.mark.parametrize(
    "ask",
    [
        lambda page: Page([], 10**9, 0),
        lambda page: Page([], 10**9, 10**9),
        lambda page: Page(rows("a"), 10**9, 1),
        lambda page: Page(rows(str(page)), 10**9, 10**9),
        lambda page: Page([7] * 5000, 10**9, 10**9),
    ],
    ids=["nothing-of-nothing", "nothing-of-many", "total-reached", "always-new", "nameless"],
)
def test_a_list_without_end_ends_with_an_error(ask: Callable[[int], Page]) -> None:
    """It says what the server claims and what came."""
    with pytest.raises(PermanentError, match=r"claims|does not end"):
        swept(ask)


@pytest.mark.parametrize(
    "ask",
    [
        lambda page: Page(rows("a", "b"), 10**9, 10**9),
        lambda page: Page(rows(str(page), str(page + 1)), 5, 10),
        lambda page: Page(rows(str(page)), 3, 3 + page),
        lambda page: Page(rows(str(page)), 2, 7),
    ],
    ids=["one-page-for-ever", "overlapping", "growing", "too-few"],
)
def test_pages_that_do_not_fit_together_are_no_list(ask: Callable[[int], Page]) -> None:
    """Somebody wrote meanwhile, or the server repeats itself: it is read again, a few times."""
    assert not swept(ask, most=10).is_whole


PARTS: list[dict[str, Any]] = [
    {"total": 2}, {"total_count": 2}, {"count": 5}, {"next": "/models?page=2"}, {"has_more": True}, {"next_page_token": "x"},
    {"pagination": {"total_results": 2}}, {"meta": {"total": 9}}, {"links": {"next": "x"}}, {"_links": {"next": {"href": "x"}}},
]  # fmt: skip


@pytest.mark.parametrize("said", PARTS, ids=str)
def test_a_part_is_never_taken_for_the_whole(said: dict[str, Any]) -> None:
    """Half a listing would make the rest look deleted."""
    with pytest.raises(PermanentError, match="a part of the list"):
        check_whole("GET /models", {"models": rows("a"), **said}, rows("a"), "check the url")


def harmless() -> Iterator[dict[str, Any]]:
    names = ("total", "total_count", "count", "next", "has_more", "pagination", "meta")
    values: tuple[Any, ...] = (None, 1, 0, False, "", {}, [])
    yield from (
        {name: value}
        for name, value in itertools.product(names, values)
        if not (name in ("next", "has_more") and value == 1)
    )


@pytest.mark.parametrize("said", list(harmless()), ids=str)
def test_a_whole_list_is_taken_as_one(said: dict[str, Any]) -> None:
    """Whatever a server says beside it that does not claim more."""
    check_whole("GET /models", {"models": rows("a"), **said}, rows("a"), "check the url")
    check_whole("GET /models", rows("a"), rows("a"), "check the url")
