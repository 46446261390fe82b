"""Explanations as JSON data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.problem_rules import DOCUMENTATION
from reconciler.core.topic import FieldFacts, Topic


def topics_data(topics: Sequence[Topic]) -> dict[str, Any]:
    """The answer for a name: all that it means."""
    return {"topics": [_topic(topic) for topic in topics]}


def names_data(names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The answer without a name: what can be explained, by sort."""
    return {"names": {sort: list(members) for sort, members in names.items()}}


def _topic(topic: Topic) -> dict[str, Any]:
    """One topic. What it has not is null or empty."""
    return {
        "name": topic.name,
        "sort": topic.sort,
        "meaning": topic.meaning,
        "remedy": topic.remedy or None,
        "notes": list(topic.notes),
        "field": None if topic.field is None else _field(topic.field),
        "members": [
            {"name": one.name, "type": one.type or None, "required": one.required, "meaning": one.meaning}
            for one in topic.members
        ],
        "example": topic.example or None,
        "documentation": f"{DOCUMENTATION}{topic.page}" if topic.page else None,
    }


def _field(field: FieldFacts) -> dict[str, Any]:
    return {
        "type": field.type,
        "required": field.required,
        "default": field.default,
        "values": list(field.values),
        "known_values": list(field.known_values),
        "limits": list(field.limits),
        "examples": list(field.examples),
        "secret": field.secret or None,
        "references": field.references or None,
        "rules": [{"name": rule.name, "detail": rule.detail, "sentence": rule.sentence} for rule in field.rules],
        "registries": [
            {
                "driver": one.driver,
                "holds": "all" if not one.lost else "part" if one.partly else "none",
                "lost": one.lost or None,
            }
            for one in field.holders
        ],
    }
