"""From what a validator says to what a person reads."""

from __future__ import annotations

import pytest

from reconciler import document
from reconciler.manifest.model_check import check_model
from reconciler.problems import Finding, nearest, place


def said(**fields: object) -> str:
    return "; ".join(finding.message for finding in check_model({"kind": "Model", "key": "a", **fields})[1])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tags": "x"}, "'tags' must be a list, not a string"),
        ({"endpoint": None, "labels": {"a": 1}}, "'a' must be a string, not a number"),
        ({"endpoint": {}}, "'url' is missing"),
        ({"protected": 1}, "'protected' must be true or false, not a number"),
        ({"limits": {"max_concurrency": 0}}, "'max_concurrency' must be at least 1"),
        ({"registries": {}}, "'registries' must not be empty"),
        ({"ignore": ["/a", "b"]}, "item 2 of 'ignore' must be a JSON pointer such as /description"),
        ({"tags": ["a", None]}, "item 2 of 'tags' must be a string, not null"),
        ({"task": "chat"}, "'task' must be one of chat_completion, completion, embeddings, rerank, custom"),
        ({"url": "x"}, "unknown field 'url'"),
    ],
)
def test_messages_are_in_words(fields: dict[str, object], message: str) -> None:
    """What is wrong, of what, in words that are not pydantic's."""
    assert said(**fields) == message


def test_a_message_never_repeats_the_value() -> None:
    """It may be a secret."""
    assert "hunter2" not in said(
        endpoint={"url": "hunter2", "api_key": "hunter2", "timeout": "hunter2"}, task="hunter2", parameters="hunter2"
    )


def test_the_nearest_word_is_near() -> None:
    """A suggestion, or none."""
    assert nearest("dispaly_name", ["display_name", "description"]) == "display_name"
    assert nearest("x", ["display_name"]) is None
    assert nearest("x", []) is None


def test_a_finding_finds_its_place() -> None:
    """The value, the key, or the nearest that contains what is not there."""
    places = document.places("a: {b: 1}\n", "x.yaml")
    assert place(Finding("r", "m", "/a/b"), places, 0, "x.yaml")[1:3] == (1, 8)
    assert place(Finding("r", "m", "/a/b", at_key=True), places, 0, "x.yaml")[1:3] == (1, 5)
    assert place(Finding("r", "m", "/a/c/d"), places, 0, "x.yaml")[1:3] == (1, 4)
    assert place(Finding("r", "m"), places, 7, "x.yaml")[1:3] == (1, 1)
