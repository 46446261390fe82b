"""No status speaks of flags or of a file that nobody in a cluster has."""

from __future__ import annotations

import pytest

from reconciler.controller.wording import LONGEST, guard_text, worded
from reconciler.planner import guards
from reconciler.planner.guards import Deletions, Limits

SAID = {
    "/a cannot change in place: the object must be deleted and created again; --allow-replaces 3 allows that": (
        "/a cannot change in place: the object must be deleted and created again: delete this object and create it again "
        "where that may be, or set the field back"
    ),
    "it belongs to us; --take-ownership us takes it over": (
        "it belongs to us; `reconciler apply --take-ownership us` takes it over"
    ),
    "${cmd:secret/token/key} leads nowhere": "${secret:token/key} leads nowhere",
    "${var:configMap/texts/a}": "${configMap:texts/a}",
    "declared twice: also in models.models.reconciler.dev/team/b.json:1": "declared twice: also in models team/b",
    "also in models.nemo.models.reconciler.dev/team/b.json:1:2": "also in models team/b",
    "`guards: {x: true}` in reconciler.yaml allows it": "`guards: {x: true}` of the Registry allows it",
    "add it to `variables` in reconciler.yaml": "add it to `variables` of the Registry",
    "401: wrong key sk-proj-aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW": "401: wrong key ***",
    "two\nlines": "two\\nlines",
}


@pytest.mark.parametrize("text", SAID)
def test_the_engines_words_become_those_of_a_cluster(text: str) -> None:
    assert worded(text) == SAID[text]


def test_every_guard_names_a_way_out_that_there_is() -> None:
    deletions = {"r": Deletions(30, 40)}
    tripped = (*guards.tripped(deletions, Limits(), None), *guards.tripped(deletions, Limits(), 3))
    others = (guards.no_owner("r"), guards.consent("r/Model/a", "/x", "allow_x", "why"), guards.no_documents())
    for one in (*tripped, *others):
        text = guard_text(one.name, one.message)
        assert "--" not in text
        assert "reconciler.yaml" not in text
    assert {one.name for one in tripped} == {"max-deletes", "max-delete-percent", "allow-deletes"}


def test_a_message_is_bounded() -> None:
    assert len(worded("x" * 5000)) == LONGEST
