"""What is wrong with the configuration is told with its place, or with the option or variable that named it."""

from __future__ import annotations

import json

import pytest

CONFIG = """\
owner: us
fingerprint_key: ${env:PRINTS}
registries:
  local: {driver: local, path: registry.db, default: true}
  aigo:
    driver: latticeflow
    url: "${env:LF_URL}"
    api_key: "${env:LF_KEY}"
    headers: {X-Gateway: "${env:GATEWAY}"}
  nemo: {driver: nemo, url: "http://127.0.0.1:9", token: "${file:gone.txt}"}
environments:
  prod: {registries: {aigo: {url: "${env:PROD_URL}"}}}
"""


@pytest.fixture
def remote(project):
    project.write("reconciler.yaml", CONFIG)
    project.manifest("chat")
    return project


def test_each_reference_without_a_value_is_told_at_its_place_and_all_at_once(remote):
    """Whoever set up a job learns every variable that it lacks from one run."""
    answer = remote.run("plan")
    assert answer.code == 1
    assert [line.strip() for line in answer.err.splitlines()[1:5]] == [
        "reconciler.yaml:7:10: ${env:LF_URL}: the environment variable LF_URL is not set",
        "reconciler.yaml:8:14: ${env:LF_KEY}: the environment variable LF_KEY is not set",
        "reconciler.yaml:9:26: ${env:GATEWAY}: the environment variable GATEWAY is not set",
        "reconciler.yaml:10:58: ${file:gone.txt} cannot be read: No such file or directory",
    ]
    assert json.loads(remote.run("plan", "--format", "json").out)["error"]["code"] == "secret"


def test_a_reference_of_an_environment_is_told_where_the_environment_has_it(remote):
    """The patch is where the variable is written, not the base."""
    assert "reconciler.yaml:12:35: ${env:PROD_URL}" in remote.run("--env", "prod", "list").err


def test_only_the_registries_that_are_opened_count(remote, monkeypatch):
    """A plan of one registry needs the variables of no other, and a single one is told in one line with its hint."""
    for name in ("LF_URL", "LF_KEY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    answer = remote.run("plan", "--registry", "aigo")
    assert answer.err == (
        "error: reconciler.yaml:9:26: ${env:GATEWAY}: the environment variable GATEWAY is not set\n"
        "hint: set GATEWAY and run again\n"
    )
    assert remote.run("plan", "--registry", "local").code == 0


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ('{driver: nemo, token: "${env:TOKEN}", url: "${env:URL}"}', "3:49"),
        ('{driver: watsonx, token: "${env:TOKEN}", url: "${env:URL}"}', "3:52"),
        ('{driver: watsonx, token: "${env:TOKEN}", url: "http://127.0.0.1:9", connections_url: "${env:URL}"}', "3:91"),
        ('{driver: litellm, token: "${env:TOKEN}", url: "${env:URL}"}', "3:52"),
        ('{driver: mlflow, token: "${env:TOKEN}", url: "${env:URL}"}', "3:51"),
        ('{driver: mlflow, url: "http://127.0.0.1:9", username: me}', "3:60"),
        ('{driver: mlflow, url: "http://127.0.0.1:9", password: "${env:TOKEN}"}', "3:60"),
        ('{driver: latticeflow, api_key: "${env:TOKEN}", url: "${env:URL}"}', "3:58"),
        ('{driver: nemo, token: "${env:TOKEN}", url: "http://127.0.0.1:9", ca: no.pem}', "3:75"),
        (
            '{driver: nemo, token: "${env:TOKEN}", url: "http://127.0.0.1:9", headers: {Authorization: "${env:TOKEN}"}}',
            "3:96",
        ),
    ],
    ids=lambda value: value[1:40],
)
def test_a_setting_that_only_opening_finds_wrong_is_told_at_its_place(project, monkeypatch, entry, place):
    """An address that no credential may go to, a certificate that is not there: the setting is named by line."""
    monkeypatch.setenv("TOKEN", "sk-secret-value")
    monkeypatch.setenv("URL", "ftp://elsewhere")
    project.write("reconciler.yaml", f"owner: us\nregistries:\n  r: {entry}\n")
    answer = project.run("list")
    assert answer.code == 1
    assert f"reconciler.yaml:{place}: " in answer.err
    assert "sk-secret-value" not in answer.both


@pytest.mark.parametrize("value", [None, "short"])
def test_a_fingerprint_key_that_cannot_be_used_is_told_at_its_place(project, monkeypatch, value):
    """Whether it is not set or too short."""
    if value is not None:
        monkeypatch.setenv("PRINTS", value)
    project.write(
        "reconciler.yaml",
        "owner: us\nfingerprint_key: ${env:PRINTS}\nregistries: {local: {driver: local, path: registry.db, default: true}}\n",
    )
    project.manifest("chat", endpoint={"url": "https://llm.example.com/v1", "model": "m", "api_key": "${env:KEY}"})
    monkeypatch.setenv("KEY", "sk-value")
    answer = project.run("apply", "--yes")
    assert answer.code == 1
    assert "reconciler.yaml:2:18: " in answer.err


def test_an_environment_that_is_none_is_told_with_what_named_it(remote, monkeypatch):
    """The flag, the variable of the job, or the saved plan."""
    assert remote.run("--env", "prd", "plan").err.startswith("error: --env: reconciler.yaml has no environment 'prd'\n")
    monkeypatch.setenv("RECONCILER_ENV", "prd")
    answer = remote.run("plan")
    assert answer.code == 64
    assert answer.err == "error: RECONCILER_ENV: reconciler.yaml has no environment 'prd'\nhint: did you mean 'prod'?\n"


def test_a_saved_plan_of_an_environment_that_is_gone_names_the_plan(project):
    """Whoever applies it gave no environment, and is not told of an option."""
    local = "owner: us\nregistries: {local: {driver: local, path: registry.db, default: true}}\n"
    project.write("reconciler.yaml", local + "environments: {prod: {}}\n")
    project.manifest("chat")
    project.ok("--env", "prod", "plan", "--save", "plan.json")
    project.write("reconciler.yaml", local)
    assert (
        "error: plan.json: reconciler.yaml has no environment 'prod'" in project.run("apply", "--plan", "plan.json").err
    )


@pytest.mark.parametrize("file", ["nope.yaml", "manifests"])
def test_a_configuration_that_cannot_be_read_is_told_with_what_named_it(remote, monkeypatch, file):
    """The option, or the variable that a job has set."""
    assert f"{file}:1:1: error[unreadable]: " in remote.run("--config", file, "plan").err
    assert "help: --config names it" in remote.run("--config", file, "plan").err
    monkeypatch.setenv("RECONCILER_CONFIG", file)
    answer = remote.run("plan", "--format", "json")
    assert answer.code == 1
    assert json.loads(answer.out)["error"]["hint"].startswith("RECONCILER_CONFIG names it")
