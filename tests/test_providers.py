"""The table of providers: each is found under every way to write its name, and what drivers call a provider is known."""

from __future__ import annotations

from typing import Final

import pytest

from reconciler.core.providers import ALIASES, NAMES, PROVIDERS, traits_of
from reconciler.registry.insidellms.arguments import TYPES
from reconciler.registry.latticeflow.connections import PROVIDERS as INTEGRATIONS
from reconciler.registry.watsonx.compile import PROVIDERS as BY_FORMAT

# IBM's own client's list (`ModelProvider`)
IBM: Final = (
    *("openai", "openai-oauth2-client-creds", "a21", "anthropic", "anyscale", "azure-openai", "azure-ai", "bedrock"),
    *("cerebras", "cohere", "google", "vertex-ai", "groq", "huggingface", "mistral-ai", "jina", "ollama", "openrouter"),
    *("stability-ai", "together-ai", "watsonx", "x-ai", "redhat-ai"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_provider_is_found_however_its_name_is_written(name: str) -> None:
    """Case and separators tell no providers apart."""
    traits = PROVIDERS[ALIASES.get(name, name)]
    for written in (name.upper(), name.replace("-", "_"), name.replace("_", "-"), name.replace("_", " ").title()):
        assert traits_of(written) == traits


def test_the_table_is_sorted_and_its_names_are_told_apart() -> None:
    """No name means two rows, and no alias is a row itself."""
    assert list(PROVIDERS) == sorted(PROVIDERS)
    assert not ALIASES.keys() & PROVIDERS.keys()
    assert set(ALIASES.values()) <= PROVIDERS.keys()


@pytest.mark.parametrize("name", sorted({*IBM, *TYPES, *INTEGRATIONS, *BY_FORMAT.values()}))
def test_what_registries_call_a_provider_is_known(name: str) -> None:
    """No driver's own list has a provider of which `validate` would warn."""
    assert traits_of(name) is not None


@pytest.mark.parametrize("name", ["opnai", "", "openai/gpt", "nobody-knows"])
def test_another_name_is_not_known(name: str) -> None:
    """A misspelt name is no name of a provider."""
    assert traits_of(name) is None
