"""One question to an endpoint, and what its answer is: data, a refusal with the server's reason, or no answer of this kind at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from reconciler.core.spec import MAX_DEPTH, too_deep
from reconciler.endpoint.connecting import Place
from reconciler.endpoint.values import FailedError, RefusedError
from reconciler.registry.http import Client, RawResponse, parse, reason_in, reason_of

# redirects are left to the HTTP layer: it tells where to, and follows none
_ANSWERS: Final = (*range(200, 300), *range(400, 600))
_BOM: Final = b"\xef\xbb\xbf"


async def ask(
    client: Client,
    place: Place,
    path: str,
    body: Mapping[str, Any],
    sink: Callable[[bytes], bool] | None = None,
) -> RawResponse:
    """Post a question; a pooled connection that the server had closed is replaced by a new one. `sink` as in `Client.exchange`.

    Raises RefusedError for an answer of 400 and above, RegistryError where there is no answer.
    """
    content = json.dumps(dict(body), allow_nan=False).encode("ascii")
    answer = await client.exchange(
        "POST", path, query=place.query, content=content, expected=_ANSWERS, repeatable=True, sink=sink
    )
    if answer.status >= 400:
        raise _refusal(place, path, answer, body)
    return answer


def _refusal(place: Place, path: str, answer: RawResponse, body: Mapping[str, Any]) -> RefusedError:
    reason = reason_of(answer.headers, answer.body)
    message = f"POST {place.target.url}{path} answered {_status(answer.status)}"
    hint = _hint(place, answer.status, reason, body.get("model"))
    message = f"{message}: {reason}" if reason else message
    return RefusedError(f"{message} ({hint})" if hint else message, answer.status, reason)


def _hint(place: Place, status: int, reason: str, model: object) -> str | None:
    """Hint for a refusal. A 404 whose reason speaks of the model says nothing against the url."""
    if status in (400, 404) and isinstance(model, str) and (model in reason or "model" in reason.lower()):
        return "look at `model`: `reconciler info KEY --live` tells what the endpoint lists" if status == 404 else None
    return place.target.hints.get(status)


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def data_of(answer: RawResponse) -> Any:
    """The data of a JSON answer, whatever content type it bears. Raises FailedError where it is none, or holds an error."""
    kind = answer.headers.get("content-type", "no content type")
    if not answer.whole:
        raise FailedError(f"it answered with more than {len(answer.body) / 2**20:.3g} MiB")
    try:
        data = parse(answer.body.removeprefix(_BOM))
    except (ValueError, RecursionError) as error:
        text = answer.body.decode("utf-8", "replace")
        page = " with a page (of a proxy or a log-in? check `url`)" if text.lstrip().startswith("<") else ""
        raise FailedError(f"it answered {answer.status}{page}, not with JSON in UTF-8 ({kind}): {text}") from error
    check_data(data)
    return data


def check_data(data: Any) -> None:
    """Raises FailedError for an error in the place of an answer, and for what nothing could print."""
    if isinstance(data, (dict, list)) and too_deep(data):
        raise FailedError(f"the answer has more than {MAX_DEPTH} maps and lists inside each other")
    if not isinstance(data, dict):
        return
    choices = data.get("choices")
    parts = [data, *(one for one in choices if isinstance(one, dict))] if isinstance(choices, list) else [data]
    for part in parts:
        if part.get("error") or "error" in (part.get("type"), part.get("object"), part.get("finish_reason")):
            raise FailedError(f"it answers as if all were well, with an error inside: {reason_in(part) or part}")


def remark_on_type(headers: Mapping[str, str], ending: str) -> str:
    """Remark on a content type that strict clients may not read, or nothing: the answer itself is judged by what it holds."""
    kind = content_type(headers)
    if kind.endswith(ending):
        return ""
    return f"; its content type is {kind or '(none)'}, which strict clients may refuse"


def content_type(headers: Mapping[str, str]) -> str:
    """Without parameters, in lower case; empty where there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


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
