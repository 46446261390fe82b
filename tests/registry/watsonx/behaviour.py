"""How the emulated watsonx Orchestrate behaves where nobody outside knows, and how it misbehaves."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

MASK: Final = "********"
NOVELTY: Final = {"x_new": {"since": "yesterday"}}


@dataclass
class Behaviour:
    """Set what a test needs, at any time; requests and writes are counted from then on, from 1."""

    envelope: bool = False  # lists of models and policies come in an object, as some deployments have it
    secrets: Literal["echo", "mask", "omit"] = "mask"  # how a model's secrets are answered
    put: Literal["replace", "merge"] = "replace"  # what a field that a PUT does not name comes to
    spelling: Literal["camel", "snake"] = "camel"  # how provider options are answered
    derives_provider: bool = True  # the provider of the name is answered among the options
    dummy_key: bool = True  # a model without a key is answered with the key "Dummy"
    answers_nulls: bool = False  # every option that is not set is answered as null
    injects_max_tokens: bool = False  # as IBM's client does: 4096 for Anthropic's models that have none
    filters: bool = True  # knows ?name= and ?connectionIds=
    lists_bare_apps: bool = True  # connections without any environment are in the list
    empty_is_404: bool = False  # a list without anything in it is answered with 404
    keeps_tags: bool = True  # False: tags are accepted and not kept
    post_answers: Literal["nothing", "null", "text", "row"] = "null"

    broken: set[str] = field(
        default_factory=set
    )  # names of objects that are answered in a form that nobody understands
    # what is answered in the place of the rows of these names
    alters: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = field(default_factory=dict)
    unknown_fields: bool = False  # every object has a field that nobody knows
    distorts: Callable[[dict[str, Any]], dict[str, Any]] | None = None  # what becomes of each row that is answered
    fail_nth: dict[int, int] = field(default_factory=dict)  # request: status
    close_after_nth_write: int = 0  # does that write, and closes the connection without a reply
    close_before_nth_write: int = 0  # closes it without doing the write
    refuse_nth_write: int = 0  # that write is answered with 500 and not done
    whole_list_404: bool = False  # every path is unknown, as below a wrong prefix
    list_answer: Any = None  # what lists of models and policies are answered with instead
    refuses_keys: bool = False  # a model with an api_key is refused, and the key repeated
    latency: float = 0.0  # seconds, before each answer

    def fails(self) -> int:
        """Counts a request: the status that it is to fail with, or 0."""
        due = self.fail_nth.pop(1, 0)
        self.fail_nth = {nth - 1: status for nth, status in self.fail_nth.items()}
        return due

    def closes(self) -> Literal["", "before", "after", "refuse"]:
        """Counts a write: what is to go wrong with it."""
        before, after, refuse = self.close_before_nth_write, self.close_after_nth_write, self.refuse_nth_write
        self.close_before_nth_write, self.close_after_nth_write = max(before - 1, 0), max(after - 1, 0)
        self.refuse_nth_write = max(refuse - 1, 0)
        return "before" if before == 1 else "after" if after == 1 else "refuse" if refuse == 1 else ""

    def dress(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row as it is answered by a newer server."""
        row = self.alters.get(row["name"], dict)(row)
        answer = row | copy.deepcopy(NOVELTY) if self.unknown_fields else row
        return answer if self.distorts is None else self.distorts(answer)
