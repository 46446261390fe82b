"""A manifest given as the configuration, and a configuration given as a manifest: each is told how the other is given."""

from __future__ import annotations

import pytest

MANIFEST = "kind: Model\nkey: chat\nprovider: {name: openai, model: gpt-5-nano}\n"


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("m.yaml", MANIFEST, "1:1"),
        ("m.yaml", f"# a comment\n{MANIFEST}registries: {{local: {{}}}}\n", "2:1"),
        ("m.yaml", f"{MANIFEST}---\n{MANIFEST.replace('chat', 'other')}", "1:1"),
        ("m.yaml", "kind: nemo/Provider\nkey: p\nhost_url: https://llm.example.com\n", "1:1"),
        ("m.yaml", "key: chat\nprovider: {name: openai, model: gpt-5-nano}\n", "2:1"),
        ("m.json", '{"key": "chat", "kind": "Model", "endpoint": {}}', "1:17"),
    ],
)
def test_a_manifest_given_as_the_configuration_is_named_as_one(project, file, text, place):
    """Whoever confuses the two learns what the file is and how each is given, not that its fields are unknown."""
    project.write(file, text)
    answer = project.run("--config", file, "--env", "prod", "plan")
    assert answer.code == 1
    assert f"{file}:{place}: error[foreign-file]: this is a manifest, and is no configuration" in answer.err
    assert f"`reconciler plan {file}`" in answer.err
    assert "--config" in answer.err
    assert "unknown field" not in answer.err


def test_a_manifest_in_the_place_of_the_configuration_is_told_to_move(project):
    """It is not suggested as PATH: every command would go on to take it as the configuration."""
    project.write("reconciler.yaml", MANIFEST)
    answer = project.run("plan")
    assert "reconciler.yaml:1:1: error[foreign-file]: this is a manifest" in answer.err
    assert "help: move it to the folder `manifests`; " in answer.err


def test_another_tools_file_given_as_the_configuration_is_named(project):
    """As it is among the manifests."""
    project.write("values.yaml", "image: {repository: nginx, tag: x}\nreplicaCount: 1\n")
    assert "this looks like Helm values, and is no configuration" in project.run("--config", "values.yaml", "plan").err


@pytest.mark.parametrize(
    "text",
    [
        "owner: us\nkind: Model\n",
        "kind: other\n",
        "manifests: [m]\nkey: a\nprovider: {}\n",
        "owner: us\nimage: {repository: nginx}\nreplicaCount: 1\n",
    ],
)
def test_a_configuration_with_a_field_too_many_is_still_one(project, text):
    """What has a field of a configuration alone, or says nothing of a manifest, is told of its unknown fields."""
    project.write("reconciler.yaml", text)
    answer = project.run("plan")
    assert "error[unknown-field]" in answer.err
    assert "foreign-file" not in answer.err


def test_a_configuration_given_as_a_manifest_is_told_of_the_option(project):
    """The other way round."""
    project.write("prod.yaml", "owner: us\nregistries: {local: {driver: local, default: true}}\n")
    assert "help: give it with `--config prod.yaml`, or move it out" in project.run("plan", "prod.yaml").err


POLICY = "name: owner-label\nmessage: every model has a label `owner`\ncel: has(manifest.labels)\n"


def test_a_policy_given_as_the_configuration_or_as_a_manifest_is_named_as_one(project):
    """Not by each of its fields, which are right where it belongs."""
    project.write("ours.yaml", POLICY)
    answer = project.run("--config", "ours.yaml", "plan")
    assert "error[foreign-file]: this looks like a policy of reconciler, and is no configuration" in answer.err
    answer = project.run("plan", "ours.yaml")
    assert "this looks like a policy of reconciler, and is no manifest" in answer.err
    assert "help: move it to the folder `policies`" in answer.err
    assert "unknown-field" not in answer.err
