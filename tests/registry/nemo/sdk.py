"""Calls NVIDIA's own client for others, in the server's Python: one JSON request a line, one JSON answer a line.

    {"url": …, "call": "inference.providers.retrieve", "arguments": [name], "options": {"workspace": …}}
    {"result": …}  or  {"status": 404, "body": …}  or  {"broken": "TypeError: …"}

`status` is null where there was no answer from the server.
"""

from __future__ import annotations

import functools
import json
import operator
import sys
from typing import Any

from nemo_platform import APIConnectionError, APIStatusError, NeMoPlatform
from pydantic import BaseModel


@functools.cache
def client(url: str) -> NeMoPlatform:
    """By default even a POST is repeated after a 500. A connection that idles 5 seconds is closed by the server: perhaps under a call."""
    return NeMoPlatform(base_url=url, max_retries=0, default_headers={"Connection": "close"})


def answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        call = operator.attrgetter(request["call"])(client(request["url"]))
        found = call(*request["arguments"], **request["options"])
        return {"result": plain(list(found) if hasattr(found, "iter_pages") else found)}
    except APIStatusError as error:
        return {"status": error.status_code, "body": error.body}
    except APIConnectionError as error:
        return {"status": None, "body": str(error)}
    except Exception as error:  # noqa: BLE001 - whoever asked has to hear of it, not the one who asks next
        return {"broken": f"{type(error).__name__}: {error}"}


def plain(found: Any) -> Any:
    """What the server said: keys that it left out are not made up."""
    if isinstance(found, list):
        return [plain(one) for one in found]
    return found.model_dump(mode="json", by_alias=True, exclude_unset=True) if isinstance(found, BaseModel) else found


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
