"""What `lf` 3.17 reads: files of one model, files of one model adapter, and run configs, which hold several of each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final

from reconciler.core.document.trees import List, Map, Member, Node, Scalar, scalars_of
from reconciler.core.schema.findings import nearest
from reconciler.manifest.importing.drafts import Draft, Importer, Session, folder_of
from reconciler.manifest.importing.lf_values import Field, Values, environment_of
from reconciler.manifest.importing.sources import REF, Sources
from reconciler.manifest.native import COMMON_FIELDS
from reconciler.registry.catalog import load_driver
from reconciler.registry.latticeflow.connections import IDENTITY, PROVIDERS

_DRIVER: Final = "latticeflow"
_MODELS: Final = "models"
_ADAPTERS: Final = "model_adapters"
_SECRETS: Final = "secrets"  # the name of a section
_SECTIONS: Final = ("datasets", "dataset_generators", _MODELS, _ADAPTERS, "evaluation")
_OTHERS: Final = ("datasets", "dataset_generators", "evaluation", "tasks", "policies", "config", "run_config")
_IMPORTED: Final = (_MODELS, _ADAPTERS, _SECRETS)
_TASK_FIELDS: Final = ("key", "display_name", "definition")
_ADAPTER_FIELDS: Final = ("process_input", "process_output")
_MODEL_FIELDS: Final = ("config", "rate_limit", "max_concurrent_requests")
_FIELDS: Final = (*_MODEL_FIELDS, *_ADAPTER_FIELDS)  # a model or an adapter has one of them
_SHARED_FIELDS: Final = ("key", "display_name", "description", "long_description", "task", "provider", _SECRETS)
# what tasks, datasets, generators, evaluations, assessment plans, frameworks, scorers and AI apps have, and neither of those two
_OTHER_FIELDS: Final = tuple(
    "aggregation config_spec definition domain domains evaluation_specifications function generator_specification "
    "judge_model_key metric metric_key model_under_test_key providers risk_profile risk_scorers "
    "risk_scoring_methodology_key risks scope source tags task_specifications tasks use_cases".split()
)
_KEY: Final = re.compile(r"[A-Za-z0-9_$-]{1,250}")
_SECRET_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,250}")
_VARIABLE: Final = re.compile(r"\$(?:[A-Za-z_]|\{)")
_LEGACY: Final = re.compile(r"latticeflow\$identity_(?:chat_completion|embeddings|custom)")
_NOT_IN_KEYS: Final = re.compile(r"[^A-Za-z0-9_-]")
_TODO: Final = "((TODO))"


def may_be_part(root: Map) -> bool:
    """Whether a map that looks like nothing else may be a file of `lf`, or a part of one: it knows no `kind`."""
    names = {member.key for member in root.members}
    return "kind" not in names and bool(names & {*_TASK_FIELDS[:2], *_MODEL_FIELDS, "tasks", REF})


def translate(root: Map, session: Session) -> Iterator[Draft]:
    """The objects of one file; all that is wrong goes to the session's journal."""
    return _File(session).drafts(root)


def expand(root: Map, sources: Sources) -> Map:
    """The file with the other files that it names in what is translated: the sections about models, or the whole of a model or an adapter."""
    names = {member.key for member in root.members}
    if _is_run_config(root) and REF not in names:
        members = (
            member._replace(value=sources.expanded(member.value)) if member.key in _IMPORTED else member
            for member in root.members
        )
        return root._replace(members=tuple(members))
    expanded = sources.expanded(root) if names.intersection((REF, *_FIELDS)) else root
    return expanded if isinstance(expanded, Map) else root


def left_out(root: Map, sources: Sources) -> Iterator[str]:
    """The files that the sections name of which nothing is imported."""
    if _is_run_config(root):
        for member in root.members:
            if member.key not in _IMPORTED:
                yield from sources.referred(member.value)


def whole(root: Map) -> bool:
    """Whether it declares anything by itself."""
    names = {member.key for member in root.members}
    return _is_run_config(root) or ("key" in names and not names.isdisjoint(_FIELDS))


IMPORTER: Final = Importer(f"{_DRIVER}/Secret", translate, environment_of, expand, left_out, whole)


def _is_run_config(root: Map) -> bool:
    names = {member.key for member in root.members}
    if names.intersection(_SECTIONS):
        return True
    return bool(names & {"tasks", _SECRETS}) and not names.intersection((*_TASK_FIELDS, *_ADAPTER_FIELDS, "config"))


class _File:
    """Translates one file."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._journal = session.journal

    def drafts(self, root: Map) -> Iterator[Draft]:
        names = {member.key for member in root.members}
        if _is_run_config(root):
            yield from self._run_config(root)
        elif names.intersection(_ADAPTER_FIELDS):
            yield from self._adapter(root)
        elif names.intersection(_MODEL_FIELDS):
            yield from self._model(root)
        else:
            self._neither(root, names)

    def _neither(self, root: Map, names: set[str]) -> None:
        """What is no model and no adapter as it stands: a mistake, unless it is something else that `lf` reads."""
        others = [member for member in root.members if member.key not in (*_SHARED_FIELDS, *_OTHER_FIELDS)]
        meant = [(member, nearest(member.key, (*_FIELDS, *_OTHER_FIELDS))) for member in others]
        mistyped = [(member, name) for member, name in meant if name in _FIELDS]
        for member, name in mistyped:
            self._journal.error(member, "unknown-field", f"unknown field {member.key!r}", name)
        if mistyped:
            return
        if {"key", "display_name"} <= names and names.isdisjoint(_OTHER_FIELDS):
            message = (
                "'config' is missing for a model, 'process_input' for an adapter: leave the file out if it is neither"
            )
            self._journal.error(root, "missing-field", message)
        else:
            self._journal.warn(root, "not-a-model", "this is no model, so it is left out")

    def _run_config(self, root: Map) -> Iterator[Draft]:
        sections = {_MODELS: self._model, _ADAPTERS: self._adapter}
        for section in root.members:
            if section.key in sections:
                for entry in self._entries(section):
                    yield from sections[section.key](entry)
            elif section.key == _SECRETS:
                yield from self._secrets(section)
            elif (meant := nearest(section.key, (*sections, _SECRETS, *_OTHERS))) is not None and meant not in _OTHERS:
                self._journal.error(section, "unknown-field", f"unknown field {section.key!r}", meant)
            else:
                self._journal.warn(section, "not-a-model", f"{section.key!r} holds no models: left out")
        if not any(section.key in (*sections, _SECRETS) for section in root.members):
            self._journal.warn(root, "not-a-model", "this file holds nothing about models")

    def _entries(self, section: Member) -> Iterator[Map]:
        """The maps in a section's list, each with the comments above it."""
        value = section.value
        if isinstance(value, Scalar) and value.value is None:
            return
        if not isinstance(value, List):
            self._journal.error(value, "wrong-type", f"{section.key!r} must be a list")
            return
        last = len(value.items) - 1
        for number, item in enumerate(value.items):
            entry = item.value
            if not isinstance(entry, Map) or not entry.members:
                self._journal.error(entry, "wrong-type", f"item {number + 1} of {section.key!r} must be a map")
                continue
            first, *others = entry.members
            above = (*(section.above if number == 0 else ()), *item.above, *first.above)
            below = (*entry.below, *(value.below if number == last else ()))
            yield entry._replace(members=(first._replace(above=above), *others), below=below)

    def _model(self, root: Map) -> Iterator[Draft]:
        provider = root.find("$provider")
        if provider is not None:
            yield from self._provider_model(root, provider)
            return
        secrets = root.find(_SECRETS)
        header = root.members[0].above
        if secrets is not None:
            yield from self._secrets(secrets._replace(above=()) if secrets is root.members[0] else secrets)
        yield from self._object("Model", root, header if secrets is root.members[0] else (), without=(_SECRETS,))

    def _adapter(self, root: Map) -> Iterator[Draft]:
        provider = root.find("$provider")
        if provider is not None:
            self._journal.warn(
                provider, "not-a-model", "an adapter that comes with the platform needs no manifest: left out"
            )
            return
        task = root.find("task")
        if task is not None:
            self._journal.warn(task, "old-field", "'task' means nothing any more, so it is left out")
        header = root.members[0].above if task is root.members[0] else ()
        yield from self._object("Adapter", root, header, without=("task",))

    def _object(self, name: str, root: Map, header: tuple[str, ...], *, without: tuple[str, ...]) -> Iterator[Draft]:
        """The model or adapter that a map declares; `header` is what stood above the first of the fields that are left out."""
        errors = self._journal.errors
        self._check_filled_in(root)
        key = root.find("key")
        if key is None:
            self._journal.error(root, "missing-field", "'key' is missing")
            return
        if not self._is_key(key):
            return
        for member in root.members:
            if member.key in COMMON_FIELDS and member.key != "key":
                message = f"`lf` knows no field {member.key!r}, and in a manifest it means something else"
                self._journal.error(member, "unknown-field", message)
        kind = f"{_DRIVER}/{name}"
        rules = load_driver(_DRIVER).kinds[name].root
        kept = root._replace(members=tuple(item for item in root.members if item.key not in ("key", *without)))
        made = self._values(kind, str(_text(key.value))).map(kept, Field("", rules))
        flawed = self._journal.errors > errors or not self._session.sources.is_whole(root)
        yield Draft(kind, key._replace(above=(*header, *key.above)), self._renamed(made), flawed=flawed)

    def _check_filled_in(self, root: Node) -> None:
        for scalar in scalars_of(root):
            if isinstance(scalar.value, str) and _TODO in scalar.value:
                self._journal.error(scalar, "to-do", f"{_TODO} is still to be filled in")

    def _values(self, kind: str, key: str) -> Values:
        return Values(self._session, key, os.path.join(self._session.folder, folder_of(kind)))

    def _is_key(self, key: Member) -> bool:
        text = _text(key.value)
        if text is not None and _VARIABLE.match(text):
            message = "the key cannot be a variable: it is the identity of what is declared, so write it out"
            self._journal.error(key.value, "bad-key", message)
        elif text is None or not _KEY.fullmatch(text):
            message = "must be text of at most 250 letters, digits, '_', '-' and '$'"
            self._journal.error(key.value, "bad-key", f"'key' {message}")
        else:
            return True
        return False

    def _renamed(self, root: Map) -> Map:
        """The old names of the adapter that changes nothing, as the one that it has now."""

        def at(node: Map, *path: str) -> Map:
            return node._replace(members=tuple(step(member, path) for member in node.members))

        def step(member: Member, path: tuple[str, ...]) -> Member:
            value = member.value
            if member.key != path[0]:
                return member
            if len(path) > 1:
                return member._replace(value=at(value, *path[1:])) if isinstance(value, Map) else member
            if not isinstance(value, Scalar) or not _LEGACY.fullmatch(str(value.value)):
                return member
            self._journal.warn(value, "old-name", f"this adapter is called {IDENTITY} now, which is what is written")
            return member._replace(value=value._replace(value=IDENTITY))

        return at(root, "config", "adapter", "key")

    def _secrets(self, section: Member) -> Iterator[Draft]:
        value = section.value
        if isinstance(value, Scalar) and value.value is None:
            return
        if not isinstance(value, Map):
            self._journal.error(value, "wrong-type", "'secrets' must be a map of names to values")
            return
        kind = f"{_DRIVER}/Secret"
        field = Field("", load_driver(_DRIVER).kinds["Secret"].root).below("value")
        for number, member in enumerate(value.members):
            if not _SECRET_NAME.fullmatch(member.key):
                message = "the name of a secret holds at most 250 letters, digits, '_' and '-'"
                self._journal.error(member, "bad-key", message)
                continue
            above = (*(section.above if number == 0 else ()), *member.above)
            errors = self._journal.errors
            self._check_filled_in(member.value)
            made = self._values(kind, "").value(member.value, field._replace(name=member.key))
            key = Member("key", Scalar(member.key, member.file, member.place), member.file, member.place, above)
            root = Map((Member("value", made, member.file, member.place, (), member.beside),), value.file, member.place)
            yield Draft(kind, key, root, repeats=True, flawed=self._journal.errors > errors)

    def _provider_model(self, root: Map, provider: Member) -> Iterator[Draft]:
        """`$provider: "openai/gpt-4o"`: what `lf` takes from the provider's catalogue."""
        at, text, errors = provider.value, _text(provider.value) or "", self._journal.errors
        name, slash, model = text.partition("/")
        for member in root.members:
            if member is not provider:
                self._journal.error(member, "unknown-field", "nothing can stand beside '$provider'")
        if not slash or not model or name not in PROVIDERS:
            message = f"'$provider' must be <provider>/<model>, with one of {', '.join(PROVIDERS)}"
            self._journal.error(at, "not-allowed", message)
            return
        part = _NOT_IN_KEYS.sub("-", model)
        if part != model:
            message = f"{model!r} cannot stand in a key, and {part!r} is a guess: `reconciler models {name}` tells the real key"
            self._journal.warn(at, "guessed-key", message)

        def field(key: str, value: Node) -> Member:
            return Member(key, value, provider.file, provider.place)

        def words(value: str) -> Scalar:
            return Scalar(value, at.file, at.place)

        members = {"connection_type": "provider_connection", "provider_id": name, "model_key": model}
        config = Map(tuple(field(key, words(value)) for key, value in members.items()), at.file, at.place)
        fields = (field("display_name", words(model)), field("config", config))
        key = field("key", words(f"{name}${part}"))._replace(above=provider.above, beside=provider.beside)
        made = Map(fields, root.file, root.place, below=root.below)
        yield Draft(f"{_DRIVER}/Model", key, made, repeats=True, flawed=self._journal.errors > errors)


def _text(node: Node) -> str | None:
    """The text of a scalar that is one, and is not that of another file."""
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) and not node.tag else None
