"""The same objects twice: as files for `lf`, and as manifests of ours; and our own command line beside `lf`, as it is started by hand.

Nothing here reads one form and writes the other with the code that is tested: `lf`'s documents are data, ours are made by `manifest`.
"""

from __future__ import annotations

import base64
import copy
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Final

from lf import Lf, Said
from programs import run
from registry.aigo.samples import MODELS, RAW, SECRET, adapter

Data = dict[str, Any]

CONFIG: Final = 'registries: {aigo: {driver: latticeflow, owns: ["*"]}}\n'

# The variables that our manifests name, with what `lf`'s files hold, or what `lf secret add` was told.
AUTHORITY: Final = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n").decode()
VARIABLES: Final = {
    "LLM_KEY": SECRET,
    "COMPANY_CA": AUTHORITY,
    "OPENAI_API_KEY": "sk-of-openai",
    "RAW_KEY": RAW["api_key"],
    "RAW_HEADER": "Bearer of-a-header",
    "RAW_CLIENT": "client-in-the-clear",
    "RAW_TOKEN": "token-in-the-clear",
}
_RAW: Final = {value: f"${{env:{name}}}" for name, value in VARIABLES.items() if name.startswith("RAW_")}
_NAMED: Final = re.compile(r"<<\s*secrets\.(\S+?)\s*>>")
_SKIPPED: Final = re.compile(r"Skipping the update of (?:model|model adapter) with key '([^']*)'\.")

LONG: Final = "k" * 250
SNIPPET: Final = "def run_inference(body, environment):\n    return body\n"
# A description as people write it: quotes, colons, a comment that is none, a reference that is none, other scripts.
PROSE: Final = "Erste Zeile: \"zitiert\" # kein Kommentar\n\n  eingerückt, 模型 😀, 'x', ${env:NOT_ME} und $HOME\n"


def bare(key: str, config: Data, **fields: Any) -> Data:
    """A model with what every model must have."""
    return {"key": key, "display_name": key[:20], "config": config} | fields


def endpoint(**fields: Any) -> Data:
    """A config that leaves to defaults what it can."""
    return {"url": "https://llm.example.com/v1/chat/completions"} | fields


# What one writer could take for something else than another.
EDGES: Final = {
    document["key"]: document
    for document in (
        bare("bare", endpoint()),
        bare(LONG, {"connection_type": "placeholder"}),
        bare("embeds", endpoint(url="https://llm.example.com/v1/embeddings"), task="embeddings"),
        bare("own-task", endpoint(), task="custom"),
        bare("prose", endpoint(), display_name="Modèle 模型 😀", description=PROSE),
        bare("spaced", endpoint(), display_name="  Spaced  ", description=" \n"),
        bare("blank", endpoint(url="", model_key=""), description=""),
        bare("limits", endpoint(), rate_limit=0, max_concurrent_requests=1),
        bare("below-zero", endpoint(), rate_limit=-5),
        bare("no-fields", endpoint(custom_headers={}, tls_context={})),
        bare("no-context", endpoint(tls_context={"validation_context": {}})),
        bare(
            "words",
            endpoint(
                model_key="0777",
                custom_headers={
                    "X-No": "no",
                    "X-Null": "null",
                    "X-Tilde": "~",
                    "X-Empty": "",
                    "X-Number": "3",
                    "X-Float": "3.0",
                    "X-Time": "1:30",
                    "X-Day": "2026-11-20",
                    "X-Exp": "1e3",
                    "X-Star": "*a",
                    "X-Braces": "{a: b}",
                    "X-Dollar": "a $b ${c}",
                    "X-Spaces": " a ",
                    "X-Quote": "'\"",
                    "X-Secret": "<< secrets.LLM_KEY >>",
                },
            ),
            display_name="no",
            description="1:30",
        ),
        bare(
            "numbers",
            endpoint(
                custom_headers={
                    "X-Int": 3,
                    "X-Float": 3.0,
                    "X-Half": 0.5,
                    "X-Zero": 0,
                    "X-Below": -1,
                    "X-Great": 10**15,
                    "X-Yes": True,
                    "X-No": False,
                }
            ),
        ),
        bare(
            "empty-place",
            {
                "connection_type": "custom_inference",
                "run_inference_snippet": SNIPPET,
                "environment": {},
                "timeout": 1.5,
            },
        ),
    )
}
SAFE: Final = {key: document for key, document in (MODELS | EDGES).items() if key != "raw"}

# Secrets in the clear, as `lf` takes them. Ours are references to the environment.
CLEAR: Final = {
    "raw": MODELS["raw"],
    "authority": bare("authority", endpoint(tls_context={"validation_context": {"trusted_ca": AUTHORITY}})),
    "raw-header": bare(
        "raw-header", endpoint(custom_headers={"Authorization": VARIABLES["RAW_HEADER"], "X-Plain": "p"})
    ),
    "raw-place": bare(
        "raw-place",
        {
            "connection_type": "custom_inference",
            "run_inference_snippet": "pass",
            "timeout": 30,
            "environment": {"API_TOKEN": VARIABLES["RAW_TOKEN"], "PLACE": "eu"},
        },
    ),
    "raw-azure": bare(
        "raw-azure",
        {
            "connection_type": "azure_foundry",
            "project_endpoint": "https://foundry.example.com",
            "agent_name": "a",
            "tenant_id": "<< secrets.LLM_KEY >>",
            "client_id": VARIABLES["RAW_CLIENT"],
            "client_secret": VARIABLES["RAW_TOKEN"],
        },
    ),
}

ADAPTERS: Final = {
    "chat-in-and-out": adapter(),
    "bare-adapter": {
        "key": "bare-adapter",
        "display_name": "Bare",
        "process_input": {"language": "jinja", "source_code": "{% if input %}\n${x} $y\n{% endif %}\n"},
        "process_output": {"language": "jinja", "source_code": "{{ body }}"},
    },
}
SECRETS: Final = {
    "LLM_KEY": "LLM_KEY",
    "COMPANY-CA": "COMPANY_CA",
}  # a secret of the registry, and the variable of its value


# The variables that `export` names for what `lf` wrote, and `import` for what stands in its files.
EXPORTED: Final = {
    "LLM_KEY_VALUE": "LLM_KEY",
    "COMPANY_CA_VALUE": "COMPANY_CA",
    "RECONCILER_SUPPORT_CHAT_API_KEY_VALUE": "LLM_KEY",
    "RECONCILER_SUPPORT_CHAT_HEADER_X_TOKEN_VALUE": "LLM_KEY",
    "OPENAI_API_KEY": "OPENAI_API_KEY",
    "RAW_CONFIG_API_KEY": "RAW_KEY",
    "RAW_HEADER_CONFIG_CUSTOM_HEADERS_AUTHORIZATION": "RAW_HEADER",
    "RAW_PLACE_CONFIG_ENVIRONMENT_API_TOKEN": "RAW_TOKEN",
    "RAW_AZURE_CONFIG_CLIENT_ID": "RAW_CLIENT",
    "RAW_AZURE_CONFIG_CLIENT_SECRET": "RAW_TOKEN",
}
IMPORTED: Final = {
    "RAW_API_KEY": "RAW_KEY",
    "RAW_HEADER_AUTHORIZATION": "RAW_HEADER",
    "RAW_PLACE_API_TOKEN": "RAW_TOKEN",
    "RAW_AZURE_CLIENT_ID": "RAW_CLIENT",
    "RAW_AZURE_CLIENT_SECRET": "RAW_TOKEN",
}


def values_of(names: Mapping[str, str]) -> dict[str, str]:
    """The environment for variables that hold the same as ours."""
    return {name: VARIABLES[ours] for name, ours in names.items()}


# --- portable Models ------------------------------------------------------------------------------------------


def derived(key: str, field: str) -> str:
    """What `lf`'s file says for a secret that stands beside a portable Model."""
    return f"<< secrets.reconciler-{key}-{field} >>"


PORTABLE: Final[tuple[tuple[Data, Data], ...]] = (
    (  # all that a registry of this kind can hold
        {
            "key": "support-chat",
            "display_name": "Support chat",
            "description": PROSE.replace("${", "$${"),
            "endpoint": {
                "url": "https://llm.example.com/v1/",
                "model": "gpt-oss-120b",
                "api_key": "${env:LLM_KEY}",
                "headers": {"X-Tenant": "acme", "X-Token": "${env:LLM_KEY}"},
                "tls": {"verify": False},
            },
            "limits": {"requests_per_minute": 60, "max_concurrency": 4},
        },
        {
            "key": "support-chat",
            "display_name": "Support chat",
            "description": PROSE,
            "rate_limit": 60,
            "max_concurrent_requests": 4,
            "task": "chat_completion",
            "config": {
                "connection_type": "custom_connection",
                "adapter": {"key": "latticeflow$openai_chat_completion"},
                "url": "https://llm.example.com/v1/chat/completions",
                "model_key": "gpt-oss-120b",
                "api_key": derived("support-chat", "api-key"),
                "custom_headers": {"X-Tenant": "acme", "X-Token": derived("support-chat", "header-x-token")},
                "tls_context": {"validation_context": {"trust_chain_verification": "accept_untrusted"}},
            },
        },
    ),
    (
        {
            "key": "portable-embeds",
            "display_name": "Embeds",
            "task": "embeddings",
            "endpoint": {"url": "https://llm.example.com/v1", "model": "small"},
        },
        {
            "key": "portable-embeds",
            "display_name": "Embeds",
            "task": "embeddings",
            "config": endpoint(url="https://llm.example.com/v1/embeddings", model_key="small"),
        },
    ),
    (
        {
            "key": "portable-own",
            "display_name": "Own",
            "task": "custom",
            "endpoint": {"url": "https://llm.example.com/own", "adapter": "bare-adapter"},
        },
        {
            "key": "portable-own",
            "display_name": "Own",
            "task": "custom",
            "config": endpoint(url="https://llm.example.com/own", adapter={"key": "bare-adapter"}),
        },
    ),
)
HOSTED: Final = {
    "kind": "Model",
    "key": "nano",
    "display_name": "gpt-5-nano",
    "provider": {"name": "openai", "model": "gpt-5-nano"},
    "registries": {"aigo": {"key": "openai$gpt-5-nano"}},
}


# --- our form -----------------------------------------------------------------------------------------------


def manifest(document: Data, kind: str = "Model") -> Data:
    """The manifest that says what a document for `lf` says."""
    return {"kind": f"latticeflow/{kind}"} | {name: _ours(value) for name, value in copy.deepcopy(document).items()}


def _ours(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ours(member) for name, member in value.items()}
    if not isinstance(value, str):
        return value
    if named := _NAMED.fullmatch(value):
        return {"name": named[1]}
    return _RAW.get(value) or value.replace("${", "$${")


def portable(document: Data) -> Data:
    return {"kind": "Model", **document, "registries": {"aigo": {}}}


def manifests(documents: Iterable[Data] = (), *, adapters: bool = True) -> list[Data]:
    """Manifests of models, and of all that the models refer to."""
    rest = [manifest(document, "Adapter") for document in ADAPTERS.values()] if adapters else []
    return [*documents, *rest, *(secret(*pair) for pair in SECRETS.items()), INTEGRATION]


def secret(name: str, variable: str) -> Data:
    return {"kind": "latticeflow/Secret", "key": name, "value": f"${{env:{variable}}}"}


INTEGRATION: Final = {"kind": "latticeflow/Integration", "key": "openai", "api_key": "${env:OPENAI_API_KEY}"}
# what a portable Model would have beside it, for a native manifest of the same model
DERIVED: Final = [secret(f"reconciler-support-chat-{field}", "LLM_KEY") for field in ("api-key", "header-x-token")]


def everything(*, clear_authority: bool = True) -> list[Data]:
    """Manifests of all of the above."""
    models = [*SAFE.values(), *(one for key, one in CLEAR.items() if clear_authority or key != "authority")]
    return manifests([*map(manifest, models), *(portable(ours) for ours, _ in PORTABLE)])


# --- both sides at work -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ours:
    """Our command as a process, in a folder whose configuration knows neither address nor key: those are where `lf` has them."""

    url: str
    key: str
    folder: Path

    def __call__(self, *words: str | Path, code: int | None = 0, **variables: str) -> CompletedProcess[str]:
        """Runs it to its end. Fails, with all that it said, unless it exits with `code` (None: any)."""
        environment = {"LF_URL": self.url, "LF_API_KEY": self.key, "HOME": str(self.folder), **variables}
        return run(sys.executable, "-m", "reconciler", *words, cwd=self.folder, env=environment, code=code)

    def declare(self, *documents: Data) -> None:
        """The manifests are these documents and nothing else."""
        self.configure("manifests")
        self.write("manifests/all.yaml", "---\n".join(text(document) for document in documents))

    def configure(self, *folders: str, **variables: str) -> None:
        """The configuration: a driver's name, and the folders of manifests with the variables that they need."""
        more = {"manifests": folders} | ({"variables": variables} if variables else {})
        self.write(
            "reconciler.yaml", CONFIG + "".join(f"{name}: {json.dumps(value)}\n" for name, value in more.items())
        )

    def write(self, name: str, content: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8", newline="")  # as it is given

    def apply(self) -> CompletedProcess[str]:
        return self("apply", "--yes", **VARIABLES)

    def converged(self) -> None:
        """Nothing is left to do. No secret's value is needed to find that out."""
        self("plan", "--detailed-exitcode", code=0)

    def changes(self) -> dict[str, tuple[str, ...]]:
        """What is planned, and in which fields: `{"Model/chat update": ("/description",)}`."""
        plan = json.loads(self("plan", "--format", "json").stdout)
        return {
            f"{change['address'].partition('/')[2]} {change['action']}": tuple(one["path"] for one in change["fields"])
            for change in plan["changes"]
        }


def text(document: Data) -> str:
    """YAML in the form of JSON, which lf and we read alike. Letters are not escaped: YAML has no surrogate pairs."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def put(lf: Lf, folder: str, documents: Iterable[Data]) -> None:
    """A file for lf of each document."""
    for number, document in enumerate(documents):
        path = lf.folder / folder / f"{number:03}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(document), "utf-8")


def skipped(said: Said) -> set[str]:
    """The keys that lf skipped. Fails where it said anything else."""
    lines = [_SKIPPED.fullmatch(line) for line in said.out.splitlines()]
    assert all(lines), said.out
    assert said.err == ""
    return {line[1] for line in lines if line}
