"""Files for `lf`, one model of every connection type with every field set, and what they refer to."""

from __future__ import annotations

from typing import Any, Final

SECRET: Final = "sk-of-the-samples"
REFERENCE: Final = "<< secrets.LLM_KEY >>"


def adapter(key: str = "chat-in-and-out", **fields: Any) -> dict[str, Any]:
    """An adapter that asks as OpenAI is asked, and answers what it was answered."""
    return {
        "key": key,
        "display_name": "Chat in and out",
        "description": "Asks in one dialect.",
        "long_description": "# Chat\n\nAsks in one dialect.",
        "process_input": {
            "language": "jinja",
            "source_code": '{"model": "{{ model_info.model_key }}", "messages": {{ input.messages | tojson }}}',
        },
        "process_output": {"language": "jinja", "source_code": "{{ body }}"},
    } | fields


def model(key: str, config: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A model with every field that all connection types share."""
    return {
        "key": key,
        "display_name": f"The {key} one",
        "description": "Answers questions.",
        "rate_limit": 60,
        "max_concurrent_requests": 4,
        "task": "chat_completion",
        "config": config,
    } | fields


CUSTOM: Final = {
    "connection_type": "custom_connection",
    "adapter": {"key": "chat-in-and-out"},
    "url": "https://llm.example.com/v1/chat/completions",
    "api_key": REFERENCE,
    "model_key": "big-one",
    "custom_headers": {"X-Tenant": "acme", "X-Token": REFERENCE, "X-Tries": 3, "X-Share": 0.5, "X-Trace": True},
    "tls_context": {
        "validation_context": {
            "trusted_ca": "<< secrets.COMPANY-CA >>",
            "trust_chain_verification": "accept_untrusted",
        }
    },
}
RAW: Final = {"url": "https://llm.example.com/v1", "api_key": "sk-in-the-clear"}

CONFIGS: Final[dict[str, dict[str, Any]]] = {
    "custom": CUSTOM,
    "raw": RAW,
    "inference": {
        "connection_type": "custom_inference",
        "adapter": {"key": "chat-in-and-out"},
        "run_inference_snippet": "def run_inference(body, environment):\n    return body\n",
        "environment": {"PLACE": "eu", "TOKEN": REFERENCE, "TRIES": 2, "LOUD": False},
        "timeout": 30,
    },
    "openai$gpt-4o": {"connection_type": "provider_connection", "provider_id": "openai", "model_key": "gpt-4o"},
    "langsmith": {
        "connection_type": "langsmith",
        "deploy_url": "https://smith.example.com",
        "assistant_id": "assistant-1",
        "api_key": REFERENCE,
    },
    "azure": {
        "connection_type": "azure_foundry",
        "project_endpoint": "https://foundry.example.com/projects/one",
        "agent_name": "helper",
        "tenant_id": REFERENCE,
        "client_id": REFERENCE,
        "client_secret": REFERENCE,
    },
    "bedrock": {
        "connection_type": "aws_bedrock",
        "region": "eu-central-1",
        "harness_arn": "arn:aws:bedrock:eu-central-1:000000000000:agent/one",
        "access_key_id": REFERENCE,
        "secret_access_key": REFERENCE,
        "session_token": REFERENCE,
    },
    "claude": {
        "connection_type": "claude_managed_agents",
        "agent_id": "agent-1",
        "environment_id": "environment-1",
        "vault_id": "vault-1",
        "api_key": REFERENCE,
    },
    "dify": {"connection_type": "dify", "url": "https://dify.example.com/v1", "api_key": REFERENCE},
    "placeholder": {"connection_type": "placeholder"},
}
MODELS: Final = {key: model(key, config) for key, config in CONFIGS.items()}
