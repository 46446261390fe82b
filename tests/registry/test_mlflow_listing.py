"""The pages of registered models, while somebody writes: whatever was there all the time is in the list."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.errors import PermanentError, TemporaryError
from reconciler.registry.mlflow import listing

pytestmark = pytest.mark.asyncio
PAGE = 3
Write = Callable[[set[str]], None]


class Search:
    """MLflow's search: rows by name, and tokens that say how many rows come before. Before each answer but the first somebody writes."""

    registry = "mlflow"

    def __init__(self, names: set[str], writes: list[Write]) -> None:
        self.names = names
        self.always = set(names)  # what was there all the time
        self._writes = writes
        self.asked = 0

    async def read(self, path: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        if self.asked and self._writes:
            self._writes.pop(0)(self.names)
            self.always &= self.names
        self.asked += 1
        token = query.get("page_token")
        offset = json.loads(base64.b64decode(token))["offset"] if token else 0
        page = sorted(self.names)[offset : offset + PAGE]
        more = offset + PAGE < len(self.names)
        following = base64.b64encode(json.dumps({"offset": offset + PAGE}).encode()).decode() if more else None
        return {"registered_models": [{"name": name} for name in page], "next_page_token": following}


def change(pair: tuple[bool, str]) -> Write:
    """Somebody creates or deletes a model."""
    creates, name = pair
    return lambda names: names.add(name) if creates else names.discard(name)


NAMES = st.sampled_from("abcdefghijklmnop")


@given(
    names=st.sets(NAMES, min_size=1), writes=st.lists(st.builds(change, st.tuples(st.booleans(), NAMES)), max_size=12)
)
async def test_no_row_is_lost_whatever_is_written_meanwhile(names: set[str], writes: list[Write]) -> None:
    """Nor is one told twice. Where the list moves too much it is an error, and not a part of a list."""
    search = Search(set(names), writes)
    try:
        rows = [row["name"] for row in await listing.registered_models(search)]  # type: ignore[arg-type]
    except TemporaryError:
        return
    assert search.always <= set(rows)
    assert len(rows) == len(set(rows))


async def test_a_delete_between_two_pages_is_seen() -> None:
    """Whoever follows the server's own tokens never sees `d`."""
    search = Search(set("abcdefg"), [lambda names: names.discard("a")])
    rows = [row["name"] for row in await listing.registered_models(search)]  # type: ignore[arg-type]
    assert rows == list("bcdefg")


async def test_a_list_that_nobody_changes_is_read_once() -> None:
    """Pages overlap by one row, and that is all it costs."""
    search = Search(set("abcdefg"), [])
    assert len(await listing.registered_models(search)) == 7  # type: ignore[arg-type]
    assert search.asked == 3


@pytest.mark.parametrize("token", ["?", "eyJvZmZzZXQiOiAieCJ9", "W10=", 5])
async def test_a_token_of_another_form_is_an_error(token: Any) -> None:
    """A list that may not be whole is not used."""

    class Other(Search):
        async def read(self, path: str, query: Mapping[str, str]) -> Mapping[str, Any]:
            return {"registered_models": [{"name": "a"}], "next_page_token": token}

    with pytest.raises(PermanentError, match="token of the next page"):
        await listing.registered_models(Other(set(), []))  # type: ignore[arg-type]
