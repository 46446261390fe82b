"""The objects of the benchmarks on Kubernetes: Registries with Models, as a team would write them. Each Registry has a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

API: Final = "models.reconciler.dev/v1alpha1"
Data = dict[str, Any]


def namespace(number: int) -> str:
    """The name of the namespace of a Registry."""
    return f"team-{number:04}"


def model_name(number: int) -> str:
    return f"chat-{number:05}"


def registry(number: int, spec: Data) -> Data:
    """A Registry for all Models of its namespace."""
    metadata = {"name": "main", "namespace": namespace(number)}
    return {"apiVersion": API, "kind": "Registry", "metadata": metadata, "spec": {"default": True, **spec}}


def model(team: int, number: int) -> Data:
    """A Model of average size: 0.7 kB as JSON."""
    return {
        "apiVersion": API,
        "kind": "Model",
        "metadata": {"name": model_name(number), "namespace": namespace(team), "labels": {"team": namespace(team)}},
        "spec": {
            "display_name": f"Support chat {number}",
            "description": "Answers customers' questions on invoices and contracts.",
            "task": "chat_completion",
            "endpoint": {
                "url": f"https://llm-{number % 7}.example.com/v1",
                "model": "gpt-oss-120b",
                "timeout": 30,
            },
            "parameters": {"temperature": 0.2, "top_p": 0.95, "max_completion_tokens": 1024},
            "limits": {"requests_per_minute": 60, "max_concurrency": 4},
            "tags": ["support", "prod", f"team-{number % 13}"],
            "labels": {"team": "cx", "tier": "gold"},
            "metadata": {"cost_centre": number},
        },
    }


def models(teams: int, of_each: int) -> Iterator[Data]:
    """The Models of all teams."""
    return (model(team, number) for team in range(teams) for number in range(of_each))
