"""What people see in their editor: the real `yaml-language-server` with the generated schemas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from editor.client import Editor, editor
from manifest.schema_documents import DRIVERS, NATIVES, WHOLE_CONFIG, WHOLE_MODEL, WHOLE_SERVICE, Service

from reconciler.core.document.dump import dump_yaml
from reconciler.project.schemas import RegistryShape, generate

MANIFEST: Final = "# yaml-language-server: $schema=../schemas/manifest.schema.json\n"
CONFIG: Final = "# yaml-language-server: $schema=schemas/config.schema.json\n"
MODEL: Final = "kind: Model\nkey: a\n"


class Project:
    """A folder with the schemas, and an editor on it. Each text becomes a file of its own."""

    def __init__(self, running: Editor) -> None:
        self._editor = running
        self._files = 0

    def problems(self, text: str, name: str = "") -> list[tuple[int, str, str]]:
        """The line (from 1, without the modeline), the words underlined and the message of every problem."""
        head = CONFIG if name else MANIFEST
        found = self._editor.open(name or self._name(), head + text)
        return [self._shown(item, (head + text).splitlines()) for item in found]

    def offered(self, text: str, name: str = "") -> list[str]:
        """What is offered at the end of a text."""
        text = (CONFIG if name else MANIFEST) + text
        file = name or self._name()
        self._editor.open(file, text)
        lines = text.split("\n")
        return [str(item["label"]) for item in self._editor.complete(file, len(lines) - 1, len(lines[-1]))]

    def explained(self, text: str, word: str, name: str = "") -> str:
        """What is shown for the first `word` in a text."""
        text = (CONFIG if name else MANIFEST) + text
        file = name or self._name()
        self._editor.open(file, text)
        lines = text.split("\n")
        line = next(number for number, content in enumerate(lines) if word in content and number)
        return self._editor.hover(file, line, lines[line].index(word) + 1)

    def _name(self) -> str:
        self._files += 1
        return f"manifests/{self._files}.yaml"

    def _shown(self, item: dict[str, Any], lines: list[str]) -> tuple[int, str, str]:
        start, end = item["range"]["start"], item["range"]["end"]
        words = lines[start["line"]][start["character"] : end["character"]] if start["line"] == end["line"] else "…"
        return start["line"], words, item["message"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[Project]:
    """A project with two registries, and a server that runs for all tests of this file."""
    root = tmp_path_factory.mktemp("project")
    (root / "schemas").mkdir()
    shapes = {"web": RegistryShape("web", Service), "local": RegistryShape("file")}
    for name, text in generate(NATIVES, shapes, DRIVERS).items():
        (root / "schemas" / name).write_text(text)
    with editor(root) as running:
        yield Project(running)


# --- diagnostics ------------------------------------------------------------------------------------------------


def test_correct_manifests_have_no_problems(project: Project) -> None:
    """Documents that use every field are not underlined anywhere."""
    model = {name: value for name, value in WHOLE_MODEL.items() if name not in ("provider", "registries")}
    assert project.problems(dump_yaml(model)) == []
    assert project.problems(dump_yaml(WHOLE_SERVICE)) == []
    assert project.problems(MODEL + "registries: {web: {size: 3, key: b}, local:}\n") == []


def test_null_is_as_good_as_absent(project: Project) -> None:
    """A field that is begun and not filled in is no problem."""
    assert (
        project.problems(MODEL + "display_name:\ntask:\nendpoint:\nparameters: {n: null}\nstate: null\ntags:\n") == []
    )


def test_a_typo_is_underlined_itself_and_nothing_else(project: Project) -> None:
    """`dispaly_name` is underlined on its line, and only there."""
    text = MODEL + "dispaly_name: Support\nendpoint: {url: 'https://a', modle: b}\n"
    assert project.problems(text) == [
        (3, "dispaly_name", "Property dispaly_name is not allowed."),
        (4, "modle", "Property modle is not allowed."),
    ]


def test_every_document_of_a_file_is_checked(project: Project) -> None:
    """A second document with its own modeline is underlined, too."""
    text = MODEL + "---\n" + MANIFEST + MODEL + "dispaly_name: Support\n"
    assert project.problems(text) == [(7, "dispaly_name", "Property dispaly_name is not allowed.")]


def test_a_document_without_kind_is_told_just_that(project: Project) -> None:
    """No kind's rules are thrown at a document that has no kind yet, or one that does not exist."""
    assert [message for _, _, message in project.problems("key: a\ndisplay_name: b\n")] == ['Missing property "kind".']
    assert project.problems("kind: Modle\nkey: a\n") == [
        (1, "Modle", 'Value is not accepted. Valid values: "Model", "Template", "web/Service".')
    ]


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ("task: chat\n", "chat", 'Value is not accepted. Valid values: "chat_completion"'),
        ("task: 3\n", "3", 'Value is not accepted. Valid values: "chat_completion"'),
        ("limits: {max_concurrency: 1.5}\n", "1.5", "Must be an integer, or one whole reference: ${var:NAME}"),
        ("limits: {max_concurrency: 0}\n", "0", "Value is below the minimum of 1."),
        ("parameters: {temperature: hot}\n", "hot", "Must be a number, or one whole reference: ${var:NAME}"),
        ("protected: yes\n", "yes", "Must be true or false, or one whole reference"),
        ("endpoint: {url: ftp://a}\n", "ftp://a", "Must be an http:// or https:// URL"),
        ("endpoint: {url: 'http://a', api_key: sk-1}\n", "sk-1", "Must be one whole reference, ${env:NAME}"),
        (
            "endpoint: {url: 'http://a', headers: {authorization: Bearer x}}\n",
            "Bearer x",
            "A header of this name carries a credential: write one whole reference",
        ),
        ("ignore: [description]\n", "description", "Must be a JSON pointer such as /description."),
        ("previous_keys: [a b]\n", "a b", "Must begin with a letter or digit and hold only"),
        ("endpoint: {url: 'http://a'}\nprovider: {name: b, model: c}\n", "{name: b, model: c}", "never both"),
        ("state: absent\nprotected: true\n", "true", "`protected: true` forbids what `state: absent` asks for"),
        ("registries: {wbe: {}}\n", "wbe", "Property wbe is not allowed."),
        ("registries: {web: {size: 0}}\n", "0", "Value is below the minimum of 1."),
        ("registries: {web: {sise: 1}}\n", "sise", "Property sise is not allowed."),
    ],
)
def test_a_problem_is_told_once_where_it_is(project: Project, text: str, words: str, message: str) -> None:
    """Each mistake gives one message, at the words that are wrong, in words that help."""
    found = project.problems(MODEL + text)
    assert [item[1] for item in found] == [words]
    assert message in found[0][2]


def test_native_documents_are_checked_by_their_own_kind(project: Project) -> None:
    """What a registry's kind asks for is asked for, unless the document only deletes."""
    assert {message for _, _, message in project.problems("kind: web/Service\nkey: a\nmode: fast\n")} == {
        'Missing property "size".'
    }
    assert project.problems("kind: web/Service\nkey: a\nstate: absent\n") == []


# --- completion -------------------------------------------------------------------------------------------------


def test_an_empty_file_offers_what_every_document_needs(project: Project) -> None:
    """A new file offers `kind` and `key`, and whole models to start from."""
    assert {"kind", "key", "model behind a URL", "model of a provider"} <= set(project.offered(""))
    assert "kind" in project.offered("key: a\n")


def test_kinds_are_offered(project: Project) -> None:
    """After `kind:` stand the kinds, and nothing else."""
    assert project.offered("kind: ") == ["Model", "Template", "web/Service"]


def test_the_fields_of_the_kind_are_offered(project: Project) -> None:
    """Below `kind: Model` stand a Model's fields that are not there yet; below a native kind its own."""
    offered = set(project.offered(MODEL))
    assert offered >= set(WHOLE_MODEL) - {"kind", "key"}
    assert not offered & {"kind", "key", "size", "model behind a URL"}
    native = set(project.offered("kind: web/Service\nkey: a\n"))
    assert native >= set(WHOLE_SERVICE) - {"kind", "key"}
    assert "endpoint" not in native


def test_fields_below_are_offered(project: Project) -> None:
    """Inside `endpoint:` stand its fields; inside a registry the fields of that registry's own object."""
    assert set(project.offered(MODEL + "endpoint:\n  ")) >= set(WHOLE_MODEL["endpoint"])
    assert set(project.offered(MODEL + "endpoint:\n  tls:\n    ")) >= {"verify", "ca"}
    assert project.offered(MODEL + "registries:\n  ") == ["local", "web"]
    assert set(project.offered(MODEL + "registries:\n  web:\n    ")) >= {"key", "ignore", "size", "mode", "main"}


def test_values_are_offered(project: Project) -> None:
    """After `task:` stand its values; likewise after every field with a few words, and true and false."""
    tasks = ["chat_completion", "completion", "embeddings", "rerank", "custom"]
    assert project.offered(MODEL + "task: ")[:5] == tasks
    assert project.offered(MODEL + "task: emb")[:5] == tasks
    assert project.offered(MODEL + "endpoint:\n  format: ")[:3] == ["openai", "anthropic", "custom"]
    assert project.offered(MODEL + "state: ")[:2] == ["present", "absent"]
    assert project.offered(MODEL + "protected: ")[:2] == ["true", "false"]


# --- hover ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("kind", "#### Kind\n\nWhat the document declares: `Model` serves every registry"),
        ("task", "#### Task\n\nWhat the model does.\n\nAllowed Values:\n\n* `chat_completion`\n* `completion`\n"),
        ("endpoint", "#### Endpoint\n\nA model behind a URL. Never together with `provider`."),
        ("url", "#### URL\n\nThe base URL. With format openai, `<url>/chat/completions` exists."),
        ("state", "#### State\n\n`absent` deletes the object."),
        ("web", "#### Registry web\n\nIt goes to the registry `web` (driver web)"),
        ("size", "#### Size\n\nHow large. A change means replace: chosen once."),
    ],
)
def test_hover_explains(project: Project, word: str, shown: str) -> None:
    """Pointing at a field shows its title and our description, without a type's or a class's name."""
    text = MODEL + "task: rerank\nendpoint:\n  url: http://a\nstate: present\nregistries:\n  web:\n    size: 3\n"
    assert project.explained(text.replace("task: rerank", "task: chat_completion"), word).startswith(shown)


# --- reconciler.yaml --------------------------------------------------------------------------------------------


def test_a_correct_configuration_has_no_problems(project: Project) -> None:
    """reconciler.yaml with every field and an environment is not underlined."""
    prod = {"variables": {"a": "c"}, "registries": {"web": {"url": "https://b"}, "local": None}}
    assert project.problems(dump_yaml(WHOLE_CONFIG | {"environments": {"prod": prod}}), "reconciler.yaml") == []


def test_configuration_problems_are_told_where_they_are(project: Project) -> None:
    """A registry is checked by its driver's settings, in an environment as well."""
    text = (
        "owner: a\nregistries:\n  a: {driver: flie}\n  b: {driver: file, url: 'http://b'}\n"
        "variables: {a: '${env:X}'}\nenvironments:\n  prod: {ownr: a}\n"
    )
    assert project.problems(text, "wrong.yaml") == [
        (3, "flie", 'Value is not accepted. Valid values: "file", "web".'),
        (4, "url", "Property url is not allowed."),
        (5, "'${env:X}'", "Must be plain text without a reference, a number, true or false."),
        (7, "ownr", "Property ownr is not allowed."),
    ]


def test_settings_are_offered_by_driver(project: Project) -> None:
    """An entry offers `driver`, then that driver's settings; in an environment, those of all drivers."""
    assert "driver" in project.offered("registries:\n  a:\n    ", "c1.yaml")
    assert project.offered("registries:\n  a:\n    driver: ", "c2.yaml") == ["file", "web"]
    offered = set(project.offered("registries:\n  a:\n    driver: web\n    ", "c3.yaml"))
    assert offered >= {"url", "token", "timeout", "default", "owns"}
    assert "path" not in offered
    patch = "environments:\n  prod:\n    registries:\n      a:\n        "
    assert set(project.offered(patch, "c4.yaml")) >= {"url", "token", "path"}


def test_hover_explains_the_configuration(project: Project) -> None:
    """Pointing at a setting shows what it does."""
    shown = project.explained("guards: {max_deletes: 5}\n", "max_deletes", "hover.yaml")
    assert "#### Max deletes\n\nMore deletions than this stop the run." in shown
