"""A project at work, through its own functions: what the command line and Python share."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from registry.aigo.server import aigo
from world import PLUGINS

from reconciler.applier.apply import apply
from reconciler.applier.options import Options
from reconciler.core.errors import (
    ConfigError,
    InputError,
    ManifestError,
    PermanentError,
    SecretError,
    UsageError,
    is_error,
)
from reconciler.core.resource import Resource, Source
from reconciler.planner import planfile
from reconciler.planner.plan import Consents
from reconciler.planner.planfile_reader import parse
from reconciler.planner.planner import make_plan
from reconciler.project.policy import policy_of
from reconciler.project.workspace import open_workspace
from reconciler.registry.protocol import Registry, Write
from reconciler.registry.reading import read_all

_places = itertools.count(1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "reconciler.yaml").write_text(
        "owner: us\nfingerprint_key: ${env:FP}\nregistries: {local: {driver: local, path: r.db, default: true}}\n"
    )
    (tmp_path / "manifests").mkdir()
    for key in "ab":
        (tmp_path / f"manifests/{key}.yaml").write_text(f"kind: Model\nkey: {key}\n")
    return tmp_path


def test_only_the_whole_is_complete(root: Path) -> None:
    """A part may never speak of orphans; what was left out still counts as declared."""
    workspace = open_workspace(cwd=root)
    whole, part, stdin = (
        workspace.load(),
        workspace.load(["manifests/a.yaml"]),
        workspace.load(["-"], lambda: b"kind: Model\nkey: z\n"),
    )
    assert (whole.desired.complete, part.desired.complete, stdin.desired.complete) == (True, False, False)
    assert [item.key for item in part.desired.resources] == ["a"]
    assert {address.key for address in part.desired.declared} == {"a", "b"}
    assert workspace.load(["manifests"]).desired.complete is False, "it was asked for as a part"


def test_problems_are_raised_all_together(root: Path) -> None:
    """`checked` raises with every problem; strict counts warnings too."""
    (root / "manifests/c.yaml").write_text("kind: Model\nkey: c\nfoo: 1\nbar: 2\n")
    loaded = open_workspace(cwd=root).load()
    with pytest.raises(ManifestError, match="2 problems") as caught:
        loaded.checked()
    assert sum(map(is_error, caught.value.problems)) == 2
    assert caught.value.lines["manifests/c.yaml"][2] == "foo: 1"


def test_stdin_stands_alone(root: Path) -> None:
    """Nothing is silently left out."""
    with pytest.raises(UsageError):
        open_workspace(cwd=root).load(["-", "manifests"])
    assert open_workspace(cwd=root).load(["-"]).problems[0].rule == "no-manifests"


def test_a_short_fingerprint_key_is_refused(root: Path) -> None:
    """It could be guessed from the fingerprints; a line end does not make it longer."""
    for key in ("x", "a" * 15, "a" * 15 + "\n"):
        with pytest.raises(ConfigError, match="fewer than 16 characters"):
            open_workspace(cwd=root, environ={"FP": key}).fingerprint_key_if_known()


def test_the_fingerprint_key_is_looked_up_when_it_is_needed(root: Path) -> None:
    """In the environment that was given; planning does without."""
    assert open_workspace(cwd=root, environ={"FP": "a key for fingerprints"}).fingerprint_key() is not None
    bare = open_workspace(cwd=root, environ={})
    assert bare.fingerprint_key_if_known() is None
    with pytest.raises(SecretError):
        bare.fingerprint_key()


def test_a_working_directory_that_is_gone_is_an_error_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else may clean up while we run."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(InputError, match="does not exist any more"):
        open_workspace()


# --- where a registry's words lead -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Refusing:
    """A registry that finds fields of new objects of one kind wrong, and says which."""

    inner: Registry
    kind: str
    places: tuple[str, ...]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def create(self, write: Write) -> Resource | None:
        if write.desired.address.kind != self.kind:
            return await self.inner.create(write)
        wrong = tuple((place, "is wrong") for place in self.places)
        raise PermanentError("it is refused", hint="mend it", places=wrong)


PORTABLE = """\
# a model, and what it is for
kind: Model
key: first
---
kind: Model
key: chat
display_name: Chat
description: >-
  for people
tags: [a]
"""
NATIVE = """\
kind: memory/Model
key: own
limits:
  rate:
    5
"""


@pytest.fixture
def placed(tmp_path: Path) -> Path:
    """A project with a registry in memory, a portable Model as a second document, and a native one."""
    assert PLUGINS.is_dir()
    url = f"memory://workspace-{next(_places)}"
    (tmp_path / "reconciler.yaml").write_text(
        f"owner: us\nregistries: {{one: {{driver: memory, url: '{url}', default: true}}}}\n"
    )
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/a.yaml").write_text(PORTABLE)
    (tmp_path / "manifests/b.yaml").write_text(NATIVE)
    return tmp_path


async def refused(
    root: Path, *places: str, kind: str = "Model", saved: bool = False, edit: str | None = None, **environ: str
) -> dict[str, str]:
    """What the outcomes say, by key, where the registry finds these fields wrong. `edit` is what a.yaml holds by the time of apply."""
    workspace = open_workspace(cwd=root, environ=environ)
    async with workspace.connect() as opened:
        desired = workspace.load().checked()
        plan = make_plan(desired, await read_all(opened, workspace.facts))
        if saved:
            plan = parse(planfile.dump(plan), "p.json").plan
        if edit is not None:
            (root / "manifests/a.yaml").write_text(edit)
        options = Options(resolver=workspace.resolver, backup=lambda _: "", locate=workspace.locate)
        wrapped = {name: cast(Registry, Refusing(place, kind, places)) for name, place in opened.items()}
        report = await apply(plan, wrapped, workspace.facts, options)
    return {outcome.address.key: outcome.message for outcome in report.outcomes}


@pytest.mark.parametrize("saved", [False, True], ids=["direct", "saved"])
async def test_what_a_registry_finds_wrong_is_told_with_its_place(placed: Path, saved: bool) -> None:
    """File, line and column of the value in the manifest, also of the second document of a file, and from a saved plan."""
    said = await refused(placed, "/description", "/limits/rate", saved=saved)
    assert said["chat"] == "it is refused (at manifests/a.yaml:8:14, manifests/a.yaml:5:1) (mend it)"
    assert said["own"] == "it is refused (at manifests/b.yaml:1:1, manifests/b.yaml:5:5) (mend it)"


@pytest.mark.parametrize("saved", [False, True], ids=["direct", "saved"])
async def test_a_field_of_a_portable_model_leads_to_where_the_manifest_says_it(tmp_path: Path, saved: bool) -> None:
    """The registry speaks of its own fields, the manifest of others: by the nearest that is known, else the document."""
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/a.yaml").write_text(
        "kind: Model\nkey: chat\ndisplay_name: Chat\nendpoint:\n  url: https://x.example.com\n"
        "  api_key: ${env:KEY}\n  headers: {X-Tenant: acme}\nlimits: {requests_per_minute: 9}\n"
    )
    with aigo() as server:
        (tmp_path / "reconciler.yaml").write_text(
            f"registries: {{one: {{driver: latticeflow, url: '{server.url}', api_key: '${{env:AIGO}}', default: true}}}}\n"
        )
        places = ("/rate_limit", "/config/custom_headers/X-Tenant", "/config/tls_context", "/usage")
        environ = {"KEY": "s3cret", "AIGO": server.key}
        said = await refused(tmp_path, *places, saved=saved, **environ)
        lines = ("8:31", "7:23", "5:3", "1:1")
        assert said["chat"] == f"it is refused (at {', '.join(f'manifests/a.yaml:{at}' for at in lines)}) (mend it)"
        server.state.secrets.clear()
        said = await refused(tmp_path, "/value", kind="Secret", saved=saved, **environ)
        assert said["reconciler-chat-api-key"] == "it is refused (at manifests/a.yaml:6:12) (mend it)"


@pytest.mark.parametrize("edit", ["", "# one line more\n" + PORTABLE, "{", "kind: Model\nkey: first\n"])
async def test_a_manifest_that_changed_since_is_told_as_it_was_read(placed: Path, edit: str) -> None:
    """A saved plan is applied long after: no column is better than a wrong one, and nothing fails for it."""
    said = await refused(placed, "/description", saved=True, edit=edit)
    assert said["chat"] == "it is refused (at manifests/a.yaml:5) (mend it)"


async def test_a_manifest_that_is_gone_since_is_told_by_its_line(placed: Path) -> None:
    """The message names what was reviewed."""
    workspace = open_workspace(cwd=placed, environ={})
    assert workspace.locate(Source("manifests/gone.yaml", 3), "/x") == "manifests/gone.yaml:3"


# --- what reconciler.yaml allows, and what references become --------------------------------------------------


@pytest.mark.parametrize(
    ("guards", "allowed"),
    [
        ("", False),
        ("guards: {allow_trust_remote_code: false}\n", False),
        ("guards: {allow_trust_remote_code: true}\n", True),
    ],
)
def test_what_has_consequences_is_allowed_in_the_configuration(root: Path, guards: str, allowed: bool) -> None:
    """And nowhere else: others see it there, and review it."""
    with (root / "reconciler.yaml").open("a") as file:
        file.write(guards)
    workspace = open_workspace(cwd=root, environ={})
    limits = policy_of(workspace, workspace.load().desired, (), Consents()).limits
    assert limits.allowed == ({"allow_trust_remote_code"} if allowed else frozenset())


def test_a_reference_in_a_number_of_a_native_kind_is_a_number(root: Path) -> None:
    """So is 60.0 where a whole number is meant; text that looks like a number stays text."""
    (root / "reconciler.yaml").write_text(
        "variables: {N: '60', T: '2.5', NAME: '7', ON: 'true'}\n"
        "registries: {one: {driver: latticeflow, url: 'https://x.example.com', api_key: '${env:K}', default: true}}\n"
    )
    for path in (root / "manifests").iterdir():
        path.unlink()
    (root / "manifests/m.yaml").write_text(
        "kind: latticeflow/Model\nkey: m\ndisplay_name: ${var:NAME}\nrate_limit: ${var:N}\nmax_concurrent_requests: 60.0\n"
        "config:\n  connection_type: custom_inference\n  run_inference_snippet: x\n  timeout: ${var:T}\n"
        "  environment: {A: '${var:N}', B: 3.0, C: 'x ${var:N}'}\n"
    )
    spec = open_workspace(cwd=root, environ={}).load().checked().resources[0].resource.spec
    given = {**spec, **spec["config"]}
    assert {name: given[name] for name in ("display_name", "rate_limit", "max_concurrent_requests", "timeout")} == {
        "display_name": "7",
        "rate_limit": 60,
        "max_concurrent_requests": 60,
        "timeout": 2.5,
    }
    assert [type(given[name]) for name in ("display_name", "rate_limit", "max_concurrent_requests")] == [str, int, int]
    assert spec["config"]["environment"] == {"A": "60", "B": 3.0, "C": "x 60"}
