"""Secrets in a pull request's pipeline: a manifest that anybody may propose decides where they go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from reconciler.core.errors import RefusedError
from reconciler.core.model import Endpoint
from reconciler.core.spec import REFERENCE, source_of
from reconciler.core.url import public_url
from reconciler.project.workspace import Workspace

_PIPELINES: Final = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "JENKINS_URL", "TEAMCITY_VERSION")
# what says in each pipeline that it runs for a pull request, and which values say so
_PULL_REQUESTS: Final[Mapping[str, str]] = {
    "GITHUB_EVENT_NAME": r"pull_request.*",  # also pull_request_target and reviews
    "GITHUB_HEAD_REF": r".+",
    "CI_MERGE_REQUEST_IID": r".+",  # GitLab
    "CI_EXTERNAL_PULL_REQUEST_IID": r".+",
    "CI_PIPELINE_SOURCE": r"(?:merge_request|external_pull_request)_event",
    "SYSTEM_PULLREQUEST_PULLREQUESTID": r".+",  # Azure
    "BUILD_REASON": r"PullRequest",
    "BITBUCKET_PR_ID": r".+",
    "CHANGE_ID": r".+",  # Jenkins
    "CIRCLE_PULL_REQUEST": r".+",
    "DRONE_PULL_REQUEST": r".+",
    "BUILDKITE_PULL_REQUEST": r"(?!false$).+",
    "TRAVIS_PULL_REQUEST": r"(?!false$).+",
    "APPVEYOR_PULL_REQUEST_NUMBER": r".+",
    "CODEBUILD_WEBHOOK_EVENT": r"PULL_REQUEST.*",
    "PULL_REQUEST_ID": r".+",
}
_OFF: Final = ("", "0", "false", "no")


def in_pipeline(environ: Mapping[str, str]) -> bool:
    """True on the runner of a pipeline."""
    return any(environ.get(name, "").lower() not in _OFF for name in _PIPELINES)


def is_pull_request(environ: Mapping[str, str]) -> bool:
    """True in a pipeline for a pull request or merge request."""
    return in_pipeline(environ) and any(
        re.fullmatch(values, environ.get(name, "")) for name, values in _PULL_REQUESTS.items()
    )


def check_secrets(workspace: Workspace, endpoints: Iterable[Endpoint], *, allowed: bool) -> None:
    """Raise RefusedError where a pull request would send secrets to endpoints and nothing bounds that.

    Nothing was sent then; the error says what would be, and where.
    """
    if allowed or workspace.project.secrets is not None or not is_pull_request(workspace.resolver.environ):
        return
    sent = sorted({f"{name} to {public_url(one.url)}" for one in endpoints for name in _references(one)})
    if sent:
        raise RefusedError(
            f"for a pull request, secrets are sent nowhere unasked; this would send {', '.join(sent)}",
            hint="list under `secrets.allow` in reconciler.yaml where each may go, or say --allow-secrets",
        )


def _references(endpoint: Endpoint) -> list[str]:
    values = [endpoint.api_key, *(endpoint.headers or {}).values()]
    written = (match for value in values if value is not None for match in [REFERENCE.fullmatch(value)] if match)
    return [source_of(match[0]) or match[2] for match in written]
