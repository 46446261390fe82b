"""What an AI GO! offers before anybody has stored anything: built-in adapters and the providers' catalogues."""

from __future__ import annotations

from typing import Any, Final


def _adapter(name: str, display: str, given: str, got: str) -> dict[str, Any]:
    return {
        "key": f"latticeflow${name}",
        "display_name": display,
        "description": "Comes with the registry.",
        "provider": "latticeflow",
        "process_input": {"language": "jinja", "source_code": given},
        "process_output": {"language": "jinja", "source_code": got},
    }


def _offer(provider: str, name: str, key: str = "", task: str = "chat_completion") -> dict[str, Any]:
    return {
        "key": f"{provider}${key or name}",
        "display_name": name,
        "task": task,
        "config": {"connection_type": "provider_connection", "provider_id": provider, "model_key": name},
    }


BUILT_IN: Final = (
    _adapter("identity", "Identity", "{{ input | tojson }}", "{{ body }}"),
    _adapter(
        "openai_chat_completion",
        "OpenAI chat completion",
        '{"model": "{{ model_info.model_key }}", "messages": {{ input.messages | tojson }}}',
        "{{ body }}",
    ),
    _adapter(
        "openai_responses",
        "OpenAI responses",
        '{"model": "{{ model_info.model_key }}", "input": {{ input.messages | tojson }}}',
        '{"choices": [{"message": {"role": "assistant", "content": "{{ (body | fromjson).output_text | json_escape }}"}}]}',
    ),
)

# A key has no dots, the provider's own name may.
CATALOGUE: Final = {
    "openai": (
        _offer("openai", "gpt-4o"),
        _offer("openai", "gpt-5-nano"),
        _offer("openai", "gpt-4.1", "gpt-4-1"),
        _offer("openai", "text-embedding-3-small", task="embeddings"),
    ),
    "anthropic": (
        _offer("anthropic", "claude-sonnet-4-5"),
        _offer("anthropic", "claude-3.5-haiku", "claude-3-5-haiku"),
    ),
}
UNREACHABLE: Final = ("together",)
