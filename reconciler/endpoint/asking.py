"""One question to an endpoint, and whether what came back is an answer at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.core.errors import LostReplyError
from reconciler.core.spec import MAX_DEPTH, too_deep
from reconciler.endpoint.connecting import Place
from reconciler.endpoint.values import FailedError
from reconciler.registry.http import Client, RawResponse, parse

CONNECTED: Final = 10.0  # seconds to wait for an answer that need not come


async def reach(client: Client, place: Place, path: str) -> tuple[None, str]:
    """Whether there is a connection to the endpoint: whatever it answers to a GET. Raises RegistryError where there is none."""
    patience = min(place.target.timeout, CONNECTED)
    try:
        answer = await client.exchange("GET", path, query=place.query, expected=range(100, 600), timeout=patience)
    except LostReplyError:  # it was sent, so there is a connection
        return None, "connected; a GET got no whole answer"
    return None, f"connected; a GET was answered with {answer.status}"


async def post(client: Client, place: Place, path: str, body: Mapping[str, Any]) -> Any:
    """The data of a JSON answer. Raises RegistryError or FailedError, in words, for anything else."""
    reply = await client.call("POST", path, query=place.query, body=dict(body), repeatable=True)
    check_type(reply.headers, "json", "JSON")
    check_data(reply.data)
    return reply.data


def check_type(headers: Mapping[str, str], ending: str, wanted: str) -> None:
    """Raises FailedError where the content type is not one that clients of these formats read."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.endswith(ending):
        raise FailedError(f"it answers with the content type {kind or '(none)'}, where clients expect {wanted}")


def check_data(data: Any) -> None:
    """Raises FailedError for an error in the place of an answer, and for what nothing could print."""
    if isinstance(data, (dict, list)) and too_deep(data):
        raise FailedError(f"the answer has more than {MAX_DEPTH} maps and lists inside each other")
    error = data.get("error") if isinstance(data, dict) else None
    if not error and not (isinstance(data, dict) and data.get("type") == "error"):
        return
    said = error.get("message") if isinstance(error, dict) else error
    raise FailedError(f"it answers as if all were well, with an error inside: {said or data}")


def text_of(answer: RawResponse) -> str:
    """The body as text. Raises FailedError where it is too long, or not UTF-8."""
    if not answer.whole:
        raise FailedError(f"the answer has more than {len(answer.body) / 2**20:.3g} MiB")
    try:
        return answer.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FailedError("the answer is not UTF-8") from error


def parsed(text: str) -> Any:
    """The data that a text is the JSON of, or the text itself."""
    try:
        data = parse(text.encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return text
    return text if isinstance(data, (dict, list)) and too_deep(data) else data
