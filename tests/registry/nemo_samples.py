"""What the driver `nemo` is exercised with: every native kind with every field, and portable Models."""

from __future__ import annotations

from typing import Any, Final

from world import Document, model

from reconciler.testing.sample import Sample


def native(kind: str, key: str, **fields: Any) -> Document:
    """A native document of the driver: `native("Project", "cx", description="…")`."""
    return {"kind": f"nemo/{kind}", "key": key, **fields}


FILESETS: Final = ("files", "other-files")  # each with a file in it
PROJECTS: Final = (native("Project", "cx"), native("Project", "dx"))
PROVIDERS: Final = (
    native("Provider", "gateway", host_url="https://llm.example.com/v1"),
    native("Provider", "other-gateway", host_url="https://other.example.com/v1"),
)

MODEL: Final = Sample(
    native(
        "Model",
        "model",
        project="cx",
        description="Answers questions.",
        finetuning_type="lora",
        base_model="base",
        api_endpoint={"url": "http://LLM.example.com:80", "model_id": "big", "format": "openai"},
        backend_format="OPENAI_CHAT",
        custom_fields={"team": "cx", "tier": None, "deep": {"list": [1, None]}},
        ownership={"who": "cx", "since": None},
        model_providers=["gateway"],
        trust_remote_code=False,
    ),
    {
        "/description": ("Answers more.",),
        "/project": ("dx",),
        "/finetuning_type": ("dora",),
        "/base_model": ("elsewhere/base",),
        "/api_endpoint/url": ("https://other.example.com/v1/",),
        "/api_endpoint/model_id": ("bigger",),
        "/api_endpoint/format": ("nim",),
        "/backend_format": ("ANTHROPIC_MESSAGES",),
        "/custom_fields/team": ("dx",),
        "/custom_fields/deep": ({"list": []},),
        "/ownership/who": ("dx",),
        "/model_providers": (["gateway", "other-gateway"],),
        "/trust_remote_code": (True,),
    },
    beside=(*PROJECTS, *PROVIDERS, native("Model", "base")),
)
WHOLE_FIELDS: Final = Sample(  # when they are removed altogether
    native(
        "Model",
        "model-emptied",
        api_endpoint={"url": "https://llm.example.com/", "model_id": "big"},
        custom_fields={"a": 1},
        ownership={"a": 1},
        prompt={"system_prompt": "Be kind."},
        fileset="files",
    ),
    {
        "/api_endpoint": ({"url": "https://other.example.com/"},),
        "/custom_fields": ({"other": 1},),
        "/ownership": ({"other": 1},),
        "/prompt": ({"system_prompt": "Be brief."},),
        "/fileset": ("other-files",),
    },
)
PROMPTED: Final = Sample(
    native(
        "Model",
        "model-prompted",
        prompt={
            "system_prompt": "Be kind.",
            "icl_few_shot_examples": "Q: 1+1 A: 2",
            "system_prompt_template": "{{ task }}",
            "inference_params": {
                "model": "meta/llama-3.1-8b",
                "temperature": 0.2,
                "max_tokens": 10,
                "top_p": 0.5,
                "stop": ["a", "b"],
                "seed": 7,
            },
        },
    ),
    {
        "/prompt/system_prompt": ("Be brief.",),
        "/prompt/icl_few_shot_examples": ("Q: 1+2 A: 3",),
        "/prompt/system_prompt_template": ("{{ other }}",),
        "/prompt/inference_params/model": ("other",),
        "/prompt/inference_params/temperature": (1,),
        "/prompt/inference_params/max_tokens": (11,),
        "/prompt/inference_params/top_p": (1.0,),
        "/prompt/inference_params/stop": (["b", "a"],),
        "/prompt/inference_params/seed": (8,),
    },
)

CHECKPOINT: Final = {
    "checkpoint_model_name": "llama-3.1-8b",
    "family": "llama",
    "num_layers": 32,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_kv_heads": 8,
    "ffn_hidden_size": 14336,
    "vocab_size": 128256,
    "tied_embeddings": False,
    "gated_mlp": True,
    "base_num_parameters": 8030261248,
    "precision": "bf16",
}
SPEC: Final = Sample(
    native(
        "Model",
        "model-spec",
        spec=CHECKPOINT
        | {
            "context_size": 131072,
            "num_virtual_tokens": 0,
            "is_chat": True,
            "is_embedding_model": False,
            "chat_template": "{{ messages }}",
            "tool_call_config": {
                "tool_call_parser": "llama3_json",
                "auto_tool_choice": True,
            },
        },
    ),
    {
        "/spec/precision": ("fp8",),
        "/spec/checkpoint_model_name": ("other",),
        "/spec/family": ("other",),
        "/spec/num_layers": (1,),
        "/spec/hidden_size": (1,),
        "/spec/num_attention_heads": (1,),
        "/spec/num_kv_heads": (1,),
        "/spec/ffn_hidden_size": (1,),
        "/spec/vocab_size": (1,),
        "/spec/tied_embeddings": (True,),
        "/spec/gated_mlp": (False,),
        "/spec/base_num_parameters": (1,),
        "/spec/context_size": (1,),
        "/spec/num_virtual_tokens": (1,),
        "/spec/is_chat": (False,),
        "/spec/is_embedding_model": (True,),
        "/spec/chat_template": ("other",),
        "/spec/tool_call_config/tool_call_parser": ("other",),
        "/spec/tool_call_config/auto_tool_choice": (False,),
    },
    required=tuple(f"/spec/{name}" for name in CHECKPOINT),
)
LAYERS: Final = Sample(
    native(
        "Model",
        "model-layers",
        spec=CHECKPOINT
        | {
            "moe_config": {
                "num_experts": 8,
                "num_experts_per_tok": 2,
                "num_expert_layers": 32,
                "expert_ffn_size": 10,
                "num_shared_experts": 1,
            },
            "mamba_config": {
                "is_hybrid": True,
                "num_mamba_layers": 24,
                "num_attention_layers": 4,
                "num_mlp_layers": 1,
                "state_size": 8,
                "conv_kernel": 2,
            },
            "sliding_window_config": {"window_size": 4096},
            "linear_layers": [{"name": "q", "in_features": 1, "out_features": 2}],
        },
    ),
    {
        "/spec/moe_config/num_experts": (9,),
        "/spec/moe_config/num_experts_per_tok": (9,),
        "/spec/moe_config/num_expert_layers": (9,),
        "/spec/moe_config/expert_ffn_size": (9,),
        "/spec/moe_config/num_shared_experts": (9,),
        "/spec/mamba_config/is_hybrid": (False,),
        "/spec/mamba_config/num_mamba_layers": (9,),
        "/spec/mamba_config/num_attention_layers": (9,),
        "/spec/mamba_config/num_mlp_layers": (9,),
        "/spec/mamba_config/state_size": (9,),
        "/spec/mamba_config/conv_kernel": (9,),
        "/spec/sliding_window_config/window_size": (9,),
        "/spec/linear_layers": ([{"name": "k", "in_features": 3, "out_features": 4}],),
        "/spec": (CHECKPOINT,),
    },
    required=(
        "/spec/moe_config/num_experts",
        "/spec/moe_config/num_experts_per_tok",
        "/spec/moe_config/num_expert_layers",
        "/spec/mamba_config/is_hybrid",
        "/spec/mamba_config/num_mamba_layers",
        "/spec/sliding_window_config/window_size",
    ),
)

PROVIDER: Final = Sample(
    native(
        "Provider",
        "provider",
        project="cx",
        description="Our own gateway.",
        host_url="HTTPS://LLM.example.com:443/v1",
        api_key_secret_name="llm-key",
        enabled_models=["m", "n"],
        default_extra_body={"temperature": 0, "nothing": None},
        default_extra_headers={"X-Tenant": "acme"},
        required_extra_body={"user": "nemo"},
        required_extra_headers={"X-Tenant": "acme", "X-Tier": "gold"},
        model_deployment_id="default/llama",
        auth_header_format="x-api-key: {{ auth_secret }}",
    ),
    {
        "/description": ("Another one.",),
        "/project": ("dx",),
        "/host_url": ("https://llm.example.com",),
        "/api_key_secret_name": ("other-key",),
        "/enabled_models": (["n", "m"], []),
        "/default_extra_body": ({"temperature": 1}, {}),
        "/default_extra_headers/X-Tenant": ("other",),
        "/required_extra_body": ({"user": None},),
        "/required_extra_headers/X-Tenant": ("other",),
        "/model_deployment_id": ("default/other",),
        "/auth_header_format": ("Authorization: Token {{ auth_secret }}",),
    },
    required=("/host_url",),
    beside=(
        *PROJECTS,
        native("Secret", "llm-key", value="${env:KEY}"),
        native("Secret", "other-key", value="${env:TOKEN}"),
    ),
)
SECRET: Final = Sample(
    native("Secret", "secret", value="${env:KEY}", description="The key of our gateway."),
    {"/description": ("Another one.",)},
)
ADAPTER: Final = Sample(
    native(
        "Adapter",
        "adapter",
        model="base",
        fileset="files",
        finetuning_type="lora",
        description="Speaks like us.",
        enabled=False,
        lora_config={"rank": 16, "alpha": 32},
    ),
    {
        "/description": ("Speaks like them.",),
        "/enabled": (True,),
        "/fileset": ("other-files",),
        "/model": ("other-base",),
        "/finetuning_type": ("qlora",),
        "/lora_config/rank": (8,),
        "/lora_config/alpha": (8,),
        "/lora_config": ({"rank": 4},),
    },
    required=("/fileset", "/model", "/finetuning_type", "/lora_config/rank"),
    beside=(native("Model", "base"), native("Model", "other-base")),
)
TOOL: Final = {
    "type": "function",
    "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}},
}
PROMPT: Final = Sample(
    native(
        "Prompt",
        "prompt",
        project="cx",
        description="Greets customers.",
        messages=[{"role": "system", "content": "You are {{ name }}."}, {"role": "user", "content": "Hello."}],
        input_variables=["name"],
        tools=[TOOL],
        tool_choice="auto",
        response_format={"type": "json_object"},
        inference_params={"temperature": 0.2, "max_completion_tokens": 20, "stop": ["a"], "seed": 3},
        tags=["support", "prod"],
    ),
    {
        "/description": ("Greets friends.",),
        "/project": ("dx",),
        "/messages": ([{"role": "developer", "content": "Hi."}],),
        "/input_variables": (["name", "other"],),
        "/tools": ([],),
        "/tool_choice": ({"type": "function", "function": {"name": "look"}},),
        "/response_format": ({"type": "text"},),
        "/inference_params/temperature": (0,),
        "/inference_params/max_completion_tokens": (21,),
        "/inference_params": ({"top_p": 1},),
        "/tags": (["prod", "support"],),
    },
    beside=PROJECTS,
)
PROJECT: Final = Sample(
    native("Project", "project", description="Customer experience."), {"/description": ("Another one.",)}
)
WORKSPACE: Final = Sample(
    native("Workspace", "sample-workspace", description="The support team's."), {"/description": ("Another team's.",)}
)

PORTABLE: Final = Sample(
    model(
        "support-chat",
        display_name="Support chat",
        description="Answers questions.",
        endpoint={
            "url": "https://llm.example.com/v1",
            "model": "gpt-oss-120b",
            "format": "openai",
            "api_key": "${env:KEY}",
            "headers": {"X-Tenant": "acme"},
        },
        parameters={"temperature": 0.2, "top_p": 0.95, "n": 1, "max_completion_tokens": 1024, "stop": "x"},
        tags=["support", "prod"],
        labels={"team": "cx"},
        metadata={"cost_centre": 42, "nothing": None},
    ),
    {
        "/description": ("Answers more.",),
        "/display_name": ("Support",),
        "/endpoint/url": ("https://other.example.com",),
        "/endpoint/model": ("other",),
        "/endpoint/format": ("anthropic",),
        "/endpoint/headers/X-Tenant": ("other",),
        "/parameters/temperature": (1,),
        "/parameters/stop": (["x", "y"],),
        "/tags": (["prod"],),
        "/labels/team": ("dx",),
        "/metadata/cost_centre": (43, None),
    },
    required=("/endpoint/url",),
    native=False,
)
PROVIDED: Final = Sample(
    model("provided-chat", endpoint=None, provider={"name": "gateway", "model": "big"}),
    {"/provider/model": ("bigger",), "/provider/name": ("other-gateway",)},
    required=("/provider/model", "/provider/name"),
    beside=PROVIDERS,
    native=False,
)
