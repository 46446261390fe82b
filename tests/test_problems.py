"""From what a validator says to what a person reads."""

from __future__ import annotations

import pytest

from reconciler.core import document
from reconciler.core.schema.findings import Finding, nearest, place
from reconciler.manifest.model_check import check_model


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
        ({"parameters": {"stop": ["x", 1]}}, "item 2 of 'stop' must be a string, not a number"),
        ({"parameters": {"stop": 1}}, "'stop' must be a string or a list of strings, not a number"),
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


def test_an_item_has_its_own_place() -> None:
    """What is wrong in a list is told of the item, in every list."""
    data = {"kind": "Model", "key": "a", "parameters": {"stop": [1, "x", None]}}
    assert [finding.pointer for finding in check_model(data)[1]] == ["/parameters/stop/0", "/parameters/stop/2"]


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ("api_key", "endpoint.api_key"),
        ("dispaly_name", "display_name"),
        ("previous_kyes", "previous_keys"),
        ("zzz", None),
    ],
)
def test_a_field_that_exists_elsewhere_is_meant_for_there(field: str, meant: str | None) -> None:
    """The exact name in another place comes before a name here that is only alike."""
    [finding] = check_model({"kind": "Model", "key": "a", field: "x"})[1]
    assert finding.suggestion == meant


@pytest.mark.parametrize("url", ["u:p@x.y", "https://u:p@x.y/", "u@x.y"])
def test_a_user_in_a_url_is_a_literal_secret(url: str) -> None:
    """With a scheme before it or without: so no format quotes it."""
    [finding] = check_model({"kind": "Model", "key": "a", "endpoint": {"url": url}})[1]
    assert finding.rule == "literal-secret"


def test_the_nearest_word_is_near() -> None:
    """A suggestion, or none."""
    assert nearest("dispaly_name", ["display_name", "description"]) == "display_name"
    assert nearest("x", ["display_name"]) is None
    assert nearest("x", []) is None


def test_the_nearest_path_is_near_in_each_part() -> None:
    """A long beginning that every address, kind or pointer shares makes none of them the one that was meant."""
    assert nearest("latticeflow/zzzzz", ["latticeflow/Model"]) is None
    assert nearest("latticeflow/Modle", ["latticeflow/Model"]) == "latticeflow/Model"
    assert nearest("/endpont/url", ["/endpoint/url", "/endpoint/model"]) == "/endpoint/url"
    assert nearest("description", ["/description"]) == "/description"
    assert nearest("local/Model/chat", ["local/Model/chat/x"]) is None


def test_a_finding_finds_its_place() -> None:
    """The value, the key, or the nearest that contains what is not there."""
    places = document.places("a: {b: 1}\n", "x.yaml")
    assert place(Finding("r", "m", "/a/b"), places, 0, "x.yaml")[1:3] == (1, 8)
    assert place(Finding("r", "m", "/a/b", at_key=True), places, 0, "x.yaml")[1:3] == (1, 5)
    assert place(Finding("r", "m", "/a/c/d"), places, 0, "x.yaml")[1:3] == (1, 4)
    assert place(Finding("r", "m"), places, 7, "x.yaml")[1:3] == (1, 1)
