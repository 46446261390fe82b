"""The models that an endpoint lists: `GET <url>/models`, page by page, and which of them is meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from reconciler.core.errors import PermanentError
from reconciler.core.secret import Resolver
from reconciler.endpoint.asking import data_of
from reconciler.endpoint.connecting import Place, place_of
from reconciler.endpoint.values import FailedError, Subject
from reconciler.registry.http import Client, open_client

PATH: Final = "/models"
MOST_PAGES: Final = 50
_LARGEST: Final = 16 * 1024 * 1024  # bytes of a page; the longest list of models that is public has half a megabyte
_MOST_NEAR: Final = 5
_SHOWN: Final = 300  # characters of what is no list
# what endpoints call the length of a model's context: vLLM, OpenRouter, Groq, Mistral, LM Studio, Anthropic and others. Never
# `max_tokens` or `max_output_tokens`, which limit an answer
_LENGTHS: Final = ("max_model_len", "context_length", "context_window", "max_context_length", "max_input_tokens")
_SEPARATORS: Final = re.compile(r"[:@/\\]")
HINTS: Final = {
    401: "check api_key and headers in the manifest",
    403: "check api_key and headers in the manifest",
    404: "it has no list of models there: leave out --live",
}


@dataclass(frozen=True, slots=True)
class ModelList:
    """List of an endpoint's models. `complete` is false where there are more pages than are read."""

    rows: tuple[Mapping[str, Any], ...]
    complete: bool

    def row(self, name: str) -> Mapping[str, Any] | None:
        """The model of exactly that name, or that has it as an alias (llama.cpp)."""
        return next((row for row in self.rows if name in _names(row)), None)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all, in their order."""
        return tuple(str(row["id"]) for row in self.rows if isinstance(row.get("id"), str))

    def near(self, name: str) -> tuple[str, ...]:
        """The names that are probably meant: the same with another tag, revision or folder, or spelt alike."""
        kin = [one for one in self.names if one != name and _bare(one) & _bare(name)]
        alike = difflib.get_close_matches(name, self.names, n=_MOST_NEAR, cutoff=0.7)
        return tuple(dict.fromkeys([*kin, *(one for one in alike if one != name)]))[:_MOST_NEAR]


class LiveFacts(NamedTuple):
    """Facts that an endpoint tells of one model. `listed` is null where it cannot be known."""

    url: str
    listed: bool | None
    owned_by: str | None
    context_length: int | None
    near: tuple[str, ...]


def _names(row: Mapping[str, Any]) -> tuple[Any, ...]:
    aliases = row.get("aliases")
    return (row.get("id"), *(aliases if isinstance(aliases, list) else ()))


def _bare(name: str) -> set[str]:
    """The words by which a name is known with and without tag, revision and folder."""
    whole = name.lower()
    head = re.split(r"[:@]", whole)[0]
    return {whole, head, _SEPARATORS.split(head)[-1]} - {""}


async def list_models(client: Client, place: Place, wanted: str | None = None) -> ModelList:
    """The list, up to the page that holds the model `wanted`. Raises RegistryError where the endpoint does not answer with one."""
    rows: list[Mapping[str, Any]] = []
    query = dict(place.query)
    seen: set[str] = set()
    for _ in range(MOST_PAGES):
        data = await _page(client, place, query)
        page = _rows(data, place)
        rows.extend(page)
        found = ModelList(tuple(rows), complete=True)
        after = _next(data, page)
        if after is None or (wanted is not None and found.row(wanted) is not None):
            return found
        if after in seen:  # it does not turn the page, whatever it says
            return found
        seen.add(after)
        # OpenAI's name for it and Anthropic's: which one a server reads, its format does not tell
        query |= {"after": after, "after_id": after}
    return ModelList(tuple(rows), complete=False)


async def _page(client: Client, place: Place, query: Mapping[str, str]) -> Any:
    answer = await client.exchange("GET", PATH, query=query, repeatable=True)
    try:
        return data_of(answer)
    except FailedError as error:
        message = f"{place.target.registry}: GET {place.target.url}{PATH}: {place.redactor.excerpt(str(error), _SHOWN)}"
        raise PermanentError(message) from error


def _rows(data: Any, place: Place) -> list[Mapping[str, Any]]:
    rows = data.get("data") if isinstance(data, Mapping) else data
    if not isinstance(rows, list):
        raise PermanentError(f"{place.target.url}{PATH} does not answer with a list of models")
    return [row for row in rows if isinstance(row, Mapping)]


def _next(data: Any, page: list[Mapping[str, Any]]) -> str | None:
    """The id after which the next page begins, or None for the last page."""
    if not isinstance(data, Mapping) or data.get("has_more") is not True or not page:
        return None
    last = data.get("last_id") or page[-1].get("id")
    return last if isinstance(last, str) and last else None


async def live_facts(subject: Subject, resolver: Resolver) -> LiveFacts:
    """Ask the model's endpoint for its facts. Raises SecretError, FailedError or RegistryError where it does not tell."""
    place = place_of(subject, resolver, bare=False, name=subject.key, hints=HINTS, largest_body=_LARGEST)
    name = subject.endpoint.model
    async with open_client(place.target) as client:
        models = await list_models(client, place, name)
    row = models.row(name) if name is not None else None
    owner = row.get("owned_by") if row is not None else None
    listed = None if name is None or (row is None and not models.complete) else row is not None
    return LiveFacts(
        url=f"{place.target.url}{PATH}",
        listed=listed,
        owned_by=owner if isinstance(owner, str) else None,
        context_length=context_length(row) if row is not None else None,
        near=models.near(name) if name is not None and row is None else (),
    )


def context_length(row: Mapping[str, Any]) -> int | None:
    """The length of a model's context in tokens, where its row tells: by one of the usual names, or by llama.cpp's `meta.n_ctx`."""
    meta = row.get("meta")
    numbers = [row.get(name) for name in _LENGTHS]
    numbers += [meta.get(name) for name in ("n_ctx", "n_ctx_train")] if isinstance(meta, Mapping) else []
    return next((one for one in numbers if isinstance(one, int) and not isinstance(one, bool) and one > 0), None)
