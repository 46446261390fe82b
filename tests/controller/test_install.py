"""What installs the controller: one declaration, of which deploy/ is the committed copy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft7Validator
from programs import BIN, ROOT, run

from reconciler.cli.main import run as called
from reconciler.controller.install import chart, kustomize, manifests, permissions, workload
from reconciler.controller.install.chart_values import values, values_schema
from reconciler.controller.install.templates import any_of, each, one, template
from reconciler.controller.install.terms import IMAGE, Image, Terms
from reconciler.registry import catalog

DEPLOY: Final = ROOT / "deploy"
DRIVERS: Final = [*catalog.built_in().values()]
VERBS: Final = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
DIGEST: Final = "sha256:" + "0123456789abcdef" * 4


def documents(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text))


def committed(folder: str) -> dict[str, str]:
    root = DEPLOY / folder
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in files}


@pytest.mark.parametrize(
    ("folder", "made"),
    [
        ("kustomize", kustomize.files(Terms(), DRIVERS)),
        ("helm/model-reconciler", chart.files(Terms(), IMAGE, DRIVERS)),
    ],
    ids=["kustomize", "helm"],
)
def test_what_is_committed_is_what_the_command_writes(folder: str, made: Mapping[str, str]) -> None:
    """Nothing is stale, nothing is missing, and nothing is left over from a kind that is gone: `make deploy` writes it again."""
    assert committed(folder) == made


def test_check_tells_what_is_stale_and_writes_nothing(tmp_path: Path) -> None:
    """The gate for CI: a file that was edited or is missing fails, by its name."""
    command = (BIN / "reconciler", "controller", "manifests", "--output-dir", "made")
    run(*command, cwd=tmp_path)
    assert run(*command, "--check", cwd=tmp_path).stderr == ""
    edited = tmp_path / "made/base/rbac.yaml"
    edited.write_text(edited.read_text("utf-8").replace("get", "'*'"), "utf-8")
    (tmp_path / "made/base/service.yaml").unlink()
    done = run(*command, "--check", cwd=tmp_path, code=1)
    assert [line for line in done.stderr.splitlines() if line.startswith("stale")] == [
        "stale: made/base/rbac.yaml",
        "stale: made/base/service.yaml",
    ]
    assert not (tmp_path / "made/base/service.yaml").exists()


def test_the_stream_has_every_part_in_an_order_that_a_cluster_takes(tmp_path: Path) -> None:
    """Definitions, then the namespace, then what lives in it; each object once."""
    given = ("--create-namespace", "--network-policy", "--namespace", "team-cx")
    text = run(BIN / "reconciler", "controller", "manifests", *given, cwd=tmp_path).stdout
    objects = documents(text)
    kinds = [one["kind"] for one in objects]
    assert kinds[: len(manifests.crds(DRIVERS))] == ["CustomResourceDefinition"] * len(manifests.crds(DRIVERS))
    assert kinds[len(manifests.crds(DRIVERS)) :] == [
        *("Namespace", "ServiceAccount", "Role", "RoleBinding", "Role", "RoleBinding"),
        *("Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"),
    ]
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(names) == len(set(names))
    placed = {one["metadata"].get("namespace", "team-cx") for one in objects}
    assert placed == {"team-cx"}


@pytest.mark.parametrize(
    "given",
    [
        ("--namespace", "Team"),
        ("--namespace", "a" * 64),
        ("--namespace", "-x"),
        ("--image", "two words"),
        ("--image", "x@sha256:12"),
        ("--image", ""),
        ("--replicas", "-1"),
        ("--check",),
        ("--format", "helm", "--namespace", "team"),
        ("--format", "helm", "--only", "crds"),
        ("--format", "helm", "--create-namespace"),
        ("--format", "helm", "--network-policy"),
        ("--output-dir", "made", "--all-namespaces"),
        ("--output-dir", "made", "--only", "crds"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: tuple[str, ...]
) -> None:
    """An option that would be ignored, or that no cluster takes, is a usage error with a way out."""
    monkeypatch.chdir(tmp_path)
    assert called(["controller", "manifests", *given]) == 64
    said = capsys.readouterr()
    assert said.out == ""
    assert "error: " in said.err
    assert "hint: " in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("model-reconciler", Image("model-reconciler")),
        ("host:5000/a/b:1.2", Image("host:5000/a/b", "1.2")),
        (f"host/a_b/c--d@{DIGEST}", Image("host/a_b/c--d", "", DIGEST)),
        (f"a:v1@{DIGEST}", Image("a", "v1", DIGEST)),
    ],
)
def test_an_image_is_read_by_its_parts(text: str, parts: Image) -> None:
    """A port is no tag, and a digest needs none."""
    assert Image.parse(text) == parts
    assert str(Image.parse(str(parts))) == str(parts)


def _grants() -> Iterator[permissions.Grant]:
    yield from permissions.OWN
    yield from permissions.objects(kustomize.native_types(DRIVERS).values())


def test_no_grant_is_wider_than_it_says() -> None:
    """No wildcard, no verb of which nobody knows why, no right over roles, pods or nodes; each with its reason."""
    for grant in _grants():
        assert set(grant.verbs) <= VERBS
        assert "*" not in (grant.group, *grant.resources)
        assert grant.group in {"", "coordination.k8s.io", "events.k8s.io"} or grant.group.endswith(
            "models.reconciler.dev"
        )
        assert grant.reason.endswith(".")


def test_secrets_are_never_written() -> None:
    """The controller reads Secrets and has no verb that changes one."""
    (secrets,) = (grant for grant in _grants() if grant.group == "" and "secrets" in grant.resources)
    assert set(secrets.verbs) == {"get", "list", "watch"}


def test_one_namespace_takes_roles_alone() -> None:
    """Installed for its own namespace, the controller has no right outside of it."""
    kinds = [one["kind"] for one in manifests.controller(Terms(), DRIVERS)]
    assert not [kind for kind in kinds if kind.startswith("Cluster")]


def test_a_replica_has_the_time_to_end_what_it_began() -> None:
    """A pod is killed only after its lease has ended, and with it the last write."""
    assert workload.GRACE > workload.LEASE_DURATION
    assert workload.deployment(Terms())["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == workload.GRACE


def test_the_arguments_are_those_of_the_command(tmp_path: Path) -> None:
    """What the Deployment calls exists: every option is one of `controller run`."""
    text = run(BIN / "reconciler", "controller", "run", "--help", cwd=tmp_path).stdout
    options = [word.partition("=")[0] for word in (*workload.ARGUMENTS, workload.EVERYWHERE) if word.startswith("--")]
    assert all(re.search(rf"^  {option}\b", text, re.MULTILINE) for option in options)


def test_the_defaults_of_the_chart_are_allowed_by_its_schema() -> None:
    """values.yaml passes values.schema.json, and has a value for each name there."""
    made = chart.files(Terms(), IMAGE, DRIVERS)
    schema = json.loads(made["values.schema.json"])
    Draft7Validator.check_schema(schema)
    defaults = yaml.safe_load(made["values.yaml"])
    assert list(Draft7Validator(schema).iter_errors(defaults)) == []
    assert set(defaults) | {"global"} == set(schema["properties"])


def test_no_value_can_open_the_network_policy() -> None:
    """To Kubernetes an empty list of ports or peers is all of them: neither an empty list nor none is allowed."""
    schema = json.loads(values_schema(values(Terms(), IMAGE)))
    policy = {"enabled": True, "egressPorts": [443], "metricsFrom": ["monitoring"]}
    allowed = Draft7Validator(schema["properties"]["networkPolicy"])
    assert allowed.is_valid(policy)
    for name in ("egressPorts", "metricsFrom"):
        assert not allowed.is_valid(policy | {name: []})
        assert not allowed.is_valid({other: value for other, value in policy.items() if other != name})


def test_the_forms_of_an_expression() -> None:
    """A value, a value with text behind it, the items of a list, and a member that may be left out."""
    text = template({"a": one(".A"), "b": f"{one('.B')}-x", "c": ["d", each(".E", 'dict "f" .')], "g": any_of(".H")})
    assert text.splitlines() == [
        "a: {{ toJson (.A) }}",
        'b: {{ toJson (printf "%s%s" (.B) "-x") }}',
        "c:",
        "  - d",
        "  {{- range .E }}",
        '  - {{ toJson (dict "f" .) }}',
        "  {{- end }}",
        "{{- with .H }}",
        "g: {{ toJson . }}",
        "{{- end }}",
    ]


def test_helm_is_built_of_the_modules_of_the_api_server() -> None:
    """Of the same versions, most of it is compiled already: ten times as much would be compiled otherwise."""
    server, helm = (
        dict(
            re.findall(r"^\s+(\S+) (v\S+)", (ROOT / f"tests/kubernetes/{name}/go.mod").read_text("utf-8"), re.MULTILINE)
        )
        for name in ("server", "helm")
    )
    differing = {name for name in server.keys() & helm.keys() if server[name] != helm[name]}
    assert differing <= {"github.com/go-errors/errors"}
