"""Recognise documents of other tools by their members alone, whatever the file is called. Pure.

`validate` says so instead of listing every field as unknown (`foreign-file`), and `import` reads the formats that it
knows. Each format is one line in `_FORMATS`; the first that fits wins, so the plainest come first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from reconciler.core import document
from reconciler.core.document import LoadedDocuments
from reconciler.core.errors import Problem
from reconciler.core.late_pattern import late_pattern
from reconciler.core.schema.findings import Finding
from reconciler.manifest.kubernetes_objects import kind_in

Data = Mapping[str, Any]


FOREIGN: Final = "foreign-file"
_AWAY: Final = "move it out of the manifests folder, or list it under `exclude` in reconciler.yaml"


class Format(NamedTuple):
    """A format of files.

    `title` is what people call one file of it; `importer` names the module of `importing` that reads it, if one does.
    `away` says where it belongs, with `{file}` for its name.
    """

    title: str
    fits: Callable[[Data], bool]
    importer: str | None = None
    away: str = _AWAY


def recognise(data: Any) -> Format | None:
    """The format that a document looks like, or None: then it is a manifest, or nothing that we know."""
    if not isinstance(data, Mapping) or is_manifest(data):
        return None
    return next((known for known in _FORMATS if known.fits(data)), None)


def recognise_text(text: str) -> Format | None:
    """The format of a file that is no YAML, or None."""
    return HELM_TEMPLATE if _GO_TEMPLATE.search(text) else None


def load_documents(text: str, shown: str) -> LoadedDocuments:
    """The documents of a file. One that is no YAML, but plainly another tool's, has that one problem."""
    loaded = document.load(text, shown)
    known = recognise_text(text) if loaded.problems else None
    if known is None:
        return loaded
    finding = foreign(known, shown)
    return LoadedDocuments((), (Problem(shown, 1, 1, finding.rule, finding.message, suggestion=finding.suggestion),))


def is_manifest(data: Data) -> bool:
    """True for a document meant as a manifest of ours: its `kind` is `Model`, `Template` or `<driver>/<Kind>`."""
    kind = data.get("kind")
    return isinstance(kind, str) and "apiVersion" not in data and (kind in ("Model", "Template") or "/" in kind)


def is_kubernetes(data: Any) -> bool:
    """True for an object of Kubernetes, or a file of Kustomize, which lists some."""
    return isinstance(data, Mapping) and (_kubernetes(data) or _kustomize(data))


def foreign(found: Format, shown: str) -> Finding:
    """The error for a file of another tool among the manifests: the format's name, and the ways out."""
    away = found.away.replace("{file}", shown)
    if found.importer is not None:
        away = f"`reconciler import {shown} -o DIR` writes manifests for it; then {away}"
    return Finding(FOREIGN, f"this looks like {found.title}, and is no manifest", suggestion=away)


def importable_titles() -> str:
    """The formats that can be imported, as words."""
    return "; ".join(known.title for known in _FORMATS if known.importer is not None)


# --- what tells a format ------------------------------------------------------------------------------------------


def _has(data: Data, *names: str) -> bool:
    return all(name in data for name in names)


def _any(data: Data, *names: str) -> bool:
    return any(name in data for name in names)


def _maps(value: Any) -> list[Data]:
    """The maps in a list, or that are the members of a map."""
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, Mapping)]


def _kubernetes(data: Data) -> bool:
    return isinstance(data.get("apiVersion"), str) and isinstance(data.get("kind"), str)


_KUSTOMIZE: Final = (
    "bases", "commonLabels", "components", "configMapGenerator", "generatorOptions", "namePrefix", "nameSuffix", "patches",
    "patchesJson6902", "patchesStrategicMerge", "secretGenerator",
)  # fmt: skip


def _kustomize(data: Data) -> bool:
    named = data.get("kind") == "Kustomization"
    return named or (isinstance(data.get("resources"), list) and _any(data, *_KUSTOMIZE))


def _compose(data: Data) -> bool:
    return any(_any(service, "image", "build", "container_name") for service in _maps(data.get("services")))


def _workflow(data: Data) -> bool:
    return any(_any(job, "runs-on", "uses") for job in _maps(data.get("jobs")))


def _gitlab(data: Data) -> bool:
    jobs = [value for value in data.values() if isinstance(value, Mapping) and _any(value, "script", "trigger")]
    return bool(jobs) and (
        _any(data, "stages", "default", "workflow", "include") or any(_has(job, "stage") for job in jobs)
    )


_VALUES: Final = (
    "affinity", "autoscaling", "fullnameOverride", "imagePullSecrets", "ingress", "nameOverride", "nodeSelector",
    "podAnnotations", "podSecurityContext", "replicaCount", "securityContext", "serviceAccount", "tolerations",
)  # fmt: skip


def _helm_values(data: Data) -> bool:
    image = data.get("image")
    of_chart = isinstance(image, Mapping) and _any(image, "repository", "pullPolicy")
    return of_chart or sum(name in data for name in _VALUES) > 1


def _package_json(data: Data) -> bool:
    named = _has(data, "name") and _any(data, "scripts", "dependencies", "devDependencies", "peerDependencies")
    return named or (_has(data, "name", "version", "main") and "spec_version" not in data)


def _litellm(data: Data) -> bool:
    models, credentials = _maps(data.get("model_list")), _maps(data.get("credential_list"))
    return any(_has(one, "litellm_params") for one in models) or any(
        _has(one, "credential_values") for one in credentials
    )


def _continue(data: Data) -> bool:
    models = _maps(data.get("models"))
    return bool(models) and all("provider" in one and "key" not in one for one in models)


def _our_config(data: Data) -> bool:
    return any(_has(entry, "driver") for entry in _maps(data.get("registries"))) and "key" not in data


def _our_policy(data: Data) -> bool:
    return _has(data, "name", "message") and _any(data, "cel", "schema") and not _any(data, "key", "kind")


def _our_plan(data: Data) -> bool:
    return _has(data, "changes", "fingerprint") or _has(data, "summary", "changes")


# --- what can be imported -----------------------------------------------------------------------------------------

_ABOUT_A_RUN: Final = ("args", "pipeline")
_RUN: Final = ("probe", "dataset", "generation", "runner", "determinism", "probe_kwargs", "run_kwargs")


def _run_config(data: Data) -> bool:
    model = data.get("model")
    typed = isinstance(model, Mapping) and isinstance(model.get("type"), str)
    return typed and "key" not in data and (_any(data, *_RUN) or _any(data["model"], *_ABOUT_A_RUN) or len(data) == 1)


def _harness(data: Data) -> bool:
    models = _maps(data.get("models")) if isinstance(data.get("models"), list) else []
    return bool(models) and all(isinstance(one.get("type"), str) and "key" not in one for one in models)


def _adk(data: Data) -> bool:
    return "spec_version" in data and "key" not in data


def _watsonx_body(data: Data) -> bool:
    name = data.get("name")
    if not isinstance(name, str) or _any(data, "key", "kind"):
        return False
    policy = data.get("policy")
    return (
        name.startswith(("virtual-model/", "virtual-policy/"))
        or _has(data, "provider_config")
        or (_has(data, "model_type") and _any(data, "config", "connection_id"))
        or (isinstance(policy, Mapping) and "targets" in policy)
    )


_NEMO_MODEL: Final = (
    "api_endpoint", "backend_format", "base_model", "custom_fields", "fileset", "finetuning_type", "model_providers",
    "ownership", "trust_remote_code",
)  # fmt: skip


def _nemo_body(data: Data) -> bool:
    return isinstance(data.get("name"), str) and not _any(data, "key", "kind") and _any(data, "host_url", *_NEMO_MODEL)


_LF_SECTIONS: Final = ("model_adapters", "dataset_generators")
_LF_RUN: Final = frozenset({"models", "datasets", "evaluation", "tasks", "secrets", "policies", "run_config"})
_LF_OBJECT: Final = ("process_input", "process_output", "rate_limit", "max_concurrent_requests")
_LF_CONFIG: Final = (
    "$ref", "adapter", "api_key", "connection_type", "custom_headers", "model_key", "provider_id", "run_inference_snippet",
    "tls_context", "url",
)  # fmt: skip
_LF_ENTRY: Final = ("$provider", "$ref", "key", "config")


def _lf(data: Data) -> bool:
    if "kind" in data:
        return False
    config, models = data.get("config"), data.get("models")
    if _any(data, *_LF_SECTIONS, *_LF_OBJECT) or (isinstance(config, Mapping) and _any(config, *_LF_CONFIG)):
        return True
    if data.keys() <= _LF_RUN:
        return bool(data)
    entries = [models] if isinstance(models, Mapping) else _maps(models)
    return bool(entries) and all(_any(one, *_LF_ENTRY) for one in entries)


_GO_TEMPLATE: Final = late_pattern(
    r"\{\{-?\s*(?:if|with|range|end|include|template|define|\.Values|\.Release|\.Chart)\b"
)
HELM_TEMPLATE: Final = Format("a template of a Helm chart", lambda data: False)
_FORMATS: Final = (
    Format("a Kustomize file", _kustomize),
    Format("an object of reconciler's controller", lambda data: kind_in(data) is not None, "kubernetes"),
    Format("a Kubernetes object", _kubernetes),
    Format("a Helm chart's Chart.yaml", lambda data: _has(data, "apiVersion", "name", "version")),
    Format("a Compose file", _compose),
    Format("a GitHub workflow", _workflow),
    Format("a GitHub action", lambda data: isinstance(data.get("runs"), Mapping) and "using" in data["runs"]),
    Format("a GitLab pipeline", _gitlab),
    Format("a Dependabot configuration", lambda data: _has(data, "version", "updates")),
    Format("a pre-commit configuration", lambda data: any(_has(one, "repo") for one in _maps(data.get("repos")))),
    Format("a package.json", _package_json),
    Format("an OpenAPI description", lambda data: _any(data, "openapi", "swagger")),
    Format("a JSON Schema", lambda data: "json-schema.org" in str(data.get("$schema", ""))),
    Format("an MCP configuration", lambda data: isinstance(data.get("mcpServers"), Mapping)),
    Format("a LiteLLM configuration", _litellm, "litellm"),
    Format("a Continue (continue.dev) configuration", _continue),
    Format("an MLflow model's MLmodel", lambda data: _has(data, "flavors") and _any(data, "artifact_path", "run_id")),
    Format("a Hugging Face config.json", lambda data: _any(data, "architectures", "transformers_version")),
    Format("a request to a chat completion API", lambda data: _has(data, "model", "messages")),
    Format(
        "reconciler's own configuration (reconciler.yaml)",
        _our_config,
        away="give it with `--config {file}`, or " + _AWAY,
    ),
    Format("a policy of reconciler", _our_policy, away="move it to the folder `policies`"),
    Format("a plan or report of reconciler", _our_plan),
    Format("a model, a policy or a connection of IBM's ADK", _adk, "adk"),
    Format("a request body of watsonx Orchestrate's API", _watsonx_body, "watsonx"),
    Format("a request body of NeMo's models service", _nemo_body, "nemo"),
    Format("a run config of insideLLMs", _run_config, "insidellms"),
    Format("a harness of insideLLMs", _harness, "insidellms"),
    Format("Helm values", _helm_values),
    Format("a model, a model adapter or a run config of lf", _lf, "latticeflow"),
)  # fmt: skip
