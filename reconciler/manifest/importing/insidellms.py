"""Run configs and harnesses of insideLLMs: the models in them, as portable Models where a provider or an endpoint says what they are.

What a run asks of a model (probes, datasets) is no part of it, and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from reconciler.core.document.trees import List, Map, Member, Node, Scalar
from reconciler.core.model import Parameters
from reconciler.manifest.importing.drafts import Draft, Importer, Session
from reconciler.manifest.importing.journal import At
from reconciler.manifest.importing.values import escaped, text_of, value_of
from reconciler.registry.insidellms.arguments import ARGUMENTS, GENERATION
from reconciler.registry.insidellms.compile import NO_KEY

_DRIVER: Final = "insidellms"
_MODELS: Final = ("model", "models")
_GENERATION: Final = ("generation", "probe_kwargs", "run_kwargs")  # one thing under three names; the later ones win
_NOT_IN_KEYS: Final = re.compile(r"[^A-Za-z0-9._-]+")
_OPENAI: Final = "https://api.openai.com/v1"
_OPENAI_KEY: Final = "OPENAI_API_KEY"
_KEYS: Final = {"openai": _OPENAI_KEY, "openrouter": "OPENROUTER_API_KEY"}  # sent where a config names none
_DEFAULT_MODELS: Final = {"openai": "gpt-3.5-turbo", "ollama": "llama3.2"}  # where a config names none
_WITHOUT_V1: Final = ("ollama", "vllm")  # whose base_url lacks the `/v1` below which they speak OpenAI's format
_NATIVE: Final = ("dummy",)  # no provider and no endpoint
_HEADERS: Final = ("default_headers", "headers", "extra_headers")
# what some types call a portable parameter, whatever this version's table says of the type
_SYNONYMS: Final = {
    "max_tokens": "max_completion_tokens",
    "max_new_tokens": "max_completion_tokens",
    "max_output_tokens": "max_completion_tokens",
    "stop_sequences": "stop",
    **{name: name for name in Parameters.model_fields},
}


def translate(root: Map, session: Session) -> Iterator[Draft]:
    """The models of one file; all that is wrong goes to the session's journal."""
    for member in root.members:
        if member.key not in (*_MODELS, *_GENERATION):
            session.journal.warn(member, "not-a-model", f"{member.key!r} holds no models: left out")
    shared = [_plain(one) for name in _GENERATION for one in _members(root.find(name))]
    taken: set[str] = set()
    for model, above in _models(root, session):
        yield _Model(session, model, above).draft(shared, taken)


IMPORTER: Final = Importer("", translate)


def _models(root: Map, session: Session) -> Iterator[tuple[Map, tuple[str, ...]]]:
    """Every model with the comments above it."""
    single, several = root.find("model"), root.find("models")
    if single is not None and isinstance(single.value, Map):
        yield single.value, single.above
    items = several.value.items if several is not None and isinstance(several.value, List) else ()
    for number, item in enumerate(items):
        if isinstance(item.value, Map) and text_of(item.value, "type") is not None:
            above = (*(several.above if several is not None and number == 0 else ()), *item.above)
            yield item.value, above
        else:
            session.journal.error(
                item.value, "wrong-type", f"item {number + 1} of 'models' must be a map with a `type`"
            )


def _members(holder: Member | None) -> tuple[Member, ...]:
    return holder.value.members if holder is not None and isinstance(holder.value, Map) else ()


def _plain(member: Member) -> Member:
    return member._replace(value=escaped(member.value))


class _Parts(NamedTuple):
    """The arguments of a model, sorted: those that are parameters of each request, and all others."""

    parameters: dict[str, Member]
    arguments: dict[str, Member]


class _Model:
    """Translates one model."""

    def __init__(self, session: Session, model: Map, above: tuple[str, ...]) -> None:
        self._journal = session.journal
        self._model = model
        self._type = str(text_of(model, "type"))
        self._above = above

    def draft(self, shared: list[Member], taken: set[str]) -> Draft:
        """The manifest. `shared` is what all requests of the file say, `taken` the keys of the file so far, to which this one's is added."""
        errors = self._journal.errors
        parts = self._parts(shared)
        name = parts.arguments.get("name")
        model = parts.arguments.get("model_name") or parts.arguments.get("model_path")
        called = name or model
        words = str(value_of(called.value)) if called is not None else _DEFAULT_MODELS.get(self._type, self._type)
        key = self._key(words, taken)
        portable = self._type in ARGUMENTS and self._type not in _NATIVE and (model or self._type in _DEFAULT_MODELS)
        root = self._portable(parts, key, model) if portable else self._native(parts)
        kind = "Model" if portable else f"{_DRIVER}/Model"
        at = called.value if called is not None else self._model
        place = Member("key", Scalar(key, at.file, at.place), at.file, at.place, self._above)
        return Draft(kind, place, root, repeats=True, flawed=self._journal.errors > errors)

    def _key(self, words: str, taken: set[str]) -> str:
        first = key = _NOT_IN_KEYS.sub("-", words).strip("._-")[:240] or self._type
        number = 1
        while key in taken:
            number += 1
            key = f"{first}-{number}"
        taken.add(key)
        return key

    def _parts(self, shared: list[Member]) -> _Parts:
        """What stands in `args` counts more than what all requests of the file say."""
        own = {name: parameter for parameter, name in GENERATION.get(self._type, {}).items()}
        arguments = {one.key: _plain(one) for one in _members(self._model.find("args"))}
        constructor = ARGUMENTS.get(self._type, {})
        named = {**_SYNONYMS, **own}
        mine = [one for one in arguments.values() if one.key in named and one.key not in constructor]
        parameters: dict[str, Member] = {}
        for one in (*shared, *mine):
            if one.key in named:
                parameters[named[one.key]] = one._replace(key=named[one.key])
            else:
                self._left_out(one, f"{one.key!r} is no parameter that a Model has: left out")
        return _Parts(parameters, {name: one for name, one in arguments.items() if one not in mine})

    def _left_out(self, at: At, message: str) -> None:
        self._journal.warn(at, "not-expressible", message)

    # --- a portable Model ----------------------------------------------------------------------------------------

    def _portable(self, parts: _Parts, key: str, model: Member | None) -> Map:
        used = {"name", "model_name", "model_path"}
        named = parts.arguments.get("name")
        what = model.value if model is not None else self._scalar(_DEFAULT_MODELS[self._type])
        url = self._url(parts)
        if url is None:
            source = self._map("provider", {"name": self._scalar(self._type), "model": what})
        else:
            used |= {"base_url", "timeout", "api_key", "api_key_env", *_HEADERS}
            source = self._map("endpoint", {"url": url, "model": what, **self._connection(parts, key)})
        members = [source]
        if named is not None and value_of(named.value) != key:
            members.insert(0, named._replace(key="display_name"))
        if parts.parameters:
            values = {name: one.value for name, one in parts.parameters.items()}
            members.append(self._map("parameters", values))
        for name, argument in parts.arguments.items():
            if name not in used:
                self._unused(argument)
        pipeline = self._model.find("pipeline")
        if pipeline is not None:
            self._left_out(pipeline, "'pipeline' is insideLLMs's own, and a Model has none: left out")
        return Map(tuple(members), self._model.file, self._model.place, below=self._model.below)

    def _url(self, parts: _Parts) -> Node | None:
        """Where the model is reached, or None for its provider's usual address."""
        base, key = parts.arguments.get("base_url"), parts.arguments.get("api_key_env")
        if base is None or value_of(base.value) in (None, ""):
            other = self._type == "openai" and key is not None and value_of(key.value) != _OPENAI_KEY
            return self._scalar(_OPENAI) if other else None
        text = value_of(base.value)
        if self._type not in _WITHOUT_V1 or not isinstance(text, str) or not isinstance(base.value, Scalar):
            return base.value
        return base.value._replace(value=f"{text.rstrip('/').removesuffix('/v1')}/v1", style="")

    def _connection(self, parts: _Parts, key: str) -> dict[str, Node]:
        found: dict[str, Node] = {}
        headers = next((parts.arguments[name] for name in _HEADERS if name in parts.arguments), None)
        if headers is not None:
            found["headers"] = headers.value
        if "timeout" in parts.arguments:
            found["timeout"] = parts.arguments["timeout"].value
        reference = self._key_reference(parts, key)
        return found if reference is None else {"api_key": self._scalar(reference), **found}

    def _key_reference(self, parts: _Parts, key: str) -> str | None:
        literal, named = parts.arguments.get("api_key"), parts.arguments.get("api_key_env")
        if literal is not None and isinstance(literal.value, Scalar) and literal.value.value not in (None, ""):
            return self._journal.withheld(literal.value, key, "api_key")
        name = value_of(named.value) if named is not None else _KEYS.get(self._type)
        return self._journal.variable_of_environment(name) if isinstance(name, str) and name != NO_KEY else None

    def _unused(self, argument: Member) -> None:
        if argument.key in ("api_key", "api_key_env"):
            message = (
                f"{argument.key!r} is left out: a provider's key belongs to the registry, "
                "for example into a latticeflow/Integration"
            )
            self._journal.warn(argument, "literal-secret" if argument.key == "api_key" else "not-expressible", message)
        else:
            self._left_out(argument, f"{argument.key!r} is insideLLMs's own, and a Model has none: left out")

    # --- insideLLMs's own ----------------------------------------------------------------------------------------

    def _native(self, parts: _Parts) -> Map:
        members: dict[str, Node] = {"type": self._scalar(self._type)}
        arguments = dict(parts.arguments)
        literal = arguments.pop("api_key", None)
        if literal is not None:
            self._unused(literal)
        if arguments:
            values = {name: one.value for name, one in arguments.items()}
            members["args"] = self._map("args", values).value
        pipeline = self._model.find("pipeline")
        if pipeline is not None:
            members["pipeline"] = pipeline.value
        whole = [self._map("model", members)]
        if parts.parameters:
            own: Mapping[str, str] = GENERATION.get(self._type, {})
            generation: dict[str, Node] = {own.get(name, name): one.value for name, one in parts.parameters.items()}
            whole.append(self._map("generation", generation))
        return Map(tuple(whole), self._model.file, self._model.place, below=self._model.below)

    # --- nodes ---------------------------------------------------------------------------------------------------

    def _scalar(self, value: Any) -> Scalar:
        return Scalar(value, self._model.file, self._model.place)

    def _map(self, name: str, values: Mapping[str, Node]) -> Member:
        members = (Member(key, value, value.file, value.place) for key, value in values.items())
        inner = Map(tuple(members), self._model.file, self._model.place)
        return Member(name, inner, self._model.file, self._model.place)
