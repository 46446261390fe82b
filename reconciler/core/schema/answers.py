"""JSON Schemas of the JSON answers: what a pipeline may rely on.

Strict on what is named (required keys, words, types); open to more keys in every object, since a minor version adds
some. Actions and statuses are closed sets, reasons and rules are words that may grow in number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.core.actions import ACTIONS, STATUSES, SUMMARY

Form = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
CHANGES: Final = tuple(action for action in ACTIONS if action != "unchanged")


def _text(description: str, *examples: str) -> Form:
    return {"description": description, "type": "string"} | ({"examples": list(examples)} if examples else {})


def _word(description: str, values: tuple[str, ...]) -> Form:
    return {"description": description, "type": "string", "enum": list(values)}


def _count(description: str, minimum: int = 0) -> Form:
    return {"description": description, "type": "integer", "minimum": minimum}


def _flag(description: str) -> Form:
    return {"description": description, "type": "boolean"}


def _or_null(form: Form) -> Form:
    return form | {"type": [form["type"], "null"]}


def _list(description: str, items: Form) -> Form:
    return {"description": description, "type": "array", "items": items}


def _map(description: str, properties: Mapping[str, Form], *, optional: tuple[str, ...] = ()) -> Form:
    required = [name for name in properties if name not in optional]
    return {
        "description": description,
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": True,
    }


def _counts(description: str, names: tuple[str, ...], *, optional: tuple[str, ...] = ()) -> Form:
    counts = {name: _count(f"How many: {name.replace('_', ' ')}.") for name in (*names, *optional)}
    return _map(description, counts, optional=optional)


def _answer(title: str, description: str, properties: Mapping[str, Form], *, optional: tuple[str, ...] = ()) -> Form:
    version = {
        "description": "Minor versions add, major versions break.",
        "type": "string",
        "pattern": r"^1\.[0-9]+$",
        "examples": ["1.0"],
    }
    return {"$schema": DIALECT, "title": title} | _map(
        description, {"format_version": version, **properties}, optional=optional
    )


def _address(description: str = "`registry/Kind/key`; the key is all after the second slash.") -> Form:
    return {
        "description": description,
        "type": "string",
        "pattern": r"^[^/]+/[^/]+/[\s\S]",
        "examples": ["aigo/Model/support-chat"],
    }


def _time(description: str) -> Form:
    return _text(description, "2026-11-20T12:00:00Z")


def _duration() -> Form:
    return {"description": "Milliseconds.", "type": "number", "minimum": 0}


def _problem() -> Form:
    properties = {
        "file": _text("Relative to the working directory, with `/`.", "manifests/support.yaml"),
        "line": _count("From 1.", 1),
        "column": _count("In characters, from 1.", 1),
        "end_line": _count("From 1.", 1),
        "end_column": _count("From 1; the first column that is no longer meant.", 1),
        "rule": _text("A stable word.", "unknown-field"),
        "severity": _word("Errors make the manifests invalid, warnings do not.", ("error", "warning")),
        "message": _text("For people."),
        "pointer": _text("JSON pointer inside the document; empty for the document itself.", "/endpoint/url"),
        "suggestion": _or_null(_text("What was probably meant, or null.", "display_name")),
        "environment": _or_null(_text("The environment in which alone it is a problem, or null.", "prod")),
    }
    return _map("One thing wrong, with its place.", properties, optional=("environment",))


def _problems(description: str) -> Form:
    return _list(description, _problem())


def _field() -> Form:
    properties: dict[str, Form] = {
        "path": _text("JSON pointer into the native object; it descends maps, not lists.", "/display_name"),
        "before": {
            "description": "What the registry holds. Left out where there is nothing, and where it is sensitive."
        },
        "after": {"description": "What the manifest says. Left out where there is nothing, and where it is sensitive."},
        "sensitive": _flag("A secret: neither side is shown."),
    }
    hidden: Form = {
        "if": {"properties": {"sensitive": {"const": True}}, "required": ["sensitive"]},
        "then": {"properties": {"before": False, "after": False}},
    }
    return _map("One field that differs.", properties, optional=("before", "after")) | hidden


def _change() -> Form:
    source = _map("Where the manifest stands.", {"file": _text("As in problems."), "line": _count("From 1.", 1)})
    properties = {
        "address": _address(),
        "action": _word("What apply does; conflicts and blocked changes are left alone.", CHANGES),
        "reason": _text("A stable word.", "changed", "drifted", "new", "missing", "adopt", "mark", "removed", "rotate"),
        "fields": _list("What differs; a create has one entry for each field, a delete none.", _field()),
        "observed": _or_null(_text("Digest of what was seen of the object; null where there was none.")),
        "depends_on": _list("What must be done before.", _address()),
        "parent": _or_null(_address("The model that a secret or provider of its own belongs to, or null.")),
        "previous_address": _or_null(_address("Where the object was before a rename, or null.")),
        "source": _or_null(source),
        "unmanaged": _list(
            "What no manifest declares, the registry holds and the write would lose: it needs --allow-replaces. Left out where it loses nothing.",
            _text("A JSON pointer into the native object.", "/provider_config/brandNew"),
        ),
    }
    return _map("One change.", properties, optional=("unmanaged",))


def _guard() -> Form:
    properties = {
        "name": _text("A stable word.", "max-deletes"),
        "message": _text("For people; names the flag and the number."),
        "override": _or_null(_text("The exact flag that lifts it, or null where none does.", "--allow-deletes 7")),
    }
    return _map("A guard that tripped: nothing at all is written.", properties)


def _validate() -> Form:
    properties = {
        "valid": _flag("Whether no problem is an error."),
        "files": _count("Files that were read."),
        "documents": _count("Documents in them, the empty ones left out."),
        "problems": _problems("All of them, sorted by place."),
    }
    return _answer("Answer of validate", "What `reconciler validate --format json` prints.", properties)


def _plan() -> Form:
    properties = {
        "summary": _counts("How many changes of each action.", ACTIONS, optional=("pending",)),
        "changes": _list("In the order in which they are done; what is unchanged is left out.", _change()),
        "orphans": _list("Objects of ours that no manifest declares and that stay, without --prune.", _address()),
        "guards": _list("Guards that tripped.", _guard()),
        "problems": _problems("Warnings."),
        "fingerprint": _text("Digest of everything that the plan was computed from."),
    }
    return _answer(
        "Answer of plan and drift",
        "What `reconciler plan` and `reconciler drift` print with `--format json`, and what `--save` writes.",
        properties,
    )


def _apply() -> Form:
    outcome = {
        "address": _address(),
        "action": _word("What was planned.", CHANGES),
        "status": _word("How it ended.", STATUSES),
        "reason": _text("A stable word."),
        "started_ms": {
            **_duration(),
            "description": "Milliseconds from the beginning of the run; 0 for what was not begun.",
        },
        "duration_ms": _duration(),
    }
    properties = {
        "summary": _counts("How many changes ended in each way.", SUMMARY),
        "outcomes": _list(
            "In the order of the plan; what is unchanged is left out.", _map("How one change ended.", outcome)
        ),
        "backup": _or_null(_text("The folder with what was removed or overwritten, as manifests, or null.")),
    }
    return _answer("Answer of apply", "What `reconciler apply --format json` prints.", properties)


def _listing() -> Form:
    registry = _text("The registry's name in reconciler.yaml.", "aigo")
    resource = {
        "address": _address(),
        "kind": _text("The native kind, without its driver.", "Model"),
        "key": _text("The key in the registry.", "support-chat"),
        "registry": registry,
        "display_name": _or_null(_text("The name that people see, or null.", "Support chat")),
        "url": _or_null(_text("Where the model is served, or null.", "https://llm.example.com/v1")),
        "provider": _or_null(_text("The provider, or the wire format of its endpoint, or null.", "openai")),
        "model": _or_null(_text("Its name at the provider or endpoint, or null.", "gpt-oss-120b")),
        "tags": _list("As the registry holds them.", _text("A tag.", "prod")),
        "labels": _labels("As the registry holds them or, where it has no room for them, as the manifest says."),
        "protected": _flag("Whether its mark or its manifest forbids to delete it."),
        "owner": _or_null(_text("Whose mark it bears, or null.", "platform-team")),
        "updated_at": _or_null(_time("As the registry gives it, or null.")),
        "spec": _spec(),
        "unmanaged": _unmanaged(),
    }
    row = {
        "registry": registry,
        "kind": _or_null(_text("The native kind, or null where that cannot be told.", "Model")),
        "key": _or_null(_text("The key in the registry, or null where that cannot be told.", "support-chat")),
        "message": _text("Why it cannot be read, for people."),
    }
    failure = {"registry": registry, **_failure()}
    return _answer(
        "Answer of list",
        "What `reconciler list --format json` prints.",
        {
            "resources": _list("Sorted by address.", _map("One object.", resource, optional=("unmanaged",))),
            "unreadable": _list("What the registries hold and cannot be understood.", _map("One object.", row)),
            "failed": _list("The registries that could not be read.", _map("One registry.", failure)),
            "error": _map("Why there is no whole answer. Left out where every registry could be read.", _failure()),
        },
        optional=("error",),
    )


def _spec() -> Form:
    return {"description": "The object in the registry's own terms, without secrets.", "type": "object"}


def _labels(description: str) -> Form:
    value = _text("A value.", "cx")
    return {"description": description, "type": "object", "additionalProperties": value}


def _unmanaged() -> Form:
    return {
        "description": "What the object holds beside it that no kind declares, `***` for what may be a secret. Left out where there is nothing.",
        "type": "object",
    }


def _failure() -> dict[str, Form]:
    return {
        "code": _text("A stable word.", "usage", "manifests", "registry"),
        "message": _text("What is wrong."),
        "hint": _or_null(_text("What to do next, or null.")),
    }


def _get() -> Form:
    properties = {
        "address": _address(),
        "spec": _spec(),
        "unmanaged": _unmanaged(),
        "server_facts": {
            "description": "What the registry alone says of it, such as its id and when it was made, `***` for what may be a secret. "
            "Left out where it says nothing.",
            "type": "object",
        },
        "owner": _or_null(_text("Whose mark it bears, or null.", "platform-team")),
        "revision": _or_null(_text("The registry's change token, or null.")),
        "updated_at": _or_null(_time("As the registry gives it, or null.")),
    }
    about = "What `reconciler get --format json` prints."
    return _answer("Answer of get", about, properties, optional=("unmanaged", "server_facts"))


def _history() -> Form:
    revision = {
        "revision": _text("The registry's change token."),
        "action": _text("What was done.", "create"),
        "key": _text("The key at the time."),
        "at": _time("When, in UTC."),
        "actor": _text("Who."),
        "plan": _text("Fingerprint of the plan that wrote it."),
        "owner": _or_null(_text("Whose mark it bore, or null.")),
        "protected": _flag("Whether its mark protected it."),
        "fields": _list(
            "What it changed: `before` is the revision before it, `after` this one. The first of an object has one entry for each field, a "
            "deletion none.",
            _field(),
        ),
        "spec": {"description": "The object as it was then.", "type": "object"},
    }
    properties = {"address": _address(), "revisions": _list("Newest first.", _map("One entry.", revision))}
    return _answer("Answer of history", "What `reconciler history --format json` prints.", properties)


_STATES: Final = ("ok", "degraded", "failed")


def _test_result() -> dict[str, Form]:
    """The fields of one model's test result; the last four only where they are known."""
    check = {
        "name": _text("A stable word.", "connection"),
        "ok": _flag("Whether it passed, if only degraded."),
        "state": _word("How it ended.", _STATES),
        "message": _text("For people."),
        "duration_ms": _duration(),
    }
    step = {
        "name": _text("The check that it belongs to.", "transform-input"),
        "text": _text("What it gave."),
        "template": _text("The template that made it.", '{"ask": {{ input.messages[0].content | tojson }}}'),
        "status": _count("The HTTP status of the endpoint's answer.", 100),
    }
    figure: Form = {"description": "Rounded.", "type": "number", "minimum": 0}
    return {
        "address": _address(),
        "ok": _flag("Whether no check failed."),
        "state": _word("The worst state of a check.", _STATES),
        "checks": _list("In the order in which they ran.", _map("One check.", check)),
        "output": {"description": "What the model answered; null where it was not asked."},
        "endpoint": _text("The url that was asked, where it was no registry.", "https://llm.example.com/v1"),
        "capabilities": {
            "description": "By parameter, what the endpoint does with it.",
            "type": "object",
            "additionalProperties": _text("A stable word.", "accepted", "ignored", "refused", "unknown"),
        },
        "figures": {
            "description": "latency_ms, tokens_per_second, time_to_first_token_ms, as far as they are known.",
            "type": "object",
            "additionalProperties": figure,
        },
        "steps": _list(
            "What each step between the standard form and the endpoint's own gave.",
            _map("One step.", step, optional=("template", "status")),
        ),
    }


_ASKED: Final = ("endpoint", "capabilities", "figures", "steps")


def _test() -> Form:
    one = _test_result()
    several = {
        "results": _list("With --all, instead of the rest: sorted by key.", _map("One model.", one, optional=_ASKED))
    }
    alone = [name for name in one if name not in _ASKED]
    optional = tuple(name for name in (*one, *several) if name != "ok")
    form = _answer(
        "Answer of test", "What `reconciler test --format json` prints.", {**one, **several}, optional=optional
    )
    return form | {"anyOf": [{"required": alone}, {"required": ["results"]}]}


def _info() -> Form:
    live = {
        "url": _text("What was asked.", "https://llm.example.com/v1/models"),
        "listed": _or_null(_flag("Whether the endpoint lists the model; null where the manifest names none.")),
        "owned_by": _or_null(_text("Whose the endpoint says it is, or null.")),
        "max_tokens": _or_null(_count("Tokens of its context, or null where the endpoint does not tell.", 1)),
        "near": _list(
            "Names in the list that may be meant, where this one is not there.", _text("A name.", "m:latest")
        ),
    }
    properties = {
        "key": _text("The manifest's key.", "support-chat"),
        "kind": _text("The manifest's kind.", "Model"),
        "name": _text("What people call it.", "Support chat"),
        "provider": _or_null(_text("The provider, or the wire format of its endpoint.", "openai")),
        "model_id": _or_null(_text("Its name at the provider or endpoint.", "gpt-oss-120b")),
        "local": _or_null(_flag("Whether it runs on the machine that asks it; null where nobody knows.")),
        "supports_streaming": _or_null(_flag("Whether it answers piece by piece; null where nobody knows.")),
        "supports_chat": _or_null(_flag("Whether it takes messages; null where nobody knows.")),
        "max_tokens": _or_null(_count("Tokens of its context, where declared or told, else of its longest answer.", 1)),
        "context_length": _or_null(_count("Tokens of its context, declared or told by the endpoint, or null.", 1)),
        "max_answer_tokens": _or_null(_count("Tokens of its longest answer as declared, or null.", 1)),
        "live": _or_null(_map("What the endpoint says, with --live; else null.", live)),
        "source": _map("Its manifest.", {"file": _text("As in problems."), "line": _count("From 1.", 1)}),
    }
    return _answer("Answer of info", "What `reconciler info --format json` prints.", properties)


def _models() -> Form:
    source = _map("Its manifest, or null.", {"file": _text("As in problems."), "line": _count("From 1.", 1)})
    model = {
        "model": _text("Its name at the provider.", "gpt-5-nano"),
        "key": _text("The key that it would get in the registry.", "openai$gpt-5-nano"),
        "title": _text("For people.", "GPT-5 nano"),
        "declared": _or_null(source),
        "stored": _flag("Whether the registry holds it."),
    }
    provider = {
        "name": _text("As `provider.name` of a manifest has it.", "openai"),
        "aliases": _list("What else registries call it.", _text("A name.", "azure-openai")),
        "local": _or_null(_flag("Whether its models run on the machine that asks; null where that depends.")),
        "streaming": _flag("Whether they answer piece by piece."),
        "chat": _flag("Whether they take messages."),
    }
    one = {
        "registry": _text("The registry that was asked.", "aigo"),
        "provider": _text("The provider.", "openai"),
        "models": _list("Sorted by name.", _map("One model that the provider offers.", model)),
        "note": _or_null(_text("What is missing from the list, or in the way of using it, or null.")),
    }
    added = {
        "written": _list("With --add: the manifests that were written.", _text("Their files.", "manifests/gpt.yaml")),
        "environment": _list("With --add: what they need, for apply.", _text("A variable.", "OPENAI_API_KEY")),
    }
    several = {
        "providers": _list("Without PROVIDER, instead of the rest: sorted by name.", _map("One provider.", provider))
    }
    form = _answer(
        "Answer of models",
        "What `reconciler models --format json` prints.",
        {**one, **added, **several},
        optional=(*one, *added, *several),
    )
    return form | {"anyOf": [{"required": list(one)}, {"required": list(several)}]}


def _import() -> Form:
    file = {
        "path": _text("The manifest.", "manifests/models/support.yaml"),
        "kind": _text("Its kind.", "latticeflow/Model"),
        "key": _text("Its key.", "support"),
        "source": _text("The file that it was made of.", "models/support.yaml"),
    }
    properties = {
        "files": _list("The manifests that were written.", _map("One manifest.", file)),
        "variables": _list("What must be added to `variables` in reconciler.yaml.", _text("A name.", "LLM_HOST")),
        "environment": _list("What must be set in the environment, for apply.", _text("A name.", "LLM_KEY")),
        "problems": _problems("Warnings."),
    }
    return _answer("Answer of import", "What `reconciler import --format json` prints.", properties)


def _compare() -> Form:
    source = _map("The document.", {"file": _text("The file."), "line": _count("The line, from 1.", 1)})
    only = _map("One object.", {"address": _address(), "source": _or_null(source)})
    pair = {
        "address": _address(),
        "other_address": _text(
            "Its address in the second environment: another one only where a registry makes it of other fields."
        ),
        "fields": _list("What differs: `before` is in the first environment, `after` in the second.", _field()),
    }
    properties = {
        "environments": _list("The first and the second environment.", _text("A name.", "prod")),
        "live": _flag("Whether what the registries hold was compared, and not what the manifests declare."),
        "summary": _counts("How many objects of each sort.", ("only_first", "only_second", "differing", "equal")),
        "only_first": _list("Objects that only the first environment has.", only),
        "only_second": _list("Objects that only the second environment has.", only),
        "differing": _list("Objects that both have and that differ.", _map("One object.", pair)),
    }
    return _answer("Answer of compare", "What `reconciler compare --format json` prints.", properties)


def _explain() -> Form:
    word = _text("A rule's name.", "Immutable")
    rule = {"name": word, "detail": _text("The field's own reason or value."), "sentence": _text("All of it in words.")}
    holder = {
        "driver": _text("The registry's driver.", "nemo"),
        "holds": _word("How much of it such a registry holds.", ("all", "part", "none")),
        "lost": _or_null(_text("What it cannot hold, and why, or null.")),
    }
    values = {"description": "Values.", "type": "array"}
    field = {
        "type": _text("The type, in a word or two.", "text"),
        "required": _flag("Whether it must be there."),
        "default": {"description": "What it is where it is absent, or null."},
        "values": values | {"description": "The only values that it takes; empty where it takes others."},
        "known_values": values | {"description": "Some of its values, where the vendor may add others."},
        "limits": _list("What else a value must be.", _text("One limit.", "at most 250 characters")),
        "examples": values | {"description": "Values that it may have."},
        "secret": _or_null(_text("When it is a secret, or null for never.", "always")),
        "references": _or_null(_text("The references that it takes, or null for none.")),
        "rules": _list("How its registry treats it.", _map("One rule.", rule)),
        "registries": _list("For a field of a portable kind: who can hold it.", _map("One driver.", holder)),
    }
    member = {
        "name": _text("The field's name; `*` is any.", "url"),
        "type": _or_null(_text("Its type, or null.")),
        "required": _flag("Whether it must be there."),
        "meaning": _text("What it is."),
    }
    topic = {
        "name": _text("The name.", "Model.endpoint.url"),
        "sort": _text("What it is the name of.", "field"),
        "meaning": _text("What it means."),
        "remedy": _or_null(_text("What to do, or null.")),
        "notes": _list("What else is to be said.", _text("A sentence.")),
        "field": _or_null(_map("The facts of a field, or null.", field)),
        "members": _list("The fields below it.", _map("One field.", member)),
        "example": _or_null(_text("A manifest, or null.")),
        "documentation": _or_null(_text("Its page, or null.")),
    }
    names = {
        "description": "Without NAME: what can be explained, by sort.",
        "type": "object",
        "additionalProperties": _list("Names.", _text("A name.")),
    }
    properties = {"topics": _list("All that the name means.", _map("One meaning.", topic)), "names": names}
    form = _answer(
        "Answer of explain", "What `reconciler explain --format json` prints.", properties, optional=("topics", "names")
    )
    return form | {"anyOf": [{"required": ["topics"]}, {"required": ["names"]}]}


def _error() -> Form:
    properties = {
        "error": _map("Why there is no answer.", _failure()),
        "problems": _problems("What is wrong in the manifests."),
    }
    return _answer(
        "Failure", "What every command prints with `--format json` when it fails.", properties, optional=("problems",)
    )


OUTPUTS: Final[dict[str, Form]] = {
    "validate": _validate(),
    "plan": _plan(),
    "apply": _apply(),
    "list": _listing(),
    "get": _get(),
    "history": _history(),
    "compare": _compare(),
    "test": _test(),
    "info": _info(),
    "models": _models(),
    "import": _import(),
    "explain": _explain(),
    "error": _error(),
}
