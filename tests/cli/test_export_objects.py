"""`export --format crd`: a project as objects of Kubernetes, which say the same as its manifests, and lead back to them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from reconciler.core.document.dump import dump_object
from reconciler.core.errors import ManifestError
from reconciler.core.resource import Desired, DesiredState
from reconciler.manifest.discover import discover
from reconciler.manifest.importing import Target, import_files
from reconciler.project.config_file import FILE
from reconciler.project.kubernetes_objects import objects_of
from reconciler.project.workspace import Workspace, open_workspace

CONFIG: Final = """\
owner: team
manifests: [manifests]
variables: {host: llm.example.com}
secret_commands: {vault: [vault, kv, get, "{name}"], secret: [kubectl, get, secret, "{name}"]}
registries:
  local: {driver: local, default: true}
  nemo: {driver: nemo, url: "https://nemo.example.com", token: "${env:NEMO_TOKEN}"}
"""
MANIFESTS: Final = {
    "a.yaml": """\
kind: Model
key: Support_Chat
description: ${file:texts/about.txt}
endpoint:
  url: https://${var:host}/v1
  model: m
  api_key: ${env:LLM_KEY}
  headers: {X-Tenant: acme, X-Token: "${cmd:vault/a/b c}", X-Secret: "${file:texts/secret_key}"}
parameters: {n: 1, temperature: 0.5, stop: ["no", "1:30", "$${x}"]}
tags: [b, a]
metadata: {a: [1, {b: null}]}
registries: {local: {key: other}}
protected: true
previous_keys: [old]
---
kind: nemo/Secret
key: my-secret
registry: nemo
value: ${cmd:secret/gateway/key}
""",
    "sub/b.yaml": "kind: Model\nkey: embed\ntask: embeddings\ndescription: ${file:../texts/about.txt}\n"
    "provider: {name: openai, model: text-embedding-3-small}\nregistries: {local: }\n",
    "texts/about.txt": "Answers.\n",
    "texts/secret_key": "made-up",
}


def project(root: Path, files: dict[str, str]) -> Workspace:
    """A project with these manifests."""
    (root / "manifests").mkdir(parents=True)
    (root / FILE).write_text(CONFIG)
    for name, text in files.items():
        path = root / "manifests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return open_workspace(root / FILE)


def objects_in(workspace: Workspace, folder: Path) -> None:
    """Writes the objects of a project into a folder."""
    for one in objects_of(workspace, workspace.load()).files:
        path = folder / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dump_object(one.manifest))


def said(state: DesiredState) -> list[Desired]:
    """What a desired state declares, whichever file says it."""
    return [replace(one, resource=replace(one.resource, source=None)) for one in state.resources]


def test_objects_declare_what_the_manifests_do(tmp_path: Path) -> None:
    """`plan` of the folder of objects is that of the manifests: secrets, files, variables and all."""
    before = project(tmp_path / "a", MANIFESTS)
    objects_in(before, tmp_path / "objects")
    after = project(tmp_path / "b", {name: text for name, text in MANIFESTS.items() if name.startswith("texts/")})
    shutil.copytree(tmp_path / "objects", tmp_path / "b" / "manifests" / "objects")
    assert said(after.load().checked()) == said(before.load().checked())


def test_objects_lead_back_to_the_manifests(tmp_path: Path) -> None:
    """`import` of the folder of objects gives manifests that declare the same."""
    before = project(tmp_path / "a", MANIFESTS)
    objects_in(before, tmp_path / "objects")
    after = project(tmp_path / "b", {name: text for name, text in MANIFESTS.items() if name.startswith("texts/")})
    root = tmp_path / "b"
    imported = import_files(discover([str(tmp_path / "objects")], root, root), Target(root / "manifests", root, root))
    assert imported.errors == ()
    for one in imported.manifests:
        path = root / "manifests" / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.text)
    assert said(after.load().checked()) == said(before.load().checked())


def test_it_says_which_secrets_must_exist(tmp_path: Path) -> None:
    """Each with its keys, and what each stands for; no value is written."""
    made = objects_of(workspace := project(tmp_path, MANIFESTS), workspace.load())
    assert made.secrets == {
        "gateway": {"key": "a value of the cluster's own"},
        "reconciler-commands": {"vault_2Fa_2Fb_20c": "what the secret command prints for vault/a/b c"},
        "reconciler-env": {
            "LLM_KEY": "the environment variable LLM_KEY",
            "NEMO_TOKEN": "the environment variable NEMO_TOKEN",
        },
        "reconciler-files": {"manifests_2Ftexts_2Fsecret_5Fkey": "the file manifests/texts/secret_key"},
    }
    assert "made-up" not in str(made)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("kind: Model\nkey: a\nstate: absent\n", "delete the object instead"),
        ("kind: Template\nkey: t\ntags: [a]\n---\nkind: Model\nkey: a\nextends: t\n", "no templates in a cluster"),
        (
            (
                "kind: Model\nkey: ab\nprovider: {name: openai, model: x}\nregistries: {local: {}}\n---\n"
                "kind: Model\nkey: ab\nendpoint: {url: https://x.example, model: x}\nregistries: {nemo: {}}\n"
            ),
            "join the two",
        ),
    ],
)
def test_what_no_object_can_say_is_told_with_the_way_out(tmp_path: Path, text: str, what: str) -> None:
    workspace = project(tmp_path, {"a.yaml": text})
    with pytest.raises(ManifestError) as refused:
        objects_of(workspace, workspace.load())
    assert any(what in (problem.suggestion or "") for problem in refused.value.problems), refused.value.problems
    assert all(problem.line for problem in refused.value.problems)


def test_kubectl_reads_the_names_of_the_members_as_we_do(tmp_path: Path) -> None:
    """kubectl takes a plain `n` for false: it is quoted."""
    made = objects_of(workspace := project(tmp_path, MANIFESTS), workspace.load())
    assert any('"n": 1' in dump_object(one.manifest) for one in made.files)
