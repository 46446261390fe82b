"""The objects that the contract suite writes to LiteLLM Proxy."""

from __future__ import annotations

from world import model

from reconciler.testing.sample import Sample

MODEL = Sample(
    {
        "kind": "litellm/Model",
        "key": "sample",
        "model_name": "sample-name",
        "litellm_params": {
            "model": "openai/gpt-4o",
            "api_base": "http://127.0.0.1:9/v1",
            "api_key": "${env:KEY}",
            "api_version": "os.environ/HOME",
            "rpm": 10,
            "timeout": 30,
            "tags": ["b", "a"],
            "extra_headers": {"X-Tenant": "acme", "X-Api-Key": "${env:TOKEN}"},
            "use_in_pass_through": True,
            "token_limit": 7,
            "my_option": {"deep": [1, 2.5]},
        },
        "model_info": {
            "mode": "chat",
            "description": "Chat.",
            "access_groups": ["beta"],
            "team": {"name": "cx", "none": None},
        },
        "blocked": True,
    },
    {
        "/model_name": ("other-name",),
        "/litellm_params/rpm": (20,),
        "/litellm_params/timeout": (31.5,),
        "/litellm_params/api_version": ("2024-10-21",),
        "/litellm_params/tags": (["c"], []),
        "/litellm_params/extra_headers": ({"X-Tenant": "other", "X-Api-Key": "${env:TOKEN}"},),
        "/litellm_params/use_in_pass_through": (False,),
        "/litellm_params/token_limit": (8,),
        "/litellm_params/my_option": ("text",),
        "/model_info/mode": ("embedding",),
        "/model_info/description": ("Talk.", ""),
        "/model_info/team": ({"name": "sales"},),
        "/blocked": (False,),
    },
)
CREDENTIAL = Sample(
    {
        "kind": "litellm/Credential",
        "key": "sample",
        "credential_values": {"api_key": "${env:KEY}", "api_base": "http://127.0.0.1:9/v1", "retries": 3},
        "credential_info": {"description": "Ours.", "team": "cx"},
    },
    {
        "/credential_values/api_base": ("http://127.0.0.1:10/v1",),
        "/credential_values/retries": (4,),
        "/credential_info/description": ("Theirs.", ""),
        "/credential_info/team": ({"name": "sales"},),
    },
)
PORTABLE = Sample(
    model(
        "chat",
        endpoint={"url": "http://127.0.0.1:9/v1", "model": "gpt-oss-120b", "api_key": "${env:KEY}", "timeout": 30},
        description="Chat.",
        tags=["b", "a"],
        labels={"team": "cx"},
        parameters={"temperature": 0.5},
        limits={"requests_per_minute": 60},
    ),
    {
        "/endpoint/url": ("http://127.0.0.1:10/v1",),
        "/description": ("Talk.",),
        "/tags": (["c"], []),
        "/labels": ({"team": "sales"},),
        "/parameters/temperature": (0.75,),
        "/limits/requests_per_minute": (30,),
    },
    required=("/endpoint/url",),
    native=False,
)
