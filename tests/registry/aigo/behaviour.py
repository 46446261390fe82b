"""How the emulated AI GO! behaves where nobody outside knows, and how it misbehaves."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from registry.aigo.rules import OPTIONAL_CONFIG, SECRET_FIELDS
from registry.aigo.state import Row, State

MASK: Final = "****"
NOVELTY: Final = {"x_new": {"since": "yesterday"}}
OPEN_MAPS: Final = (
    "custom_headers",
    "environment",
    "response_headers",
    "request_headers",
)  # one more entry is a change


@dataclass
class Behaviour:
    """Set what a test needs, at any time; requests and writes are counted from then on, from 1."""

    raw_keys: Literal["echo", "mask", "omit"] = "echo"  # how a raw secret string is answered
    checks_secrets: bool = False  # a model with a reference to an unknown secret is refused: 400
    keeps_keys: bool = False  # a PUT without `api_key` keeps the stored one
    fixed_key: bool = False  # a PUT with another key is refused: 400
    fixed_type: bool = False  # a PUT with another connection type is refused: 400
    frees_adapters: bool = False  # an adapter that models use can be deleted
    drops: set[str] = field(default_factory=set)  # top-level fields of models and adapters: accepted, and not kept
    trims: bool = False  # spaces around display_name and description are not kept

    fill_nulls: bool = False  # optional fields that are not set are answered as null
    ints_as_floats: bool = False  # 60 is answered as 60.0
    unknown_fields: bool = False  # every object, at every level, has a field that nobody knows
    distorts: Callable[[Any], Any] | None = None  # what becomes of each object that is answered
    unknown_types: set[str] = field(default_factory=set)  # keys of models whose connection_type nobody knows
    broken_adapters: set[str] = field(default_factory=set)  # keys of adapters in a language that nobody knows
    drop_adapters: set[str] = field(
        default_factory=set
    )  # keys of adapters that are not answered, though models use them
    lag: int = 0  # this many reads after a write still see what was before

    latency: float = 0.0  # seconds, before each answer
    fail_nth: dict[int, int | tuple[int, str]] = field(
        default_factory=dict
    )  # request: status, or (status, Retry-After)
    fail_every: int = 0  # every nth GET is answered with 503
    close_after_nth_write: int = 0  # does that write, and closes the connection without a reply
    close_before_nth_write: int = 0  # closes it without doing the write
    meanwhile: Callable[[State], object] | None = None  # another client ...
    meanwhile_at: int = 1  # ... just before this write
    html: bool = False  # 200 and a page, as a log-in proxy answers
    version_mismatch: bool = False  # 426 for everything
    list_status: int | dict[str, int] = 0  # what lists are answered with: all, or those of a path such as `models`

    connects: bool = True  # what check-connection, check-status and an integration's test find
    # what is answered in the place of the models and adapters of these keys
    alters: dict[str, Callable[[Row], Row]] = field(default_factory=dict)
    pending: int = 0  # check-status answers 202 so many times
    inference_status: int = 200  # the endpoint's own status in run-inference
    inference_output: str | None = None  # its answer; None: a chat completion

    def unknown_type(self, key: str) -> None:
        """That model is answered with a connection_type that nobody knows."""
        self.unknown_types.add(key)

    def fails(self) -> tuple[int, str] | None:
        """Counts a request: the status and Retry-After that it is to fail with."""
        if not self.fail_nth:
            return None
        due = self.fail_nth.pop(1, None)
        self.fail_nth = {nth - 1: fault for nth, fault in self.fail_nth.items()}
        return (due, "") if isinstance(due, int) else due

    def closes(self) -> Literal["", "before", "after"]:
        """Counts a write: whether the connection is to be closed before it is done, or after."""
        before, after = self.close_before_nth_write, self.close_after_nth_write
        self.close_before_nth_write, self.close_after_nth_write = max(before - 1, 0), max(after - 1, 0)
        if before == 1:
            return "before"
        return "after" if after == 1 else ""

    def interferes(self, state: State) -> None:
        """Counts a write: the other client does its work if it is its turn."""
        if self.meanwhile is not None:
            self.meanwhile_at -= 1
            if self.meanwhile_at == 0:
                other, self.meanwhile, self.meanwhile_at = self.meanwhile, None, 1
                other(state)

    # --- answers ---------------------------------------------------------------------------------------------

    def model(self, row: Row) -> Row:
        """A stored model as it is answered. `row` is left alone."""
        alter = self.alters.get(row["key"], dict)
        if self._faithful and self.distorts is None and row["key"] not in self.unknown_types:
            return alter(row)
        answer = copy.deepcopy(row)
        config = answer["config"]
        _hide(config, self.raw_keys)
        if self.fill_nulls:
            optional = OPTIONAL_CONFIG.get(config["connection_type"], ())
            _nulls(answer, ("description", "rate_limit", "max_concurrent_requests", "created_at", "updated_at"))
            _nulls(config, optional)
        if row["key"] in self.unknown_types:
            config["connection_type"] = "telepathy"
        return self.dress(alter(answer))

    def adapter(self, row: Row, users: list[str]) -> Row:
        """A stored adapter as it is answered, with the ids of the models that use it."""
        answer = row | {"model_ids": users}
        if row["key"] in self.broken_adapters:
            answer["process_input"] = {"language": "cobol", "source_code": "STOP RUN."}
        if self.fill_nulls:
            _nulls(answer, ("description", "long_description"))
        return self.dress(self.alters.get(row["key"], dict)(answer))

    def dress(self, answer: Any) -> Any:
        """Any answer with the numbers and the unknown fields that it is to have."""
        if self.ints_as_floats:
            answer = _floats(answer)
        answer = _novel(answer) if self.unknown_fields else answer
        return answer if self.distorts is None else self.distorts(answer)

    @property
    def _faithful(self) -> bool:
        return self.raw_keys == "echo" and not (self.fill_nulls or self.ints_as_floats or self.unknown_fields)


def _hide(config: Row, how: str) -> None:
    context = config.get("tls_context", {}).get("validation_context", {})
    for place, names in ((config, SECRET_FIELDS), (context, ("trusted_ca",))):
        for name in names:
            if isinstance(place.get(name), str) and how != "echo":
                if how == "mask":
                    place[name] = MASK
                else:
                    del place[name]


def _nulls(place: Row, names: tuple[str, ...]) -> None:
    for name in names:
        place.setdefault(name, None)


def _floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _floats(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_floats(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _novel(value: Any, *, open_map: bool = False) -> Any:
    if isinstance(value, dict):
        # what was sent back of earlier answers stays as it is: a server does not add to what it has added
        answer = {
            name: item if name.startswith("x_") or name in NOVELTY else _novel(item, open_map=name in OPEN_MAPS)
            for name, item in value.items()
        }
        return answer if open_map else answer | copy.deepcopy(NOVELTY)
    if isinstance(value, list):
        return [_novel(item) for item in value]
    return value
