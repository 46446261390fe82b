"""What the models of insideLLMs 0.2 take: the arguments of each type's constructor, as data.

`insidellms validate` checks none of this (its factories take anything, and the classes need the providers' SDKs), so a wrong argument shows up in the
middle of a run. No type takes `temperature` or `max_tokens`: these are `generation`. `api_key` is left out on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple

from reconciler.core.schema.fields import Field
from reconciler.registry.driver import EVERY_PATH, USUAL, BaseAddress, Boolean, Constraint, Number, Pattern, Url, Usual
from reconciler.registry.insidellms.credentials import refuses_headers

ENVIRONMENT: Final = r"^[A-Za-z_][A-Za-z0-9_]*$(?!\n)"

_Text = Annotated[str, Field(min_length=1)]
_Variable = Annotated[
    str, Pattern(ENVIRONMENT, "bad_variable", "must be the name of an environment variable, and never a key itself")
]
_Headers = Annotated[
    dict[str, str], Constraint(refuses_headers, "insideLLMs copies its files into the artifacts of each run")
]
_Seconds = Annotated[float, Number(above=0), USUAL["timeout"]]
_WholeSeconds = Annotated[int, Number(above=0, integer=True), USUAL["timeout"]]
_Base = Annotated[Url, BaseAddress(EVERY_PATH)]
_Count = Annotated[int, Number(minimum=0, integer=True)]
_Context = Annotated[int, Number(minimum=0, integer=True), Usual(0, 10_000_000)]  # 0 is the model's own
_Integer = Annotated[int, Number(integer=True)]
_Flag = Annotated[bool, Boolean()]


class Argument(NamedTuple):
    """One argument: its type, what it is for, an example, and whether the constructor insists on it."""

    type: Any
    description: str
    example: Any
    required: bool = False


_NAME: Final = Argument(_Text, "What reports call the model.", "Support chat")
_MODEL: Final = Argument(_Text, "The model's name at the provider.", "gpt-4o-mini")
_URL: Final = Argument(_Base, "The endpoint's base URL.", "https://llm.example.com/v1")
_RETRIES: Final = Argument(_Count, "How often a request is sent again.", 2)
_TIMEOUT: Final = Argument(_Seconds, "Seconds until a request is given up.", 60)
_ACCOUNT: Final = {
    "organization": Argument(_Text, "The organization of the account.", "org-1"),
    "project": Argument(_Text, "The project of the account.", "proj-1"),
    "timeout": _TIMEOUT,
    "max_retries": _RETRIES,
}

ARGUMENTS: Final[Mapping[str, Mapping[str, Argument]]] = {
    "dummy": {
        "name": _NAME,
        "response_prefix": Argument(str, "What its answers begin with.", "[DummyModel]"),
        "echo": Argument(_Flag, "Whether it repeats the question.", example=True),
        "canned_response": Argument(str, "What it answers, whatever is asked.", "42"),
    },
    "openai": {
        "name": _NAME,
        "model_name": _MODEL,
        "base_url": _URL,
        "api_key_env": Argument(_Variable, "The environment variable that holds the key.", "SUPPORT_LLM_KEY"),
        **_ACCOUNT,
        "default_headers": Argument(_Headers, "Headers sent with every request.", {"X-Tenant": "acme"}),
    },
    "openrouter": {  # hands the rest on to `openai`, but for api_key_env and default_headers, which it sets itself
        "name": _NAME,
        "model_name": _MODEL,
        "base_url": _URL,
        "http_referer": Argument(_Text, "The site that asks, for OpenRouter's statistics.", "https://example.com"),
        "app_title": Argument(_Text, "The application that asks.", "Support"),
        "extra_headers": Argument(_Headers, "Headers sent with every request.", {"X-Tenant": "acme"}),
        **_ACCOUNT,
    },
    "anthropic": {"name": _NAME, "model_name": _MODEL, "timeout": _TIMEOUT, "max_retries": _RETRIES},
    "gemini": {
        "name": _NAME,
        "model_name": _MODEL,
        "safety_settings": Argument(list[dict[str, Any]], "Gemini's safety settings.", [{"category": "x"}]),
        "generation_config": Argument(dict[str, Any], "Gemini's generation config.", {"candidate_count": 1}),
    },
    "cohere": {
        "name": _NAME,
        "model_name": _MODEL,
        "default_preamble": Argument(str, "Said to the model before each question.", "Be brief."),
    },
    "huggingface": {
        "name": _NAME,
        "model_name": _MODEL,
        "device": Argument(_Integer, "The device; -1 is the CPU.", -1),
    },
    "llamacpp": {
        "model_path": Argument(_Text, "The model's file.", "models/llama.gguf", required=True),
        "name": _NAME,
        "n_ctx": Argument(_Context, "Tokens of context.", 4096),
        "n_gpu_layers": Argument(_Integer, "Layers on the GPU; -1 for all.", -1),
        "seed": Argument(_Integer, "Seed for repeatable sampling; -1 for none.", 7),
        "f16_kv": Argument(_Flag, "Whether the cache has half precision.", example=True),
        "verbose": Argument(_Flag, "Whether llama.cpp says what it does.", example=False),
    },
    "ollama": {
        "model_name": _MODEL,
        "name": _NAME,
        "base_url": _URL,
        "timeout": Argument(_WholeSeconds, "Whole seconds until a request is given up.", 120),
        "headers": Argument(_Headers, "Headers sent with every request.", {"X-Tenant": "acme"}),
    },
    "vllm": {
        "model_name": _MODEL._replace(required=True),
        "name": _NAME,
        "base_url": Argument(_Base, "The server's address, without `/v1`.", "http://localhost:8000"),
    },
}
TYPES: Final = tuple(ARGUMENTS)
# the words by which an entry in reconciler.yaml says what an argument of a plugin's type takes
WORDS: Final[Mapping[str, Any]] = {"text": str, "number": Annotated[float, Number()], "boolean": _Flag, "any": Any}
_EXAMPLES: Final = {"text": "a", "number": 1, "boolean": True, "any": {"a": 1}}
Types = Mapping[str, Mapping[str, str]]
NO_TYPES: Final[Types] = MappingProxyType({})


def declared_arguments(types: Types) -> dict[str, dict[str, Argument]]:
    """The arguments of a plugin's types, as an entry in reconciler.yaml declares them; none is required."""
    return {
        name: {
            argument: Argument(WORDS[word], f"An argument of a plugin's type, which takes {word}.", _EXAMPLES[word])
            for argument, word in arguments.items()
        }
        for name, arguments in types.items()
    }


def joined(declarations: Iterable[Types]) -> dict[str, dict[str, str]]:
    """The types of several declarations; an argument of which two say different things takes any value."""
    types: dict[str, dict[str, str]] = {}
    for declared in declarations:
        for name, arguments in declared.items():
            known = types.setdefault(name, {})
            known |= {each: word if known.get(each, word) == word else "any" for each, word in arguments.items()}
    return types


OPEN: Final = frozenset({"llamacpp"})  # hands whatever else it is given on to llama.cpp

# the name by which `generation` hands each portable parameter on to a type; what is missing would be a TypeError there
_SAMPLING: Final = {"temperature": "temperature", "top_p": "top_p"}
_PENALTIES: Final = {"presence_penalty": "presence_penalty", "frequency_penalty": "frequency_penalty"}
_OPENAI: Final = {
    **_SAMPLING,
    **_PENALTIES,
    "n": "n",
    "max_completion_tokens": "max_completion_tokens",
    "stop": "stop",
    "seed": "seed",
    "reasoning_effort": "reasoning_effort",
}
_TOP_K: Final = {**_SAMPLING, "top_k": "top_k", "max_completion_tokens": "max_tokens"}
GENERATION: Final[Mapping[str, Mapping[str, str]]] = {
    "dummy": {**_OPENAI, "top_k": "top_k"},  # takes anything, and heeds none of it
    "openai": _OPENAI,
    "openrouter": _OPENAI,
    "anthropic": {**_TOP_K, "stop": "stop_sequences"},
    "gemini": _TOP_K,
    "cohere": {**_TOP_K, **_PENALTIES, "stop": "stop_sequences", "seed": "seed"},
    "huggingface": {**_TOP_K, "max_completion_tokens": "max_new_tokens"},
    "llamacpp": {**_TOP_K, **_PENALTIES, "stop": "stop", "seed": "seed"},
    "ollama": {**_TOP_K, "seed": "seed"},
    "vllm": {
        **_SAMPLING,
        **_PENALTIES,
        "n": "n",
        "max_completion_tokens": "max_tokens",
        "stop": "stop",
        "seed": "seed",
    },
}
