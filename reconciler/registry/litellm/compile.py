"""A portable Model as LiteLLM Proxy holds it: a deployment, and the credential with its endpoint's key. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconciler.registry.driver import Compiled, Endpoint, Inexpressible, Model, Native
from reconciler.registry.litellm.derived import credential_name

PREFIXES: Final = {"openai": "openai", "anthropic": "anthropic"}
RERANKS: Final = "hosted_vllm"  # the provider whose reranking asks `<api_base>/v2/rerank`: that of openai always fails
_MODES: Final = {"chat_completion": "chat", "completion": "completion", "embeddings": "embedding", "rerank": "rerank"}
_DESCRIBING: Final = ("display_name", "description", "tags", "labels", "metadata")
_ORIGINS: Final = {
    "/model_name": "/key",
    "/litellm_params": "/endpoint",
    "/litellm_params/api_base": "/endpoint/url",
    "/litellm_params/model": "/endpoint/model",
    "/litellm_params/timeout": "/endpoint/timeout",
    "/litellm_params/extra_headers": "/endpoint/headers",
    "/litellm_params/rpm": "/limits/requests_per_minute",
    "/litellm_params/max_parallel_requests": "/limits/max_concurrency",
    "/model_info/mode": "/task",
    "/model_info/max_input_tokens": "/limits/context_length",
    **{f"/model_info/{name}": f"/{name}" for name in _DESCRIBING},
}
_PARAMETERS: Final = (
    "temperature", "top_p", "top_k", "n", "max_completion_tokens", "stop", "seed", "presence_penalty", "frequency_penalty", "reasoning_effort",
)  # fmt: skip


def compile_model(model: Model, key: str) -> Compiled:
    """The native objects of a portable Model. `key` is the deployment's id, and the name by which requests ask for it."""
    task = model.task or "chat_completion"
    params, derived, lost = _called(model, key, task)
    if model.parameters is not None:
        params |= model.parameters.model_dump(exclude_none=True)
    if model.limits is not None:
        params |= _set({"rpm": model.limits.requests_per_minute, "max_parallel_requests": model.limits.max_concurrency})
    info = _set({"mode": _MODES.get(task), **{name: getattr(model, name) or None for name in _DESCRIBING}})
    if model.limits is not None and model.limits.context_length is not None:
        info["max_input_tokens"] = model.limits.context_length
    if task not in _MODES:
        lost.append(Inexpressible("/task", f"LiteLLM knows the tasks {', '.join(_MODES)}", fatal=True))
    origins = {**_ORIGINS, **{f"/litellm_params/{name}": f"/parameters/{name}" for name in _PARAMETERS}}
    if model.provider is not None:
        origins |= {"/litellm_params": "/provider", "/litellm_params/model": "/provider/model"}
    spec = {"model_name": key, "litellm_params": params, "model_info": info}
    return Compiled(Native("Model", key, spec, origins), derived, tuple(lost))


def _called(model: Model, key: str, task: str) -> tuple[dict[str, Any], tuple[Native, ...], list[Inexpressible]]:
    """How the model is called, with what, and what of that LiteLLM cannot hold."""
    if model.provider is not None:
        return {"model": f"{model.provider.name}/{model.provider.model}"}, (), []
    if model.endpoint is None:
        return {}, (), []
    endpoint = model.endpoint
    prefix = RERANKS if task == "rerank" else PREFIXES.get(endpoint.format or "openai", "openai")
    params = _set(
        {
            "model": f"{prefix}/{endpoint.model or model.key}",
            "api_base": endpoint.url,
            "timeout": endpoint.timeout,
            "extra_headers": dict(endpoint.headers) if endpoint.headers else None,
        }
    )
    lost = list(_lost(endpoint, task))
    if endpoint.api_key is None:
        return params, (), lost
    name, place = credential_name(key), "/endpoint/api_key"
    credential = {"credential_values": {"api_key": endpoint.api_key}}
    origins = {"": place, "/credential_values": place, "/credential_values/api_key": place}
    return params | {"litellm_credential_name": name}, (Native("Credential", name, credential, origins),), lost


def _set(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _lost(endpoint: Endpoint, task: str) -> Iterator[Inexpressible]:
    if endpoint.format not in (None, *PREFIXES):
        yield Inexpressible("/endpoint/format", f"LiteLLM knows the formats {', '.join(PREFIXES)}", fatal=True)
    if endpoint.format == "anthropic" and task == "rerank":
        yield Inexpressible("/endpoint/format", "LiteLLM has no reranking in the format of Anthropic", fatal=True)
    if endpoint.adapter is not None:
        yield Inexpressible("/endpoint/adapter", "LiteLLM has no adapters of input and output", fatal=True)
    if endpoint.tls is not None and endpoint.tls.ca is not None:
        yield Inexpressible("/endpoint/tls/ca", "LiteLLM has no certificates for one endpoint", fatal=True)
    if endpoint.tls is not None and endpoint.tls.verify is False:
        yield Inexpressible(
            "/endpoint/tls/verify", "LiteLLM checks the certificates of all endpoints, or of none", fatal=True
        )
