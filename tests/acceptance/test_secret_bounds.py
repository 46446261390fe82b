"""Which variable goes to which host: `secrets.allow` in validate, plan and each request, and nothing unasked for a pull request."""

from __future__ import annotations

import http.server
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cli.project import Project
from loopback import serving

KEY = "sk-0123456789abcdef"


class Counting(http.server.BaseHTTPRequestHandler):
    """Counts what arrives, and answers nothing useful."""

    seen: list[str] = []  # noqa: RUF012  # of one test at a time

    def _answer(self) -> None:
        self.seen.append(f"{self.command} {self.path} {self.headers.get('authorization')}")
        self.send_response(404)
        self.send_header("content-length", "0")
        self.end_headers()

    do_GET = do_POST = _answer  # noqa: N815  # the names that http.server calls

    def log_message(self, *words: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    Counting.seen.clear()
    with serving(Counting) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def exposed(project: Project, server: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A manifest that would send OPENAI_KEY to the server."""
    monkeypatch.setenv("OPENAI_KEY", KEY)
    project.manifest("a", endpoint={"url": f"{server}/v1", "model": "m", "api_key": "${env:OPENAI_KEY}"})
    return project


def allow(project: Project, rules: dict[str, list[str]], **environments: Any) -> None:
    config = {
        "owner": "us",
        "registries": {"local": {"driver": "local", "path": "r.db", "default": True}},
        "secrets": {"allow": rules},
        "environments": environments,
    }
    project.write("reconciler.yaml", json.dumps(config))


ELSEWHERE = ({"OPENAI_*": ["api.openai.com"]}, {"OPENAI_*": []}, {"OTHER": ["127.0.0.1"]}, {"*": ["127.0.0.1:1"]}, {})
HERE = ({"OPENAI_*": ["127.0.0.1"]}, {"*": ["*"]}, {"A": [], "OPENAI_KEY": ["x.example", "127.*"]})


@pytest.mark.parametrize("rules", ELSEWHERE, ids=str)
def test_a_variable_goes_to_no_other_host(exposed: Project, rules: dict[str, list[str]]) -> None:
    """validate and plan say so at the reference; a test, a live question and a gated apply send nothing."""
    allow(exposed, rules)
    (problem,) = json.loads(exposed.run("validate", "--format", "json").out)["problems"]
    assert (problem["rule"], problem["pointer"]) == ("secret-destination", "/endpoint/api_key")
    assert "OPENAI_KEY may not be sent to 127.0.0.1:" in problem["message"]
    for words in (
        ("validate",),
        ("plan",),
        ("test", "a"),
        ("test", "--all"),
        ("info", "a", "--live"),
        ("apply", "--yes", "--test"),
    ):
        assert exposed.run(*words).code == 1, words
    assert Counting.seen == []


@pytest.mark.parametrize("rules", HERE, ids=str)
def test_a_variable_goes_where_it_may(exposed: Project, rules: dict[str, list[str]]) -> None:
    """And there it arrives."""
    allow(exposed, rules)
    exposed.ok("validate")
    exposed.run("test", "a")
    assert any(f"Bearer {KEY}" in seen for seen in Counting.seen)


def test_an_environment_may_bound_it_otherwise(exposed: Project) -> None:
    """Maps merge, lists replace."""
    allow(exposed, {"OPENAI_*": ["api.openai.com"]}, dev={"secrets": {"allow": {"OPENAI_*": ["127.0.0.1"]}}})
    assert exposed.run("validate", "--env", "dev").code == 0
    assert exposed.run("validate").code == 1


@pytest.mark.parametrize(
    "secrets",
    [
        {"allow": {"OPENAI_*": ["https://api.openai.com"]}},
        {"allow": {"OPENAI_*": ["api.openai.com/v1"]}},
        {"allow": {"OPENAI_*": "api.openai.com"}},
        {"allow": {"${env:X}": []}},
        {"allow": {"A": ["user@h"]}},
        {"allow": {"A": [""]}},
        {"allow": []},
        {"deny": {}},
    ],
    ids=str,
)
def test_bounds_that_mean_nothing_are_errors(project: Project, secrets: Any) -> None:
    """A URL for a host would allow nothing, and nobody would know."""
    project.write("reconciler.yaml", json.dumps({"secrets": secrets}))
    project.manifest("a")
    assert project.run("validate").code == 1


PIPELINES = (
    {"CI": "true", "GITHUB_EVENT_NAME": "pull_request"},
    {"CI": "true", "GITHUB_EVENT_NAME": "pull_request_target"},
    {"CI": "true", "CI_MERGE_REQUEST_IID": "7"},
    {"TF_BUILD": "True", "BUILD_REASON": "PullRequest"},
    {"CI": "1", "BITBUCKET_PR_ID": "3"},
    {"JENKINS_URL": "https://j.example", "CHANGE_ID": "4"},
    {"CI": "true", "BUILDKITE_PULL_REQUEST": "12"},
)
NO_PULL_REQUESTS = (
    {},
    {"CI": "true", "GITHUB_EVENT_NAME": "push"},
    {"CI": "true", "BUILDKITE_PULL_REQUEST": "false"},
    {"CI": "false", "GITHUB_EVENT_NAME": "pull_request"},
)


@pytest.mark.parametrize("pipeline", PIPELINES, ids=str)
def test_a_pull_request_sends_no_secret_unasked(
    exposed: Project, server: str, pipeline: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what it would send where, and ends with 4; --allow-secrets, or a list of hosts, is the way out."""
    for name, value in pipeline.items():
        monkeypatch.setenv(name, value)
    for words in (("test", "a"), ("test", "--all"), ("info", "a", "--live"), ("test", "a", "--format", "json")):
        answer = exposed.run(*words)
        assert answer.code == 4, words
        assert f"OPENAI_KEY to {server}/v1" in answer.both
        assert "--allow-secrets" in answer.both
    assert Counting.seen == []
    exposed.run("test", "a", "--allow-secrets")
    assert Counting.seen != []
    Counting.seen.clear()
    allow(exposed, {"OPENAI_KEY": ["127.0.0.1"]})
    exposed.run("test", "a")
    assert Counting.seen != []


@pytest.mark.parametrize("pipeline", NO_PULL_REQUESTS, ids=str)
def test_elsewhere_nothing_is_asked(
    exposed: Project, pipeline: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a branch of one's own, and on one's own machine."""
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "GITHUB_EVENT_NAME", "GITHUB_HEAD_REF"):
        monkeypatch.delenv(name, raising=False)
    for name, value in pipeline.items():
        monkeypatch.setenv(name, value)
    exposed.run("test", "a")
    assert Counting.seen != []


def test_a_model_without_secrets_is_tested_for_a_pull_request(
    exposed: Project, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to lose."""
    exposed.manifest("a", endpoint={"url": f"{server}/v1", "model": "m", "headers": {"X-Tenant": "acme"}})
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    exposed.run("test", "a")
    assert Counting.seen != []


GOOD, EVIL = "https://good.example.com/v1", "https://evil.example.com/v1"
OPEN = {"url": GOOD, "model": "m", "api_key": "${env:K}"}
# what some manifests say, and the pointer of each refusal
ROUNDABOUT: dict[str, tuple[str, list[dict[str, Any]], list[str]]] = {
    "an override": (
        "litellm",
        [{"kind": "Model", "endpoint": OPEN, "registries": {"there": {"litellm_params": {"api_base": EVIL}}}}],
        ["/endpoint/api_key"],
    ),
    "an override under another name": (
        "litellm",
        [{"kind": "Model", "endpoint": OPEN, "registries": {"there": {"litellm_params": {"base_url": EVIL}}}}],
        ["/endpoint/api_key"],
    ),
    "a secret that another object names": (
        "nemo",
        [
            {"kind": "nemo/Secret", "key": "llm-key", "value": "${env:K}"},
            {"kind": "nemo/Provider", "key": "llm", "host_url": EVIL, "api_key_secret_name": "llm-key"},
        ],
        ["/host_url"],
    ),
    "a native kind": (
        "litellm",
        [{"kind": "litellm/Model", "litellm_params": {"model": "openai/m", "api_base": EVIL, "api_key": "${env:K}"}}],
        ["/litellm_params/api_key"],
    ),
    "a credential": (
        "litellm",
        [
            {"kind": "litellm/Credential", "credential_values": {"api_key": "${env:K}"}},
            {
                "kind": "litellm/Model",
                "key": "b",
                "litellm_params": {"model": "openai/m", "api_base": EVIL, "litellm_credential_name": "a"},
            },
        ],
        ["/litellm_params/api_base"],
    ),
    "a credential that says where": (
        "litellm",
        [{"kind": "litellm/Credential", "credential_values": {"api_key": "${env:K}", "api_base": EVIL}}],
        ["/credential_values/api_key"],
    ),
    "a credential that another's key is used with": (
        "litellm",
        [
            {"kind": "litellm/Credential", "credential_values": {"api_base": EVIL}},
            {
                "kind": "litellm/Model",
                "key": "b",
                "litellm_params": {"model": "openai/m", "api_key": "${env:K}", "litellm_credential_name": "a"},
            },
        ],
        ["/credential_values/api_base"],
    ),
    "x-unmanaged": (
        "litellm",
        [
            {
                "kind": "litellm/Model",
                "litellm_params": {"model": "openai/m", "api_key": "${env:K}"},
                "x-unmanaged": {"litellm_params": {"new_url": EVIL}},
            }
        ],
        ["/litellm_params/api_key"],
    ),
    "a secret of MLflow's gateway": (
        "mlflow",
        [
            {
                "kind": "mlflow/Secret",
                "provider": "openai",
                "secret_value": {"api_key": "${env:K}"},
                "auth_config": {"api_base": EVIL},
            }
        ],
        ["/secret_value/api_key"],
    ),
    "a host of watsonx": (
        "watsonx",
        [
            {
                "kind": "watsonx/Model",
                "key": "virtual-model/openai/m",
                "provider_config": {"custom_host": EVIL, "api_key": "${env:K}"},
            }
        ],
        ["/provider_config/api_key"],
    ),
    "a connection of AI GO!": (
        "latticeflow",
        [
            {
                "kind": "Model",
                "display_name": "A",
                "endpoint": OPEN,
                "registries": {"there": {"config": {"url": f"{EVIL}/chat/completions"}}},
            }
        ],
        ["/endpoint/api_key"],
    ),
    "an override in the local registry": (
        "local",
        [{"kind": "Model", "endpoint": OPEN, "registries": {"there": {"endpoint": {"url": EVIL}}}}],
        ["/endpoint/api_key"],
    ),
}


@pytest.mark.parametrize("evil", [True, False], ids=["forbidden", "allowed"])
@pytest.mark.parametrize("name", ROUNDABOUT)
def test_it_goes_no_roundabout_way_either(project: Project, name: str, evil: bool) -> None:
    """What counts is the object that is sent, from whichever field, and whichever file, its address comes."""
    driver, documents, pointers = ROUNDABOUT[name]
    place = {"path": "r.db"} if driver == "local" else {"url": "https://there.example.com", "token": "${env:T}"}
    if driver == "latticeflow":
        place = {"url": place["url"], "api_key": place["token"]}
    hosts = ["there.example.com", "good.example.com"] + ([] if evil else ["evil.example.com"])
    config = {
        "registries": {"there": {"driver": driver, **place, "default": True}},
        "secrets": {"allow": {"K": hosts, "T": hosts}},
    }
    project.write("reconciler.yaml", json.dumps(config))
    for index, document in enumerate(documents):
        project.write(f"manifests/{index}.json", json.dumps({"key": "a", **document}))
    problems = json.loads(project.run("validate", "--format", "json").out)["problems"]
    refused = [one for one in problems if one["severity"] == "error"]
    assert [(one["rule"], one["pointer"]) for one in refused] == [
        ("secret-destination", one) for one in pointers * evil
    ]
    if evil:
        assert all("K may not be sent to evil.example.com:443:" in one["message"] for one in refused)
        # a part of the manifests hides nothing of the rest
        named = f"manifests/{len(documents) - 1}.json"
        said = json.loads(project.run("validate", named, "--format", "json").out)["problems"]
        assert [one["rule"] for one in said if one["severity"] == "error"] == ["secret-destination"]
