"""A credential that somebody wrote where none belongs is told by its place and repeated by no command, in no format.

Keys and the names of registries and files are left out: they are what answers call things by. So is what the parser of the
command line says of its own words.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from cli.project import CONFIG, Project

SECRET: Final = "sk-proj-aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW"
URL: Final = "https://llm.example.com/v1"


def endpoint(**fields: Any) -> dict[str, Any]:
    return {"endpoint": {"url": URL, "model": "m"} | fields}


MANIFESTS: Final[dict[str, dict[str, Any]]] = {
    "kind": {"kind": SECRET},
    "kind of a driver": {"kind": f"local/{SECRET}"},
    "task": {"task": SECRET},
    "description": {"description": f"uses {SECRET} here"},
    "state": {"state": SECRET},
    "tag": {"tags": [SECRET]},
    "label": {"labels": {"a": SECRET}},
    "name of a label": {"labels": {SECRET: "a"}},
    "template": {"extends": SECRET},
    "previous key": {"previous_keys": [f"{SECRET} x"]},
    "field": {SECRET: 1},
    "value of an unknown field": {"nonsense": SECRET},
    "field of a map": endpoint(**{SECRET: 1}),
    "model": endpoint(model=SECRET),
    "query": endpoint(url=f"{URL}?x={SECRET}"),
    "path": endpoint(url=f"{URL}/{SECRET}"),
    "user": endpoint(url=f"https://{SECRET}@llm.example.com/v1"),
    "address": endpoint(url=SECRET),
    "format": endpoint(format=SECRET),
    "header": endpoint(headers={"x-tenant": SECRET}),
    "name of a header": endpoint(headers={SECRET: "x"}),
    "api_key": endpoint(api_key=SECRET),
    "name of a variable of the environment": endpoint(api_key=f"${{env:{SECRET}}}"),
    "default of a variable": endpoint(api_key=f"${{env:KEY:-{SECRET}}}"),
    "name of a file": endpoint(api_key=f"${{file:{SECRET}}}"),
    "name of a command": endpoint(api_key=f"${{cmd:{SECRET}/x}}"),
    "argument of a command": endpoint(api_key=f"${{cmd:vault/{SECRET}}}"),
    "name of a variable": {"description": f"${{var:{SECRET}}}"},
    "scheme": endpoint(api_key=f"${{{SECRET}}}"),
    "variable": {"description": "a ${var:note} b", "endpoint": {"url": "https://${var:note}/v1", "model": "m"}},
    "variable in a query": endpoint(url=f"{URL}?x=${{var:note}}"),
    "provider": {"endpoint": None, "provider": {"name": SECRET, "model": "m"}},
    "parameter": {"generation": {"temperature": SECRET}},
    "text of a parameter": {"generation": {"stop": [SECRET]}},
    "registry": {"registries": {SECRET: {}}},
    "terms of a registry": {"registries": {"local": {SECRET: 1}}},
}
CONFIGS: Final = {
    "variable": f"variables: {{note: '{SECRET}'}}\n",
    "name of a variable": f"variables: {{'{SECRET}': x}}\n",
    "member": f"'{SECRET}': 1\n",
    "driver": f"registries: {{other: {{driver: '{SECRET}'}}}}\n",
    "setting": f"registries: {{other: {{driver: local, path: x.db, '{SECRET}': 1}}}}\n",
    "value of a setting": f"registries: {{other: {{driver: nemo, url: 'https://x.example.com', workspace: '{SECRET} x'}}}}\n",
    "credential": f"registries: {{other: {{driver: litellm, url: 'https://x.example.com', token: '{SECRET}'}}}}\n",
    "user of a registry": f"registries: {{other: {{driver: nemo, url: 'https://{SECRET}@x.example.com'}}}}\n",
    "fingerprint key": f"fingerprint_key: '{SECRET}'\n",
    "guard": f"guards: {{max_deletes: '{SECRET}'}}\n",
    "owner of an environment": f"environments: {{prod: {{'{SECRET}': 1}}}}\n",
    "command": f"secret_commands: {{vault: '{SECRET}'}}\n",
    "hosts of a secret": f"secrets: {{'{SECRET}': ['x.example.com']}}\n",
}
COMMANDS: Final = (
    ("validate",),
    ("validate", "--format", "json"),
    ("validate", "--format", "sarif"),
    ("validate", "--format", "junit"),
    ("validate", "--format", "github"),
    ("validate", "--format", "html"),
    ("plan", "--full"),
    ("plan", "--format", "json"),
    ("plan", "--format", "markdown"),
    ("plan", "--format", "html"),
    ("drift", "--format", "json"),
    ("fmt", "--check"),
    ("apply", "--yes"),
    ("plan",),
    ("list",),
    ("get", "chat"),
    ("history", "chat"),
)


def ran(project: Project) -> list[str]:
    """The runs that repeated the credential."""
    return [" ".join(args) for args in COMMANDS if SECRET in project.run(*args).both]


@pytest.mark.parametrize("where", MANIFESTS)
def test_of_a_manifest(where: str, project: Project) -> None:
    """Wherever in a manifest it stands; the variable `note` of reconciler.yaml holds it, too."""
    project.write("reconciler.yaml", CONFIG + CONFIGS["variable"])
    project.manifest("chat", **MANIFESTS[where])
    assert ran(project) == []


@pytest.mark.parametrize("where", CONFIGS)
def test_of_the_configuration(where: str, project: Project) -> None:
    """Wherever in reconciler.yaml it stands."""
    head = CONFIG if "registries" not in CONFIGS[where] else "owner: us\n"
    project.write("reconciler.yaml", head + CONFIGS[where])
    project.manifest("chat")
    assert ran(project) == []


@pytest.mark.parametrize(
    "args",
    [
        ("get", SECRET),
        ("get", f"local/Model/{SECRET}"),
        ("delete", SECRET, "--yes"),
        ("history", SECRET),
        ("test", SECRET),
        ("explain", SECRET),
        ("plan", "--env", SECRET),
        ("plan", "--registry", SECRET),
        ("models", SECRET),
        ("export", "--registry", SECRET),
        ("info", SECRET),
    ],
    ids=" ".join,
)
def test_of_the_command_line(args: tuple[str, ...], project: Project) -> None:
    """An argument that was pasted in the wrong place."""
    project.write("reconciler.yaml", CONFIG)
    project.manifest("chat")
    project.run("apply", "--yes")
    assert SECRET not in project.run(*args).both
