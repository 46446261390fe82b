"""Run configs of insideLLMs for the contract suite: one of each form, with every field set."""

from __future__ import annotations

from typing import Any, Final

from programs import HANGS

from reconciler.testing.sample import Sample

PROBE: Final = {"type": "logic"}
DATASET: Final = {"format": "jsonl", "path": "prompts.jsonl"}


def native(key: str, kind: str, **args: Any) -> dict[str, Any]:
    """A native document of one type."""
    return {
        "kind": "insidellms/Model",
        "key": key,
        "model": {"type": kind, "args": args},
        "probe": PROBE,
        "dataset": DATASET,
        "generation": {"temperature": 0.2, "max_tokens": 64},
        "harness": True,
    }


OPENAI: Final = Sample(
    native(
        "support-chat",
        "openai",
        name="Support chat",
        model_name="gpt-oss-120b",
        base_url="https://llm.example.com/v1",
        api_key_env="SUPPORT_LLM_KEY",
        organization="org-1",
        project="p-1",
        timeout=HANGS,
        max_retries=2,
        default_headers={"X-Tenant": "acme"},
    ),
    {
        "/model/args/name": ("Chat", 'quo"te: #no', "ünï\u2028code"),
        "/model/args/model_name": ("other",),
        "/model/args/base_url": ("https://llm.example.com/v2",),
        "/model/args/api_key_env": ("OTHER_KEY",),
        "/model/args/organization": ("org-2",),
        "/model/args/project": ("p-2",),
        "/model/args/timeout": (31, 30.5),
        "/model/args/max_retries": (0,),
        "/model/args/default_headers/X-Tenant": ("other",),
        "/model/args/default_headers": ({"X-Other": "1"},),
        "/model/pipeline": ({"middlewares": ["retry", {"type": "cache", "args": {}}], "async": None},),
        "/model/args": ({},),
        "/probe": ({"type": "factuality", "args": {"name": "f"}},),
        "/dataset/path": ("other.jsonl",),
        "/generation/temperature": (0, 1),
        "/generation/max_tokens": (65,),
        "/generation/logit_bias": ({"1": -100, "2": None},),
        "/generation": ({"stop": ["a", "b"], "seed": 7}, {}),
        "/harness": (False,),
    },
    required=("/dataset/path",),
)
LLAMACPP: Final = Sample(
    native("llama", "llamacpp", model_path="models/llama.gguf", n_ctx=4096, f16_kv=True, rope_freq_base=0.5),
    {
        "/model/args/model_path": ("other.gguf",),
        "/model/args/n_ctx": (0,),
        "/model/args/f16_kv": (False,),
        "/model/args/rope_freq_base": (1.5,),
        "/model": ({"type": "dummy"}, {"type": "ollama", "args": {"timeout": 3, "headers": {"X-Tenant": "acme"}}}),
    },
    required=("/model", "/model/args/model_path"),
)
PORTABLE: Final = Sample(
    {
        "kind": "Model",
        "key": "portable",
        "display_name": "Portable",
        "endpoint": {
            "url": "https://llm.example.com/v1",
            "model": "gpt-oss-120b",
            "api_key": "${env:KEY}",
            "headers": {"X-Tenant": "acme"},
            "timeout": 30,
        },
        "parameters": {"temperature": 0.2, "top_p": 0.9, "n": 1, "stop": "a"},
    },
    {
        "/display_name": ("Other",),
        "/endpoint/url": ("https://llm.example.com/v2",),
        "/endpoint/model": ("other",),
        "/endpoint/api_key": ("${env:TOKEN}",),
        "/endpoint/headers": ({"X-Tenant": "other"},),
        "/endpoint/timeout": (31,),
        "/parameters/temperature": (0, 0.5),
        "/parameters/stop": (["a", "b"],),
        "/parameters": ({"seed": 7},),
    },
    required=("/endpoint/url", "/endpoint/model"),
    native=False,
)
SAMPLES: Final = (OPENAI, LLAMACPP, PORTABLE)
