"""Files of `lf`, before and after: every translation, exactly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from importing.imports import HEAD, imported, model, texts, told

MODEL = f"{HEAD}display_name: A\nconfig:\n  url: u\n"

CONFIGS = [
    # variables
    ("model_key: $NAME", "model_key: ${var:NAME}", ["NAME"], []),
    ("model_key: ${NAME}", "model_key: ${var:NAME}", ["NAME"], []),
    ("model_key: $HOST/v1/${PATH}x", "model_key: ${var:HOST}/v1/${var:PATH}x", ["HOST", "PATH"], []),
    ("model_key: '$NAME'", "model_key: '${var:NAME}'", ["NAME"], []),
    # what `lf` does not expand is text
    ("model_key: pre-$NAME", "model_key: pre-$NAME", [], []),
    ("model_key: $NAME and more", "model_key: $NAME and more", [], []),
    ("model_key: openai$gpt-4o", "model_key: openai$gpt-4o", [], []),
    ("model_key: v1$NAME", "model_key: v1$NAME", [], []),
    ("model_key: $NAME/${NAME:-x}", "model_key: ${var:NAME}/$${NAME:-x}", ["NAME"], []),
    ("adapter: {key: latticeflow$identity}", "adapter: {key: latticeflow$identity}", [], []),
    ("model_key: pre-${NAME}", "model_key: pre-$${NAME}", [], []),
    ("model_key: ${NAME:-x}", "model_key: $${NAME:-x}", [], []),
    ("model_key: $NAME-${", "model_key: ${var:NAME}-$${", ["NAME"], []),
    ("model_key: $5", "model_key: $5", [], []),
    ("model_key: $$", "model_key: $$", [], []),
    ('model_key: "!include x"', 'model_key: "!include x"', [], []),
    # secrets
    ("api_key: $KEY", "api_key: ${env:KEY}", [], ["KEY"]),
    ("api_key: ${KEY}", "api_key: ${env:KEY}", [], ["KEY"]),
    ("api_key: << secrets.KEY >>", "api_key: {name: KEY}", [], []),
    ("api_key: '<<secrets.KEY>>' # ours", "api_key: {name: KEY} # ours", [], []),
    ("api_key: {name: KEY}", "api_key: {name: KEY}", [], []),
    ("api_key: null", "api_key: null", [], []),
    ("tls_context:\n  validation_context: {trusted_ca: $CA}", "tls_context:\n    validation_context: {trusted_ca: '${var:CA}'}", ["CA"], []),
    # headers: only what is sensitive by its name is a secret
    ("custom_headers: {X-Tenant: acme, X-N: 3, X-T: yes}", "custom_headers: {X-Tenant: acme, X-N: 3, X-T: true}", [], []),
    ("custom_headers: {X-Tenant: $TENANT}", "custom_headers: {X-Tenant: '${var:TENANT}'}", ["TENANT"], []),
    ("custom_headers: {X-Token: $TOKEN}", "custom_headers: {X-Token: '${env:TOKEN}'}", [], ["TOKEN"]),
    ("custom_headers: {X-Any: << secrets.A-1 >>}", "custom_headers: {X-Any: {name: A-1}}", [], []),
    # YAML 1.1
    ("model_key: '1:30'", "model_key: '1:30'", [], []),
    ("custom_headers: {A: 0777, B: 1:30, C: 1_000}", "custom_headers: {A: 511, B: 90, C: 1000}", [], []),
]  # fmt: skip
UNEXPANDED = [f"model_key: {text}" for text in ("pre-$NAME", "$NAME and more", "pre-${NAME}", "${NAME:-x}", "v1$NAME", "$NAME/${NAME:-x}")]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "variables", "environment"), CONFIGS, ids=[case[0] for case in CONFIGS])
def test_values(tmp_path: Path, before: str, after: str, variables: list[str], environment: list[str]) -> None:
    """Each value of a model's config comes out as our manifests write it, and nothing is made of it but of what looks like a variable."""
    made = imported(tmp_path, {"a.yaml": model(before)})
    assert texts(made) == {"models/a.yaml": f"{MODEL}  {after}\n"}
    assert told(made) == (["a.yaml:5:14 warning not-expanded"] if before in UNEXPANDED else [])
    assert (list(made.variables), list(made.environment)) == (variables, environment)


def test_a_variable_that_is_none_is_told(tmp_path: Path) -> None:
    """`lf` sends `http://$HOST` as it stands: so does the manifest, but whoever meant a variable learns how to write one."""
    made = imported(tmp_path, {"a.yaml": model("").replace("url: u", "url: http://$HOST/${PATH}")})
    assert "url: http://$HOST/$${PATH}\n" in texts(made)["models/a.yaml"]
    assert told(made) == ["a.yaml:4:8 warning not-expanded"] * 2
    assert [problem.message for problem in made.problems] == [
        f"`lf` takes ${name} for no variable here, so this is kept as it stands: "
        f"if it is one, write ${{var:{name}}} into the manifest"
        for name in ("HOST", "PATH")
    ]


def test_a_secret_that_is_no_variable_is_told(tmp_path: Path) -> None:
    """Nothing of the text appears: whether it is a name or a password, nobody knows."""
    made = imported(tmp_path, {"a.yaml": model("custom_headers: {Authorization: Bearer $Qx81}\napi_key: pa$sword")})
    assert told(made) == [
        "a.yaml:5:35 warning literal-secret",
        "a.yaml:5:35 warning not-expanded",
        "a.yaml:6:12 warning literal-secret",
    ]
    assert not any("Qx81" in problem.message or "sword" in problem.message for problem in made.problems)


def test_a_template_may_hold_any_dollar(tmp_path: Path) -> None:
    """`$ref` and the like are no mistakes in source code."""
    code = """process_{0}: {{language: jinja, source_code: '{{"$schema": "$x ${{y}}"}}'}}\n"""
    text = "key: a\ndisplay_name: A\n" + code.format("input") + code.format("output")
    made = imported(tmp_path, {"a.yaml": text})
    assert not made.problems
    assert '"$x $${y}"' in texts(made)["adapters/a.yaml"]


def test_a_variable_in_a_number(tmp_path: Path) -> None:
    """A number may be a variable: ours is converted as theirs is."""
    made = imported(tmp_path, {"a.yaml": model("", "rate_limit: $RL", "max_concurrent_requests: 4")})
    assert texts(made)["models/a.yaml"] == f"{MODEL}rate_limit: ${{var:RL}}\nmax_concurrent_requests: 4\n"


def test_every_comment_stays(tmp_path: Path) -> None:
    """A model file with comments everywhere: kind and key come first, and below what stood at the top."""
    before = """\
        # yaml-language-server: $schema=lf.json
        # Support
        # of the CX team

        # who sees it
        display_name: Chat # a name
        # the identity
        key: chat # never change

        # how it is reached
        config: # of lf
          url: $HOST/v1 # gateway

          # the secret
          api_key: << secrets.LLM_KEY >>
          # model_key: not yet
        # all secrets
        secrets:
          # from the vault
          LLM_KEY: $LLM_KEY # rotated
        # the end
        """
    after = """\
# Support
# of the CX team

# the identity
kind: latticeflow/Model
key: chat # never change
# who sees it
display_name: Chat # a name

# how it is reached
config: # of lf
  url: ${var:HOST}/v1 # gateway

  # the secret
  api_key: {name: LLM_KEY}
  # model_key: not yet
# the end
"""
    secret = """\
# all secrets
# from the vault
kind: latticeflow/Secret
key: LLM_KEY
value: ${env:LLM_KEY} # rotated
"""
    made = imported(tmp_path, {"a.yaml": before})
    assert texts(made) == {"models/chat.yaml": after, "secrets/LLM_KEY.yaml": secret}


def test_an_adapter(tmp_path: Path) -> None:
    """Source code stays as it is written, with `${` escaped; the old field `task` goes, with a warning."""
    before = """\
        # ours
        task: chat_completion # old
        key: my
        display_name: My
        process_input: {language: jinja, source_code: '{"m": ${x}}'}
        process_output:
          language: jinja
          source_code: |
            # no comment
            {{ body }}
        """
    after = """\
# ours
kind: latticeflow/Adapter
key: my
display_name: My
process_input: {language: jinja, source_code: '{"m": $${x}}'}
process_output:
  language: jinja
  source_code: |
    # no comment
    {{ body }}
"""
    made = imported(tmp_path, {"a.yaml": before})
    assert texts(made) == {"adapters/my.yaml": after}
    assert told(made) == ["a.yaml:2:1 warning old-field"]


RUN = """\
# our run
secrets:
  ONE: $ONE
  TWO: ${TWO} # two
model_adapters:
  # mine
  - key: my
    display_name: My
    process_input: {language: jinja, source_code: "{{ input }}"}
    process_output: {language: jinja, source_code: "{{ body }}"}
  - $provider: latticeflow/openai_responses
models:
  # of OpenAI
  - $provider: "openai/gpt-4o" # good
  # ours
  - key: b
    display_name: B
    config:
      connection_type: custom_inference
      run_inference_snippet: |
        def run_inference(body, environment):
            return body
      environment: {API_KEY: $KEY, REGION: eu}
      timeout: 30
      # later: more
  # not yet: c
datasets: []
evaluation: {}
"""


def test_a_run_config(tmp_path: Path) -> None:
    """Each object goes to a file of its own, with its own comments; what is no model is told once."""
    made = imported(tmp_path, {"run.yaml": RUN})
    assert texts(made) == {
        "adapters/my.yaml": (
            "# mine\nkind: latticeflow/Adapter\nkey: my\ndisplay_name: My\n"
            'process_input: {language: jinja, source_code: "{{ input }}"}\n'
            'process_output: {language: jinja, source_code: "{{ body }}"}\n'
        ),
        "models/b.yaml": (
            "# ours\nkind: latticeflow/Model\nkey: b\ndisplay_name: B\nconfig:\n  connection_type: custom_inference\n"
            "  run_inference_snippet: |\n    def run_inference(body, environment):\n        return body\n"
            "  environment: {API_KEY: '${env:KEY}', REGION: eu}\n  timeout: 30\n  # later: more\n# not yet: c\n"
        ),
        "models/openai$gpt-4o.yaml": (
            "# of OpenAI\nkind: latticeflow/Model\nkey: openai$gpt-4o # good\ndisplay_name: gpt-4o\nconfig:\n"
            "  connection_type: provider_connection\n  provider_id: openai\n  model_key: gpt-4o\n"
        ),
        "secrets/ONE.yaml": "# our run\nkind: latticeflow/Secret\nkey: ONE\nvalue: ${env:ONE}\n",
        "secrets/TWO.yaml": "kind: latticeflow/Secret\nkey: TWO\nvalue: ${env:TWO} # two\n",
    }
    assert told(made) == [f"run.yaml:{place} warning not-a-model" for place in ("11:5", "27:1", "28:1")]


def test_a_model_of_a_provider_whose_name_is_no_key(tmp_path: Path) -> None:
    """A dot cannot stand in a key: what is written instead is a guess, and is told as one."""
    made = imported(tmp_path, {"run.yaml": "models: [{$provider: openai/gpt-4.1}, {$provider: openai/gpt-4.1}]\n"})
    assert list(texts(made)) == ["models/openai$gpt-4-1.yaml"]
    assert "model_key: gpt-4.1\n" in made.manifests[0].text
    assert {problem.rule for problem in made.problems} == {"guessed-key"}
    assert "reconciler models openai" in made.problems[0].message


@pytest.mark.parametrize("old", ["chat_completion", "embeddings", "custom"])
def test_old_names_of_the_identity(tmp_path: Path, old: str) -> None:
    """The adapter that changes nothing has one name now, as `lf` itself has it."""
    made = imported(tmp_path, {"a.yaml": model(f"adapter: {{key: latticeflow$identity_{old}}}")})
    assert texts(made) == {"models/a.yaml": f"{MODEL}  adapter: {{key: latticeflow$identity}}\n"}
    assert told(made) == ["a.yaml:5:18 warning old-name"]


INCLUDES = [
    ("x.txt", b"text", "${file:../../x.txt}"),
    ("sub/x.txt", "täxt".encode(), "${file:../../sub/x.txt}"),
    ("x.txt", b"text\n", "text"),
    ("x.txt", b"text\r\n", "text"),
    ("x.txt", b"  text\n", "text"),
    ("x.txt", b"text\n\n", "text"),
    ("x.txt", b"\na: ${b}\n  c\n\n", "|-\n    a: $${b}\n      c"),
    ("x:-y.txt", b"text\n", "text"),
    ("../x.txt", b"text\n", "text"),
    ("x.txt", b"\n", '""'),
]


@pytest.mark.parametrize(("path", "content", "after"), INCLUDES)
def test_includes(tmp_path: Path, path: str, content: bytes, after: str) -> None:
    """`!include` becomes a reference to the same file, where that means the same; else the text itself, as `lf` strips it."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / path).write_bytes(content)
    made = imported(root, {"a.yaml": model(f"model_key: !include {path}")})
    assert texts(made) == {"models/a.yaml": f"{MODEL}  model_key: {after}\n"}


def test_source_code_stays_in_its_file(tmp_path: Path) -> None:
    """A newline at the end of a template means nothing, so its file is referred to, as long as nothing else would be stripped."""
    (tmp_path / "in.jinja").write_text("{{ input }}\n")
    (tmp_path / "out.jinja").write_text("  {{ body }}\n")
    adapter = "key: a\ndisplay_name: A\nprocess_input: {language: jinja, source_code: !include in.jinja}\n"
    made = imported(
        tmp_path, {"a.yaml": adapter + "process_output: {language: jinja, source_code: !include out.jinja}\n"}
    )
    (text,) = texts(made).values()
    assert "source_code: '${file:../../in.jinja}'" in text
    assert "{{ body }}" in text


def test_a_secret_in_a_file(tmp_path: Path) -> None:
    """A secret stays in its file, which the manifest refers to; paths are relative to the file that names them."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/k").write_text("s3cret\n")
    made = imported(tmp_path, {"lf/a.yaml": model("api_key: !include ../keys/k", "secrets: {K: !include ../keys/k}")})
    assert texts(made) == {
        "models/a.yaml": f"{MODEL}  api_key: ${{file:../../keys/k}}\n",
        "secrets/K.yaml": "kind: latticeflow/Secret\nkey: K\nvalue: ${file:../../keys/k}\n",
    }


def test_ref(tmp_path: Path) -> None:
    """`$ref` alone is replaced; beside others, what it names wins; it is relative to its own file, and may lead on."""
    files = {
        "a.yaml": "key: a\n$ref: base/a.yaml # all the rest\n",
        "base/a.yaml": "display_name: A\nconfig:\n  url: mine\n  model_key: m # kept\n  $ref: ../c.json\n",
        "c.json": json.dumps({"url": "theirs", "adapter": {"$ref": "base/adapter.yaml"}}),
        "base/adapter.yaml": "key: my # theirs\n",
    }
    made = imported(tmp_path, files, "a.yaml")
    assert texts(made) == {
        "models/a.yaml": (
            f"{HEAD}display_name: A\nconfig:\n  url: theirs\n  model_key: m # kept\n  adapter:\n    key: my # theirs\n"
        )
    }


def test_one_model_in_json(tmp_path: Path) -> None:
    """JSON is read as JSON."""
    text = json.dumps({"key": "a", "display_name": "😀", "config": {"url": "u", "custom_headers": {}}})
    assert texts(imported(tmp_path, {"a.json": text})) == {
        "models/a.yaml": f'{HEAD}display_name: "😀"\nconfig:\n  url: u\n  custom_headers: {{}}\n'
    }


def test_registry_and_schema(tmp_path: Path) -> None:
    """`registry` is written where it is asked for, and editors are told of the schema where the project has one."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas/manifest.schema.json").write_text("{}")
    made = imported(tmp_path, {"a.yaml": "# ours\n" + model("")}, registry="aigo")
    assert texts(made)["models/a.yaml"] == (
        "# yaml-language-server: $schema=../../schemas/manifest.schema.json\n# ours\n"
        "kind: latticeflow/Model\nkey: a\nregistry: aigo\ndisplay_name: A\nconfig:\n  url: u\n"
    )


def test_the_same_secret_in_several_files(tmp_path: Path) -> None:
    """A secret that several files declare alike is written once."""
    files = {f"{key}.yaml": model("", f"secrets: {{K: '{value}'}}").replace("key: a", f"key: {key}", 1)
             for key, value in (("a", "$K"), ("b", "${K}"))}  # fmt: skip
    assert list(texts(imported(tmp_path, files))) == ["models/a.yaml", "models/b.yaml", "secrets/K.yaml"]


def test_keys_that_some_file_systems_take_for_one(tmp_path: Path) -> None:
    """`a` and `A` are two models, and no file overwrites another."""
    made = imported(tmp_path, {"1.yaml": model(""), "2.yaml": model("").replace("key: a", "key: A", 1)})
    assert sorted(texts(made)) == ["models/A.yaml", "models/a~2.yaml"]
