"""Our command line and LatticeFlow's own client `lf` on one server: neither finds anything to mend in what the other wrote.

Ours is configured with a driver's name and nothing else: where the server is, it finds where `lf` does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from acceptance.lf_directory import (
    ADAPTERS,
    CLEAR,
    DERIVED,
    EXPORTED,
    HOSTED,
    IMPORTED,
    INTEGRATION,
    PORTABLE,
    SAFE,
    SECRETS,
    SNIPPET,
    VARIABLES,
    Ours,
    bare,
    endpoint,
    everything,
    manifest,
    manifests,
    put,
    secret,
    skipped,
    values_of,
)
from lf import Lf
from registry.aigo.behaviour import Behaviour
from registry.aigo.samples import adapter, model
from registry.aigo.server import Server, aigo

ALIKE: Final = (*SAFE.values(), *(theirs for _, theirs in PORTABLE))
ALIKE_KEYS: Final = {document["key"] for document in ALIKE}
MODES: Final[dict[str, dict[str, Any]]] = {
    "faithful": {},
    "nulls": {"fill_nulls": True},
    "floats": {"ints_as_floats": True},
    "new fields": {"unknown_fields": True},
    "masked": {"raw_keys": "mask"},
    "omitted": {"raw_keys": "omit"},
}
READABLE: Final = [
    mode for mode in MODES if mode != "omitted"
]  # there `lf` fails on a key that is required and not shown


class Place(NamedTuple):
    """One server, and both programs with a folder each."""

    server: Server
    ours: Ours
    lf: Lf

    def at(self, server: Server) -> Place:
        """The same folders, and another server."""
        return Place(server, replace(self.ours, url=server.url), replace(self.lf, url=server.url))

    def wrote(self) -> list[str]:
        """The writes since this was last asked, in short."""
        writes = [f"{one.method} {one.path.removeprefix('/api/').partition('/')[0]}" for one in self.server.writes]
        self.server.forget()
        return writes


def place_of(server: Server, folder: Path) -> Place:
    for name in ("ours", "lf"):
        (folder / name).mkdir()
    return Place(server, Ours(server.url, server.key, folder / "ours"), Lf(server.url, server.key, folder / "lf"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with aigo() as server:
        yield place_of(server, tmp_path)


def shows_keys(place: Place) -> bool:
    """Whether the server answers a secret in the clear as it was sent."""
    return place.server.behaviour.raw_keys == "echo"


def put_all(lf: Lf) -> None:
    """Everything as files for `lf`, without `secrets:`, which it would send at every run."""
    put(lf, "adapters", ADAPTERS.values())
    put(lf, "models-alike", ALIKE)
    put(lf, "models-clear", CLEAR.values())


# --- we write, lf looks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", READABLE)
def test_what_we_apply_lf_leaves_alone(place: Place, mode: str) -> None:
    """All connection types, adapters, secrets, an integration and portable models: after our apply `lf add` only skips."""
    place.server.behaviour = Behaviour(**MODES[mode])
    place.ours.declare(*everything(clear_authority=shows_keys(place)))
    place.ours.apply()
    place.ours.converged()
    put_all(place.lf)
    place.server.forget()
    if mode not in ("floats", "masked"):  # an adapter has neither numbers nor secrets
        assert skipped(place.lf("add", "model-adapter", "-f", "adapters/*.yaml")) == set(ADAPTERS)
    if shows_keys(place):
        assert skipped(place.lf("add", "model", "-f", "models-*/*.yaml")) == ALIKE_KEYS | set(CLEAR)
    else:  # it writes a secret in the clear again and again where the server does not show it
        assert skipped(place.lf("add", "model", "-f", "models-alike/*.yaml")) == ALIKE_KEYS
    assert place.wrote() == []


def test_lf_works_on_what_we_wrote(place: Place) -> None:
    """It lists, exports, tries out and deletes our objects; what it deleted is what we plan to create."""
    place.ours.declare(*everything())
    place.ours.apply()
    said = place.lf("models", "-j")
    listed = {row["key"]: row for row in said.json()}
    assert (listed.keys(), said.err) == (ALIKE_KEYS | set(CLEAR), "")
    assert listed["support-chat"]["config"]["api_key"] == "<<secrets.reconciler-support-chat-api-key>>"
    assert {row["key"] for row in place.lf("model-adapters", "-j").json()} == {
        *ADAPTERS,
        "latticeflow$identity",
        "latticeflow$openai_chat_completion",
    }

    exported = place.lf("export", "model", "custom").json()
    assert exported["config"]["adapter"] == {"key": "chat-in-and-out"}
    assert exported["config"]["api_key"] == "<<secrets.LLM_KEY>>"
    assert "Successfully tested" in place.lf("test", "model", "support-chat").out

    place.lf("delete", "model", "placeholder")
    assert list(place.ours.changes()) == ["Model/placeholder create"]


def test_lf_finds_a_provider_s_model_of_ours_integrated(place: Place) -> None:
    """A portable Model under the name that `lf add model -p` gives is the one that `lf` means."""
    place.ours.declare(*manifests([HOSTED]))
    place.ours.apply()
    place.server.forget()
    said = place.lf("add", "model", "-p", "openai/gpt-5-nano")
    assert place.wrote() == [], said


# --- lf writes, we look ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server on which `lf` wrote everything. Nobody may write there."""
    with aigo() as server:
        place = place_of(server, tmp_path_factory.mktemp("theirs"))
        lf = place.lf
        put_all(lf)
        named = {name: VARIABLES[variable] for name, variable in SECRETS.items() if name != "LLM_KEY"}
        named |= {f"reconciler-support-chat-{field}": VARIABLES["LLM_KEY"] for field in ("api-key", "header-x-token")}
        put(lf, "secrets", [bare("bare", endpoint(), secrets=named)])
        lf("secret", "add", "--name", "LLM_KEY", "--value", VARIABLES["LLM_KEY"])
        lf("integration", "add", "--provider", "openai", "--api-key", VARIABLES["OPENAI_API_KEY"])
        lf("add", "model-adapter", "-f", "adapters/*.yaml")
        assert lf("add", "model", "-f", "[ms]*/*.yaml").err == ""
        lf("add", "model", "-p", "openai/gpt-5-nano")
        assert server.state.models.keys() == {*ALIKE_KEYS, *CLEAR, "openai$gpt-5-nano"}
        assert server.state.secrets.keys() == {"LLM_KEY", *named}
        yield place


@pytest.fixture
def read_only(theirs: Place) -> Iterator[Place]:
    """The same. Fails whoever wrote all the same."""
    theirs.server.behaviour = Behaviour()
    theirs.server.forget()
    yield theirs
    assert theirs.wrote() == []


@pytest.mark.parametrize("mode", MODES)
def test_what_lf_wrote_we_leave_alone(read_only: Place, mode: str) -> None:
    """However the server answers, our plan of the same objects is empty, also where `lf` itself would write for ever."""
    read_only.server.behaviour = Behaviour(**MODES[mode])
    read_only.ours.declare(*everything(clear_authority=shows_keys(read_only)), HOSTED)
    read_only.ours.converged()
    read_only.ours("apply", "--yes")  # no question, and no secret's value


def test_our_export_of_what_lf_wrote_builds_it_again(read_only: Place) -> None:
    """What we export and apply to an empty server, with the secrets that it names in the environment, is what `lf` wrote.

    The server that is read adds nulls and fields and makes floats of integers: none of that gets into an export.
    """
    read_only.server.behaviour = Behaviour(fill_nulls=True, ints_as_floats=True, unknown_fields=True)
    read_only.ours.configure("exported")
    read_only.ours("export", "--all", "-o", "exported")
    written = "".join(path.read_text("utf-8") for path in (read_only.ours.folder / "exported").rglob("*.yaml"))
    assert set(re.findall(r"(?<!\$)\$\{env:(\w+)\}", written)) == EXPORTED.keys()
    with aigo() as server:
        empty = read_only.at(server)
        empty.ours("apply", "--yes", **values_of(EXPORTED))
        empty.ours.converged()
        was, now = read_only.server.state, server.state
        assert values(now.secrets) == values(was.secrets)
        assert now.integrations == was.integrations
        server.forget()
        assert skipped(empty.lf("add", "model-adapter", "-f", "adapters/*.yaml")) == set(ADAPTERS)
        assert skipped(empty.lf("add", "model", "-f", "models-*/*.yaml")) == ALIKE_KEYS | set(CLEAR)
        assert server.state.models.keys() == was.models.keys()
        assert empty.wrote() == []


def values(secrets: dict[str, Any]) -> dict[str, str]:
    return {name: row["value"] for name, row in secrets.items()}


# --- one after the other ---------------------------------------------------------------------------------------


def test_an_edit_in_the_console_is_shown_mended_and_lf_agrees(place: Place) -> None:
    """Each edited field is in the plan and nothing else; after our apply `lf` skips."""
    custom = model("custom", {**SAFE["custom"]["config"], "adapter": {"key": "mine"}})
    documents = [custom, bare("plain", endpoint()), bare("calm", endpoint(custom_headers={"X-Tries": 3}))]
    place.ours.declare(
        *map(manifest, documents), manifest(adapter("mine"), "Adapter"), *(secret(*pair) for pair in SECRETS.items())
    )
    place.ours.apply()
    models, adapters = place.server.state.models, place.server.state.adapters
    models["custom"] = models["custom"] | {"description": "Edited.", "max_concurrent_requests": 5}
    models["custom"]["config"] = models["custom"]["config"] | {"custom_headers": {"X-Tenant": "acme", "X-Trace": False}}
    del models["custom"]["rate_limit"]
    models["plain"] = models["plain"] | {"description": "New.", "task": "custom"}
    models["calm"] = json.loads(json.dumps(models["calm"]).replace('"X-Tries": 3', '"X-Tries": 3.0'))
    adapters["mine"] = adapters["mine"] | {"process_output": {"language": "jinja", "source_code": "{{ body }} "}}
    headers = "/config/custom_headers"
    assert place.ours.changes() == {
        "Adapter/mine update": ("/process_output/source_code",),
        "Model/custom update": (
            *(f"{headers}/{name}" for name in ("X-Share", "X-Token", "X-Trace", "X-Tries")),
            *("/description", "/max_concurrent_requests", "/rate_limit"),
        ),
        "Model/plain update": ("/description", "/task"),
    }
    place.ours.apply()
    put(place.lf, "models", documents)
    put(place.lf, "adapters", [adapter("mine")])
    place.server.forget()
    assert skipped(place.lf("add", "model", "-f", "models/*.yaml")) == {"custom", "plain", "calm"}
    assert skipped(place.lf("add", "model-adapter", "-f", "adapters/*.yaml")) == {"mine"}
    assert place.wrote() == []


def test_a_description_is_taken_away_by_either(place: Place) -> None:
    """What one of the two removes, the other finds removed, and puts back if its own file still says it."""
    whole = bare("chat", endpoint(), description="Answers.")
    without = bare("chat", endpoint())
    place.ours.declare(manifest(whole))
    place.ours.apply()
    place.ours.declare(manifest(without))
    assert place.ours.changes() == {"Model/chat update": ("/description",)}
    place.ours.apply()
    put(place.lf, "without", [without])
    put(place.lf, "whole", [whole])
    place.server.forget()
    assert skipped(place.lf("add", "model", "-f", "without/*.yaml")) == {"chat"}
    place.lf("add", "model", "-f", "whole/*.yaml")
    assert place.ours.changes() == {"Model/chat update": ("/description",)}
    place.lf("add", "model", "-f", "without/*.yaml")
    assert place.wrote() == ["PUT models", "PUT models"]
    place.ours.converged()


TEMPLATE: Final = '{"text": "{{ input.messages[0].content | json_escape }}",\n "price": "$5 ${x}"}\n'


def test_source_code_from_a_file_is_the_same_to_both(place: Place) -> None:
    """`!include` of `lf` and our `${file:}` mean one text, with a newline at the file's end or without; so do texts in the file itself."""
    included, written = "included", "written"
    for folder in (place.lf.folder / "lf", place.ours.folder / "manifests"):
        folder.mkdir()
        (folder / "in.jinja").write_text(TEMPLATE, "utf-8")
        (folder / "out.jinja").write_text("{{ body }}", "utf-8")
        (folder / "infer.py").write_text(SNIPPET, "utf-8")
    for key, given in ((included, "!include in.jinja"), (written, "|\n" + indented(TEMPLATE))):
        infer = "!include infer.py" if key == included else "|\n" + indented(SNIPPET)
        (place.lf.folder / f"lf/adapter-{key}.yaml").write_text(
            f"key: {key}\ndisplay_name: A\nprocess_input:\n  language: jinja\n  source_code: {given}\n"
            "process_output: {language: jinja, source_code: !include out.jinja}\n"
        )
        (place.lf.folder / f"lf/model-{key}.yaml").write_text(
            f"key: {key}\ndisplay_name: M\nconfig:\n  connection_type: custom_inference\n  adapter: {{key: {key}}}\n"
            f"  environment: {{}}\n  timeout: 30\n  run_inference_snippet: {infer}\n"
        )
    place.ours.declare(
        *own_form(included, "${file:in.jinja}", "${file:infer.py}"),
        *own_form(written, TEMPLATE.replace("${", "$${"), SNIPPET),
    )
    place.ours.apply()
    place.ours.converged()
    place.server.forget()
    assert skipped(place.lf("add", "model-adapter", "-f", "lf/adapter-*.yaml")) == {included, written}
    assert skipped(place.lf("add", "model", "-f", "lf/model-*.yaml")) == {included, written}
    assert place.wrote() == []

    with aigo() as server:
        again = place.at(server)
        again.lf("add", "model-adapter", "-f", "lf/adapter-*.yaml")
        again.lf("add", "model", "-f", "lf/model-*.yaml")
        again.ours.converged()


def own_form(key: str, given: str, snippet: str) -> list[dict[str, Any]]:
    out = "${file:out.jinja}"
    return [
        {
            "kind": "latticeflow/Adapter",
            "key": key,
            "display_name": "A",
            "process_input": {"language": "jinja", "source_code": given},
            "process_output": {"language": "jinja", "source_code": out},
        },
        {
            "kind": "latticeflow/Model",
            "key": key,
            "display_name": "M",
            "config": {
                "connection_type": "custom_inference",
                "adapter": {"key": key},
                "environment": {},
                "timeout": 30,
                "run_inference_snippet": snippet,
            },
        },
    ]


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


# --- lf's files as they are --------------------------------------------------------------------------------------


def test_imported_files_say_what_lf_takes_from_them(read_only: Place) -> None:
    """`import` of all files: nothing to do where `lf` wrote them, and where we write them nothing to do for `lf`."""
    ours = read_only.ours
    ours.configure("imported")
    paths = [read_only.lf.folder / name for name in ("adapters", "models-alike", "models-clear")]
    answer = json.loads(ours("import", *paths, "-o", "imported", "--format", "json").stdout)
    assert (answer["variables"], set(answer["environment"])) == ([], IMPORTED.keys())
    ours.converged()

    ours.declare(*manifests([], adapters=False), *DERIVED)
    ours.configure("imported", "manifests")
    with aigo() as server:
        empty = read_only.at(server)
        empty.ours("apply", "--yes", **values_of(IMPORTED), **VARIABLES)
        empty.ours.converged()
        server.forget()
        assert skipped(empty.lf("add", "model-adapter", "-f", "adapters/*.yaml")) == set(ADAPTERS)
        assert skipped(empty.lf("add", "model", "-f", "models-*/*.yaml")) == ALIKE_KEYS | set(CLEAR)
        assert empty.wrote() == []


# YAML 1.1, which `lf` reads, takes some of these for something else than YAML 1.2, which we read. `&` is a space.
SCALARS: Final = (
    "yes no on off y n True FALSE 0777 0o777 089 0x1F 0b11 1_000 1_0.5 1e3 1.5e3 1E+3 1.e+3 .5 5. -.5 +3 -0 1:30 1:30.5"
    " 3.0 3.10 1e-7 !!str&3 'it''s' a#b ~x null-ish"
).split()
RUN: Final = """\
# What the models share.
secrets:
  LLM_KEY: $LLM_KEY        # from the environment
  COMPANY-CA: ${COMPANY_CA}
model_adapters:
  - key: shared
    display_name: Shared
    process_input: {language: jinja, source_code: !include parts/in.jinja}
    process_output:
      language: jinja
      source_code: |
        {{ body }}
models:
  - $provider: openai/gpt-5-nano
"""
CHAT: Final = """\
# The chat of the support team.
key: chat
display_name: $NAME          # expanded
description: >-
  Folded
  text: "as written", $NAME is not expanded here.
rate_limit: $LIMIT
config:
  adapter: &adapter {key: shared}
  url: ${LLM_HOST}/v1/chat/completions
  api_key: << secrets.LLM_KEY >>
  model_key: "no"
  custom_headers:
HEADERS
  tls_context:
    $ref: parts/tls.yaml
"""
CODE: Final = """\
key: code
display_name: Code
description: !include parts/about.txt
rate_limit: 60.0
config:
  connection_type: custom_inference
  adapter: {key: latticeflow$identity}
  run_inference_snippet: !include parts/infer.py
  environment: {HOST: $LLM_HOST, API_TOKEN: $LLM_KEY, N: 010}
  timeout: 30
"""
TLS: Final = (
    "validation_context: {trusted_ca: '<<secrets.COMPANY-CA>>', trust_chain_verification: verify_trust_chain}\n"
)
EXPANDED: Final = {"NAME": "Chat", "LIMIT": "60", "LLM_HOST": "https://llm.example.com"}


def test_files_as_people_write_them_are_imported_as_lf_reads_them(place: Place) -> None:
    """Variables, included and referred files, secrets, a run configuration, YAML 1.1: what `lf` makes of them is what our manifests say."""
    lf, ours = replace(place.lf, folder=place.ours.folder / "lf"), place.ours
    headers = "".join(f"    X-{number}: {scalar.replace('&', ' ')}\n" for number, scalar in enumerate(SCALARS))
    for name, content in (
        *(("run.yaml", RUN), ("models/chat.yaml", CHAT.replace("HEADERS\n", headers)), ("models/code.yaml", CODE)),
        ("models/parts/about.txt", "Two\r\nlines.\r\n"),
        *(("models/parts/tls.yaml", TLS), ("models/parts/infer.py", SNIPPET), ("parts/in.jinja", TEMPLATE)),
    ):
        ours.write(f"lf/{name}", content)
    ours.configure("imported", **EXPANDED)
    paths = ("lf/run.yaml", "lf/models/chat.yaml", "lf/models/code.yaml")
    answer = json.loads(ours("import", *paths, "-o", "imported", "--format", "json").stdout)
    assert answer["environment"] == ["COMPANY_CA", "LLM_KEY"]
    ours.write("imported/openai.yaml", json.dumps(INTEGRATION))
    ours("apply", "--yes", **VARIABLES)
    ours.converged()
    assert values(place.server.state.secrets) == {name: VARIABLES[variable] for name, variable in SECRETS.items()}
    place.server.forget()
    environment = EXPANDED | VARIABLES
    said = lf("add", "-f", "run.yaml", **environment)
    assert place.wrote() == ["POST secrets"] * 2, said
    assert skipped(lf("add", "model", "-f", "models/*.yaml", **environment)) == {"chat", "code"}
    assert place.wrote() == []

    with aigo() as server:
        again = place.at(server)
        there = replace(lf, url=server.url)
        server.state.integrations["openai"] = {"api_key": VARIABLES["OPENAI_API_KEY"]}
        there("add", "-f", "run.yaml", **environment)
        there("add", "model", "-f", "models/*.yaml", **environment)
        assert server.state.models.keys() == {"chat", "code", "openai$gpt-5-nano"}
        again.ours.converged()
