"""The providers of models that this version knows, under the names by which registries call them. The one table.

The schema completes these names, `validate` warns of others (`unknown-provider`), `models` lists them, and `info` tells from them what runs
locally. A registry may know more. Sources: LiteLLM's and IBM's lists of providers, AI GO!'s integrations and connection types, insideLLMs's
types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple


class ProviderTraits(NamedTuple):
    """Traits of a provider's models: whether they run where they are asked, stream their answers, and chat. None is both."""

    local: bool | None
    streaming: bool
    chat: bool


_LOCAL: Final = (
    *("docker_model_runner", "dummy", "huggingface", "lemonade", "llamacpp", "llamafile", "lm_studio", "oobabooga"),
    *("ollama", "vllm", "xinference"),
)
# servers and gateways that stand anywhere
_ANYWHERE: Final = ("custom_openai", "litellm_proxy", "openai_like", "triton")
_HOSTED: Final = (
    *("ai21", "aiml", "amazon_nova", "anthropic", "anyscale", "azure", "azure-ai", "azure_foundry", "baseten"),
    *(
        "bedrock",
        "bytez",
        "cerebras",
        "chatgpt",
        "chutes",
        "clarifai",
        "claude_managed_agents",
        "cloudflare",
        "codestral",
    ),
    *("cohere", "cometapi", "compactifai", "dashscope", "databricks", "datarobot", "deepinfra", "deepseek", "dify"),
    *("featherless_ai", "fireworks", "friendliai", "galadriel", "gemini", "gigachat", "github", "github_copilot"),
    *("google", "gradient_ai", "groq", "helicone", "heroku", "hyperbolic", "inception", "lambda_ai", "langgraph"),
    *("langsmith", "latticeflow", "maritalk", "meta_llama", "minimax", "mistral", "modelscope", "moonshot", "morph"),
    *("nebius", "nlp_cloud", "novita", "nscale", "nvidia", "oci", "openai", "openrouter", "ovhcloud", "perplexity"),
    *("petals", "poe", "predibase", "publicai", "qwencloud", "redhat-ai", "reka", "replicate", "sagemaker"),
    *("sambanova", "sap", "scaleway", "snowflake", "together", "v0", "vercel_ai_gateway", "vertex-ai", "volcengine"),
    *("wandb", "watsonx", "xai", "zai"),
)
# of embeddings, rankings, pictures and sound
_NO_CHAT: Final = (
    *("assemblyai", "black_forest_labs", "deepgram", "elevenlabs", "fal_ai", "infinity", "jina", "nomic", "recraft"),
    *("runwayml", "stability", "topaz", "voyage"),
)
PROVIDERS: Final[Mapping[str, ProviderTraits]] = dict(
    sorted(
        {
            **dict.fromkeys(_LOCAL, ProviderTraits(local=True, streaming=True, chat=True)),
            **dict.fromkeys(_ANYWHERE, ProviderTraits(local=None, streaming=True, chat=True)),
            **dict.fromkeys(_HOSTED, ProviderTraits(local=False, streaming=True, chat=True)),
            **dict.fromkeys(_NO_CHAT, ProviderTraits(local=False, streaming=False, chat=False)),
        }.items()
    )
)
# what else registries call them, beside other ways to write the same name (`together-ai`, `together_ai`)
ALIASES: Final[Mapping[str, str]] = {
    "a21": "ai21",
    "aws-bedrock": "bedrock",
    "azure-openai": "azure",
    "cohere_chat": "cohere",
    "fireworks-ai": "fireworks",
    "hosted_vllm": "vllm",
    "jina-ai": "jina",
    "mistral-ai": "mistral",
    "novita-ai": "novita",
    "nvidia_nim": "nvidia",
    "ollama_chat": "ollama",
    "openai-oauth2-client-creds": "openai",
    "perplexity-ai": "perplexity",
    "reka-ai": "reka",
    "sagemaker_chat": "sagemaker",
    "stability-ai": "stability",
    "text-completion-openai": "openai",
    "together-ai": "together",
    "workers-ai": "cloudflare",
}
NAMES: Final = tuple(sorted({*PROVIDERS, *ALIASES}))


def _folded(name: str) -> str:
    """A name without case and separators: `Together AI`, `together-ai` and `together_ai` are one."""
    return re.sub(r"[-_. ]", "", name).casefold()


def _by_folded(names: Iterable[str]) -> dict[str, ProviderTraits]:
    return {_folded(name): PROVIDERS[ALIASES.get(name, name)] for name in names}


_KNOWN: Final = _by_folded(NAMES)


def traits_of(name: str) -> ProviderTraits | None:
    """The traits of the provider that a registry calls so, or None for one that this version does not know."""
    return _KNOWN.get(_folded(name))
