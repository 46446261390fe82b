"""What cannot be imported: every problem at its place, and no secret in any of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from importing.imports import imported, model, texts, told

from reconciler.core.document.trees import Map
from reconciler.manifest import recognise
from reconciler.manifest.importing.drafts import Draft, Importer, Session
from reconciler.manifest.importing.formats import IMPORTERS
from reconciler.manifest.recognise import Format

PROVIDER = "models:\n  - $provider: "
IN_CONFIG = [  # lines below `  url: u`, which is line 4
    ("api_key: $KEY-suffix", ["5:12 error secret-reference"]),
    ("api_key: <<secret.KEY>>", ["5:12 error secret-reference"]),
    ("api_key: '{{ secrets.KEY }}'", ["5:12 error secret-reference"]),
    ("api_key: << secrets.K.Y >>", ["5:12 error secret-reference"]),
    ("api_key: {value: x}", ["5:12 error secret-reference"]),
    ("api_key: [x]", ["5:12 error secret-reference"]),
    ("api_key: !include missing", ["5:12 error missing-file"]),
    ("api_key: !include spaces.txt", ["5:12 error secret-reference"]),
    ("api_key: !include ../outside.txt", ["5:12 error secret-reference"]),
    ('api_key: ""', ["5:12 warning empty-secret"]),
    ("model_key: !include missing", ["5:14 error missing-file"]),
    ("model_key: $$A", ["5:14 error bad-reference"]),
    ("model_key: x ((TODO)) y", ["5:14 error to-do"]),
    ("model_key: << secrets.KEY >>", ["5:14 warning secret-as-text"]),
    ("custom_headers: {X-A: <<secret.KEY>>}", ["5:25 error secret-reference"]),
    ("adapter: {$ref: missing.yaml}", ["5:19 error missing-file"]),
    ("adapter: {$ref: '#/x'}", ["5:19 error bad-reference"]),
    ("adapter: {$ref: 'https://x.example.com/a.yaml'}", ["5:19 error bad-reference"]),
    ("adapter: {$ref: [x]}", ["5:19 error bad-reference"]),
    ("adapter: {$ref: a.yaml}", ["5:19 error recursive-reference"]),
    ("adapter: {key: my, $ref: list.yaml}", ["5:22 error bad-reference"]),
    ("adapter: {key: $ADAPTER}", ["5:18 error bad-key"]),  # the kind takes no reference there
    ("adpter: {key: my}", ["5:3 error unknown-field"]),
    ("model_key: 1.0", ["5:14 error wrong-type"]),
    ("model_key: !other x", ["5:14 error unknown-tag"]),
]  # fmt: skip
FILES = [
    ("key: $KEY\ndisplay_name: A\nconfig: {url: u}\n", ["1:6 error bad-key"]),
    ("key: ${KEY}\ndisplay_name: A\nconfig: {url: u}\n", ["1:6 error bad-key"]),
    ("key: gpt-4.1\ndisplay_name: A\nconfig: {url: u}\n", ["1:6 error bad-key"]),
    ("key: 12\ndisplay_name: A\nconfig: {url: u}\n", ["1:6 error bad-key"]),
    ("key: foo$bar\ndisplay_name: A\nconfig: {url: u}\n", ["1:6 error bad-key"]),
    ("display_name: A\nconfig: {url: u}\n", ["1:1 error missing-field"]),
    ("key: a\nconfig: {url: u}\n", ["1:1 error missing-field"]),
    ("key: a\ndisplay_name: A\nstate: absent\nconfig: {url: u}\n", ["3:1 error unknown-field"]),
    ("key: a\ndisplay_name: A\nconfig: {url: 'https://me:pass@x.example.com'}\n", ["3:15 error literal-secret"]),
    ("kind: Model\nkey: a\n", ["1:7 error already-a-manifest"]),
    ("kind: latticeflow/Model\nkey: a\nconfig: {}\n", ["1:7 error already-a-manifest"]),
    ("kind: other\nspec: {}\n", ["1:1 error unknown-format"]),
    ("name: x\n", ["1:1 error unknown-format"]),
    ("- key: a\n", ["1:1 error unknown-format"]),
    ("text\n", ["1:1 error unknown-format"]),
    ("key: a\nkey: b\n", ["2:1 error duplicate-key"]),
    ("key: a\n---\nkey: b\n", ["3:1 error one-document"]),
    ("[", ["2:1 error syntax"]),
    ("key: [\n", ["2:1 error syntax"]),
    ("!", ["1:1 warning not-a-model"]),
    ("# nothing\n", ["1:1 warning not-a-model"]),
    ("key: a\ndisplay_name: A dataset\nsource: {file_path: x}\n", ["1:1 warning not-a-model"]),
    ("key: a\ndisplay_name: An app\ntags: []\n", ["1:1 warning not-a-model"]),
    ("key: a\ndisplay_name: A task\ndescription: x\nconfig_spce: {}\ndefinition: {}\n", ["1:1 warning not-a-model"]),
    ("key: a\ndisplay_name: A\n", ["1:1 error missing-field"]),
    ("key: a\ndisplay_name: A\nurl: u\n", ["1:1 error missing-field"]),
    ("key: a\ndisplay_name: A\nconfg: {url: u}\n", ["3:1 error unknown-field"]),
    ("key: a\ndisplay_name: A\ntags: []\nconfg: {url: u}\n", ["4:1 error unknown-field"]),
    ("key: a\ndisplay_name: A\nproces_input: {}\nprocess_ouput: {}\n", ["3:1 error unknown-field", "4:1 error unknown-field"]),
    ("model_adapters: []\nmodles: []\n", ["2:1 error unknown-field"]),
    ("datasets: []\n", ["1:1 warning not-a-model", "1:1 warning not-a-model"]),
    ("models:\n", []),
    ("models: x\n", ["1:9 error wrong-type"]),
    ("models: [x]\n", ["1:10 error wrong-type"]),
    ("secrets: [x]\n", ["1:10 error wrong-type"]),
    ("secrets:\n", []),
    ("secrets: {A B: $C}\n", ["1:11 error bad-key"]),
    ("secrets: {A: $C-x}\n", ["1:14 error secret-reference"]),
    ("secrets: {A: << secrets.B >>}\n", ["1:14 error secret-reference"]),
    (f"{PROVIDER}gpt-4o\n", ["2:16 error not-allowed"]),
    (f"{PROVIDER}acme/gpt-4o\n", ["2:16 error not-allowed"]),
    (f"{PROVIDER}openai/gpt-4o\n    key: a\n", ["3:5 error unknown-field"]),
]  # fmt: skip


def _support(folder: Path) -> None:
    (folder / "spaces.txt").write_text("  x\n")
    (folder / "list.yaml").write_text("[1]\n")
    (folder.parent / "outside.txt").write_text("x\n")


@pytest.mark.parametrize(("line", "problems"), IN_CONFIG, ids=[line for line, _ in IN_CONFIG])
def test_a_value(tmp_path: Path, line: str, problems: list[str]) -> None:
    """Each value that cannot be translated is told once, where it stands."""
    _support(tmp_path)
    made = imported(tmp_path, {"a.yaml": model(line)})
    assert told(made) == [f"a.yaml:{problem}" for problem in problems]


@pytest.mark.parametrize(("text", "problems"), FILES, ids=[text for text, _ in FILES])
def test_a_file(tmp_path: Path, text: str, problems: list[str]) -> None:
    """Each file that cannot be imported is told with its place; what holds nothing about models is a warning."""
    made = imported(tmp_path, {"a.yaml": text})
    assert told(made) == [f"a.yaml:{problem}" for problem in problems]


def test_what_was_probably_meant_is_told(tmp_path: Path) -> None:
    """A mistyped `config` is no reason to leave a model out."""
    made = imported(tmp_path, {"a.yaml": "key: a\ndisplay_name: A\nconfg: {url: u}\n", "b.yaml": "tasks:\nmodel: []\n"})
    assert [(problem.message, problem.suggestion) for problem in made.errors] == [
        ("unknown field 'confg'", "config"),
        ("unknown field 'model'", "models"),
    ]


def test_two_files_with_one_key(tmp_path: Path) -> None:
    """`lf` lets the last file win; here both places are told."""
    made = imported(tmp_path, {"a.yaml": model(""), "b.yaml": model("")})
    assert told(made) == ["b.yaml:1:1 error duplicate-key"]
    assert "a.yaml:1" in made.problems[0].message


def test_a_secret_with_two_values(tmp_path: Path) -> None:
    """The same, and neither value is told."""
    files = {"a.yaml": "secrets: {K: $A}\n", "b.yaml": "# b\nsecrets: {K: $B}\n"}
    made = imported(tmp_path, files)
    assert told(made) == ["b.yaml:2:11 error duplicate-key"]
    assert "a.yaml:1" in made.problems[0].message


def test_problems_are_told_where_they_come_from(tmp_path: Path) -> None:
    """What a `$ref` brings in is told in the file that holds it, by our kinds as well."""
    files = {
        "a.yaml": "key: a\n$ref: b.yaml\n",
        "b.yaml": "display_name: A\nconfig:\n  url: u\n  rate: 1\n  api_key: <<x\n",
    }
    made = imported(tmp_path, files, "a.yaml")
    assert told(made) == ["b.yaml:4:3 error unknown-field", "b.yaml:5:12 error secret-reference"]
    assert made.lines["b.yaml"][3] == "  rate: 1"


def test_a_circle_of_references(tmp_path: Path) -> None:
    """Files that lead back to themselves end, and so do those that multiply."""
    made = imported(tmp_path, {"a.yaml": "$ref: b.yaml\n", "b.yaml": "x: {$ref: a.yaml}\n"}, "a.yaml")
    assert "b.yaml:1:11 error recursive-reference" in told(made)
    files = {f"{n}.yaml": f"a: {{$ref: {n + 1}.yaml}}\nb: {{$ref: {n + 1}.yaml}}\n" for n in range(1, 30)}
    made = imported(tmp_path, {**files, "0.yaml": "config: {$ref: 1.yaml}\n", "30.yaml": "x: 1\n"}, "0.yaml")
    assert {problem.rule for problem in made.errors} == {"too-many-values", "missing-field"}


SECRET = "s3cr3t-Zx81"
LITERALS = [
    ("api_key: {0}", "A_API_KEY"),
    ("api_key: '{0} and more'", "A_API_KEY"),
    ("api_key: ${{KEY:-{0}}}", "A_API_KEY"),
    ("api_key: |\n  {0}\n  more", "A_API_KEY"),
    ("custom_headers: {{Authorization: Bearer {0}, X-B: b}}", "A_AUTHORIZATION"),
    ("custom_headers:\n  x-api-key: {0}", "A_X_API_KEY"),
]


@pytest.mark.parametrize(("line", "variable"), LITERALS)
def test_a_literal_secret_is_not_copied(tmp_path: Path, line: str, variable: str) -> None:
    """A secret that is written down becomes a reference; a warning names its place and the variable, never the value."""
    made = imported(tmp_path, {"a.yaml": model(line.format(SECRET))})
    assert {problem.rule for problem in made.problems} == {"literal-secret"}
    assert made.environment == (variable,)
    assert "${env:" + variable + "}" in texts(made)["models/a.yaml"]
    assert SECRET not in repr(made)
    assert all(SECRET not in problem.message for problem in made.problems)


def test_two_secrets_never_share_a_variable(tmp_path: Path) -> None:
    """Keys that make one name, and a section of secrets: equal values may share it, others get their own."""
    files = {
        "1.yaml": model("api_key: one").replace("key: a", "key: x-y", 1),
        "2.yaml": model("api_key: two").replace("key: a", "key: x_y", 1),
        "3.yaml": "secrets: {X_Y_API_KEY: one, 1st: three}\n",
    }
    made = imported(tmp_path, files)
    written = texts(made)
    assert made.environment == ("SECRET_1ST", "X_Y_API_KEY", "X_Y_API_KEY_2")
    assert "api_key: ${env:X_Y_API_KEY}\n" in written["models/x-y.yaml"]
    assert "api_key: ${env:X_Y_API_KEY_2}\n" in written["models/x_y.yaml"]
    assert "value: ${env:X_Y_API_KEY}\n" in written["secrets/X_Y_API_KEY.yaml"]


def test_a_made_up_variable_takes_no_name_that_a_file_uses(tmp_path: Path) -> None:
    """A secret that is written down, before or after another that comes from a variable of that very name."""
    literal, used = "secrets: {LLM_KEY: sk-1}\n", model("api_key: $LLM_KEY")
    for number, (first, last) in enumerate(((literal, used), (used, literal))):
        made = imported(tmp_path / str(number), {"1.yaml": first, "2.yaml": last})
        written = texts(made)
        assert made.environment == ("LLM_KEY", "LLM_KEY_2")
        assert "api_key: ${env:LLM_KEY}\n" in written["models/a.yaml"]
        assert "value: ${env:LLM_KEY_2}\n" in written["secrets/LLM_KEY.yaml"]
        assert [problem.message.endswith("variable LLM_KEY_2 to it") for problem in made.problems] == [True]


def test_names_in_one_file_are_kept_apart_too(tmp_path: Path) -> None:
    """Whatever brings the variable: braces, a header, another file."""
    config = "api_key: sk-1\ncustom_headers: {$ref: headers.yaml}"
    headers = "X-Token: ${A_API_KEY}\nx-api-key: sk-2\nX-Auth-Token: $A_API_KEY_2\n"
    made = imported(tmp_path, {"a.yaml": model(config), "headers.yaml": headers}, "a.yaml")
    assert made.environment == ("A_API_KEY", "A_API_KEY_2", "A_API_KEY_3", "A_X_API_KEY")


def test_a_format_may_know_a_kind_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of other tools have a `kind` too: whether one is theirs, their format says."""

    def translate(root: Map, session: Session) -> list[Draft]:
        session.journal.warn(root, "not-a-model", "theirs")
        return []

    theirs = Format("a model of theirs", lambda data: data.get("kind") == "model", "acme")
    monkeypatch.setattr(recognise, "_FORMATS", (theirs, *recognise._FORMATS))
    monkeypatch.setitem(IMPORTERS, "acme", Importer("acme/Vault", translate))
    made = imported(tmp_path, {"a.yaml": "kind: model\nconfig: {}\n", "b.yaml": "kind: Model\nkey: b\n"})
    assert told(made) == ["a.yaml:1:1 warning not-a-model", "b.yaml:1:7 error already-a-manifest"]
    assert made.vaults == ("acme/Vault",)


def test_lines_outside_the_project_are_not_quoted(tmp_path: Path) -> None:
    """A file that a stranger's `$ref` names, somewhere on the machine, appears in no log."""
    (tmp_path / "other").write_text("a: [\n")
    root = tmp_path / "root"
    root.mkdir()
    made = imported(root, {"a.yaml": "key: a\n$ref: ../other\n"})
    assert told(made)[0].startswith("../other:")
    assert list(made.lines) == ["a.yaml"]
