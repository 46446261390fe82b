"""The list of registered models, page by page, so that no row is lost while somebody writes.

The server's page token says how many rows come before a page. A row that is deleted meanwhile moves the rest forward by one, and whoever follows
the tokens never sees the first row of the next page. So each page is asked for from the last row of the one before: rows are sorted by name, and
where both pages have that row nothing that was there all the time is missing. Where they do not, the list is read again.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

from reconciler.registry.driver import PermanentError, TemporaryError
from reconciler.registry.mlflow.calls import Calls, rows_in

MODELS: Final = "/api/2.0/mlflow/registered-models"
MOST: Final = 1_000  # rows of a page, as many as the server gives
SWEEPS: Final = 5
_PAGES: Final = 10_000


async def registered_models(calls: Calls, where: str | None = None) -> list[Any]:
    """The rows of all registered models, or of those that a filter lets through. Raises TemporaryError where they change each time that they are read."""
    for _ in range(SWEEPS):
        rows = await _sweep(calls, where)
        if rows is not None:
            return rows
    raise TemporaryError(
        f"{calls.registry}: the registered models changed each time that they were read", hint="run again"
    )


async def _sweep(calls: Calls, where: str | None) -> list[Any] | None:
    """The rows of one reading, or None where two pages do not fit together."""
    rows: list[Any] = []
    token: str | None = None
    for _ in range(_PAGES):
        query = {"max_results": str(MOST)} | ({} if token is None else {"page_token": token})
        query |= {} if where is None else {"filter": where}
        answer = await calls.read(f"{MODELS}/search", query)
        page = rows_in(answer, "registered_models", calls.registry)
        if rows:
            if not page or _name(page[0]) != _name(rows[-1]):
                return None
            page = page[1:]
        following = answer.get("next_page_token")
        if following and not page:
            break
        rows += page
        if not following:
            return rows
        token = _overlapping(following, calls.registry)
    raise PermanentError(f"{calls.registry}: the list of registered models does not end: {len(rows)} came")


def _name(row: Any) -> Any:
    return row.get("name") if isinstance(row, Mapping) else None


def _overlapping(token: Any, registry: str) -> str:
    """The token of a page that begins one row earlier. Raises PermanentError where it is not of the form that we know."""
    try:
        said = json.loads(base64.b64decode(token, validate=True))
        offset = said["offset"] - 1
        return base64.b64encode(json.dumps({**said, "offset": offset}).encode()).decode("ascii")
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError) as error:
        message = f"{registry}: the token of the next page is none of MLflow 3's"
        raise PermanentError(message, hint="a list that may not be whole is not used") from error
