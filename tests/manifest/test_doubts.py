"""Values that are allowed and probably mistakes: `validate` warns of each at its place, and `--strict` makes it an error."""

from __future__ import annotations

from typing import Any, Final

import pytest
from cli.project import Project
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.core.document.dump import dump_yaml
from reconciler.core.formats import EVERY_PATH, PATHS, base_url_pattern, path_at_end, paths_of
from reconciler.core.model import Model, ModelSpec
from reconciler.core.providers import NAMES
from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import BaseAddress, Node, Usual
from reconciler.core.spec import unusual_in, whole_addresses_in
from reconciler.endpoint.dialects import DIALECTS
from reconciler.manifest.doubts import portable_doubts
from reconciler.manifest.model_check import check_model
from reconciler.project.schemas import manifest_schema
from reconciler.registry import catalog

REGISTRIES: Final = """\
owner: us
registries:
  local: {driver: local, path: registry.db, default: true}
  nemo: {driver: nemo, url: "http://127.0.0.1:1", workspace: team}
  wx: {driver: watsonx, url: "http://127.0.0.1:2/api/v1", token: "${env:TOKEN}"}
  runs: {driver: insidellms, path: runs}
"""
SOURCE: Final[dict[str, Any]] = {"endpoint": {"url": "https://h.example/v1", "model": "m"}}
KINDS: Final = {
    f"{name}/{kind.name}": kind.root for name in catalog.names() for kind in catalog.load_driver(name).kinds.values()
}
# what is called so is a number that every registry has, whatever it is a member of
NUMBERS: Final = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "max_completion_tokens",
    "max_tokens",
)
WHOLE_URLS: Final = {  # sent as they are, or no address of a model
    "latticeflow/Model": {"url", "deploy_url", "endpoint_url", "project_endpoint"},
    "litellm/Model": {"s3_endpoint_url"},
    "nemo/Model": {"url"},  # what clients are told, and no request of the server's goes there
    "watsonx/Model": {"urlToFetch", "url_to_fetch"},
}


def problems(project: Project, *documents: dict[str, Any], variables: str = "{}") -> list[dict[str, Any]]:
    """The problems of `validate` in these documents, which `--strict` turns into a failure."""
    project.write("reconciler.yaml", f"variables: {variables}\n{REGISTRIES}")
    project.write("manifests/a.yaml", "---\n".join(map(dump_yaml, documents)))
    answer = project.run("validate", "--format", "json")
    found: list[dict[str, Any]] = answer.json("validate")["problems"]
    assert answer.code == int(any(problem["severity"] == "error" for problem in found))
    assert project.run("validate", "--strict").code == int(bool(found))
    return found


def warnings(project: Project, *documents: dict[str, Any], variables: str = "{}") -> list[tuple[str, str]]:
    """`(rule, pointer)` of the warnings of `validate`. Nothing is an error."""
    found = problems(project, *documents, variables=variables)
    assert {problem["severity"] for problem in found} <= {"warning"}, found
    return [(problem["rule"], problem["pointer"]) for problem in found]


def model(**fields: Any) -> dict[str, Any]:
    """A portable Model of the local registry."""
    return {"kind": "Model", "key": "support-chat", **fields}


# --- whole URLs -------------------------------------------------------------------------------------------------


def test_every_dialect_asks_below_the_path_of_its_format() -> None:
    """The paths that `validate` knows are those that `test` asks."""
    assert {pair: dialect.path for pair, dialect in DIALECTS.items()} == {
        (form, task): path for form, paths in PATHS.items() for task, path in paths.items()
    }


@settings(max_examples=300, deadline=None)
@given(
    base=st.sampled_from(("https://h.example", "https://h.example/v1", "http://[::1]:80/a/b", "https://${var:h}/v1")),
    path=st.sampled_from((*EVERY_PATH, "", "/models", "/chat", "/xcompletions", "/chat/completions/extra")),
    end=st.sampled_from(("", "/", "//", "?a=b", "/?a=/messages", "#messages", "?x=/chat/completions")),
    form=st.sampled_from(("openai", "anthropic", "custom", None, "absent", "${var:format}")),
)
def test_schema_and_validate_find_the_same_whole_urls(base: str, path: str, end: str, form: str | None) -> None:
    """A URL is found exactly where it ends in a path of its own format, whatever follows the path."""
    endpoint = {"url": base + path + end, **({} if form == "absent" else {"format": form})}
    document = model(endpoint=endpoint)
    own = paths_of({None: "openai", "absent": "openai"}.get(form, str(form)))
    expected = ["url-with-path"] if path in own else []
    assert [finding.rule for finding in check_model(document)[1]] == expected
    assert SCHEMA.is_valid(document) == (not expected)


SCHEMA: Final = Draft202012Validator(manifest_schema({}, None))


@pytest.mark.parametrize("path", EVERY_PATH)
def test_the_pattern_and_the_check_are_one(path: str) -> None:
    """What the pattern refuses is what the message says to leave off."""
    validator = Draft202012Validator({"pattern": base_url_pattern(EVERY_PATH)})
    assert path_at_end(f"https://h/v1{path}", EVERY_PATH) == path
    assert not validator.is_valid(f"https://h/v1{path}")
    assert validator.is_valid("https://h/v1")
    assert path_at_end("https://h/v1", EVERY_PATH) is None


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (model(endpoint={"url": "https://h/v1/chat/completions"}), "/endpoint/url"),
        (model(endpoint={"url": "https://${var:host}/v1/completions"}), "/endpoint/url"),
        (model(endpoint={"url": "${file:../url.txt}"}), "/endpoint/url"),
        (
            model(**SOURCE, registries={"local": {"endpoint": {"url": "https://h/v1/rerank/"}}}),
            "/registries/local/endpoint/url",
        ),
        ({"kind": "nemo/Provider", "key": "gateway", "host_url": "https://h/v1/messages"}, "/host_url"),
        (
            {
                "kind": "watsonx/Model",
                "key": "virtual-model/openai/m",
                "provider_config": {"custom_host": "https://h/v1/chat/completions"},
            },
            "/provider_config/custom_host",
        ),
        (
            {
                "kind": "insidellms/Model",
                "key": "m",
                "model": {"type": "openai", "args": {"base_url": "https://h/v1/chat/completions?x=1"}},
            },
            "/model/args/base_url",
        ),
    ],
)
def test_a_whole_url_is_told_once_at_its_place(project: Project, document: dict[str, Any], pointer: str) -> None:
    """In a portable Model, by reference, in an override, and in each registry's own kinds."""
    project.write("url.txt", "https://h/v1/embeddings")
    [problem] = problems(project, document, variables="{host: h.example}")
    assert (problem["rule"], problem["pointer"], problem["severity"]) == ("url-with-path", pointer, "warning")
    assert "leave off '/" in problem["message"]


def test_what_is_found_is_still_planned(project: Project) -> None:
    """A warning keeps no manifest from its registry."""
    project.write("manifests/a.yaml", dump_yaml(model(endpoint={"url": "https://h/v1/chat/completions"})))
    assert project.run("plan", "--format", "json").json("plan")["summary"]["create"] == 1


@pytest.mark.parametrize("name", KINDS)
def test_every_address_of_a_model_is_held_against_the_paths(name: str) -> None:
    """A field for an address is a base URL, or is known to be a whole one: a new kind has to say which."""
    for path, node in KINDS[name].walk():
        field = path[-1] if path else ""
        is_address = field.lower().endswith(("url", "api_base", "_host", "customhost", "project_endpoint"))
        if not is_address or field in WHOLE_URLS.get(name, ()) or name == "local/Model" or "cpd" in field.lower():
            continue
        if "foundry" not in field.lower():
            assert node.rule(BaseAddress) is not None, f"{name}: {'.'.join(path)}"


# --- sources and providers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [("no-source", "/key")]),
        ({"endpoint": None, "provider": None}, [("no-source", "/key")]),
        ({"registries": {"local": {}, "nemo": {"project": "cx"}}}, [("no-source", "/key")]),
        ({"registries": {"nemo": {"fileset": "team/weights"}}}, []),
        ({"state": "absent"}, []),
        (SOURCE, []),
        ({"provider": {"name": "openai", "model": "m"}}, []),
        ({"provider": {"name": "opnai", "model": "m"}}, [("unknown-provider", "/provider/name")]),
        ({"provider": {"name": "${var:who}", "model": "m"}}, [("unknown-provider", "/provider/name")]),
        (
            {"provider": {"name": "acme", "model": "m"}, "registries": {"local": {}, "wx": {}}},
            [("unknown-provider", "/provider/name")],
        ),
        (
            {"provider": {"name": "acme", "model": "m"}, "registries": {"nemo": {}}},
            [],
        ),  # a NeMo provider, which plan looks up
        (
            {
                "provider": {"name": "openai", "model": "m"},
                "registries": {"wx": {"key": "virtual-model/opnai/m"}},
            },
            [("unknown-provider", "/registries/wx/key")],
        ),
        (
            {
                "provider": {"name": "openai", "model": "m"},
                "registries": {"local": {"provider": {"name": "opnai"}}},
            },
            [("unknown-provider", "/registries/local/provider/name")],
        ),
    ],
)
def test_a_model_says_where_it_is(project: Project, fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """By an endpoint or by a provider that somebody knows."""
    assert warnings(project, model(**fields), variables="{who: nobody-knows}") == expected


def test_a_misspelt_provider_is_told_with_the_one_that_was_meant(project: Project) -> None:
    """In a Model, and in a key of watsonx's, which begins with the provider."""
    documents = [
        model(provider={"name": "opnai", "model": "m"}),
        {"kind": "watsonx/Model", "key": "virtual-model/antropic/claude"},
    ]
    assert [problem["suggestion"] for problem in problems(project, *documents)] == ["openai", "anthropic"]


@pytest.mark.parametrize("name", NAMES)
def test_no_known_provider_is_doubted(name: str) -> None:
    """Under the name by which a registry calls it, and written in another way."""
    for written in (name, name.upper(), name.replace("-", "_")):
        assert list(portable_doubts({"provider": {"name": written, "model": "m"}})) == []


def test_an_error_about_the_provider_is_told_alone(project: Project) -> None:
    """A registry that refuses the provider says more than a doubt."""
    document = model(provider={"name": "opnai", "model": "m"}, registries={"runs": {}})
    [problem] = problems(project, document)
    assert (problem["rule"], problem["pointer"]) == ("not-expressible", "/provider/name")


# --- numbers ----------------------------------------------------------------------------------------------------


def _fields(root: Node, rule: type) -> list[tuple[tuple[str, ...], Any]]:
    return [(path, found) for path, node in root.walk() if (found := node.rule(rule)) is not None]


def _nested(path: tuple[str, ...], value: Any) -> Any:
    for part in reversed(path):
        value = [value] if part == "*" else {part: value}
    return value


@pytest.mark.parametrize("name", [*KINDS, "Model"])
def test_each_bound_of_each_kind_is_told_beyond_and_not_at_it(name: str) -> None:
    """Of every field with usual bounds, the bounds themselves are taken and what is beyond is told."""
    root = KINDS.get(name, rules_of(Model))
    for path, rule in _fields(root, Usual):
        for bound, step in ((rule.minimum, -1), (rule.maximum, 1)):
            if bound is not None:
                assert not list(unusual_in(_nested(path, bound), root))
                assert len(list(unusual_in(_nested(path, bound + step), root))) == 1
    for path, _ in _fields(root, BaseAddress):
        assert len(list(whole_addresses_in(_nested(path, "https://h/v1/chat/completions"), root))) == 1


@pytest.mark.parametrize("name", KINDS)
def test_every_number_that_registries_share_has_usual_bounds(name: str) -> None:
    """A kind that takes a temperature, a penalty or a budget is held against the bounds of a portable Model."""
    for path, node in KINDS[name].walk():
        if path and path[-1] in NUMBERS:
            bounded = node.rule(Usual) is not None or name.startswith("nemo/")  # refused beyond 2
            assert bounded, f"{name}: {'.'.join(path)}"


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        ("parameters", "temperature", 55),
        ("parameters", "temperature", "${var:hot}"),
        ("parameters", "top_k", 100_000),
        ("parameters", "n", 1_000),
        ("parameters", "max_completion_tokens", 100_000_000),
        ("limits", "requests_per_minute", 10**9),
        ("limits", "max_concurrency", 10**6),
        ("limits", "context_length", 128),
        ("limits", "context_length", 10**9),
        ("endpoint", "timeout", 60_000),
        ("endpoint", "timeout", 0.001),
    ],
)
def test_an_unlikely_number_is_told_where_it_stands(project: Project, section: str, field: str, value: Any) -> None:
    """Of the portable Model once, however many registries it goes to."""
    document = model(**SOURCE)
    document[section] = {**document.get(section, {}), field: value}
    for registries in ({"local": {}}, {"local": {}, "wx": {}, "runs": {}}):
        found = problems(project, {**document, "registries": registries}, variables="{hot: 55}")
        told = [problem for problem in found if problem["rule"] == "unlikely-value"]
        assert [problem["pointer"] for problem in told] == [f"/{section}/{field}"]
        assert told[0]["severity"] == "warning"


def test_an_answer_fits_into_the_context(project: Project) -> None:
    """Two numbers that are usual each and cannot both be meant."""
    document = model(**SOURCE, parameters={"max_completion_tokens": 8192}, limits={"context_length": 4096})
    assert warnings(project, document) == [("unlikely-value", "/parameters/max_completion_tokens")]


def test_an_unlikely_number_in_an_override_and_in_a_native_kind_is_told(project: Project) -> None:
    """Under the names of the registry."""
    override = model(**SOURCE, registries={"local": {"parameters": {"temperature": 55}}})
    own = {"kind": "watsonx/Model", "key": "virtual-model/openai/m", "config": {"temperature": 55, "top_p": 95}}
    assert warnings(project, override, own) == [
        ("unlikely-value", "/registries/local/parameters/temperature"),
        ("unlikely-value", "/config/temperature"),
        ("unlikely-value", "/config/top_p"),
    ]


def test_usual_bounds_hold_what_the_schema_shows_as_examples() -> None:
    """No example of ours is doubted."""
    for section, fields in ModelSpec.model_fields.items():
        for example in fields.examples or ():
            assert list(portable_doubts({section: example})) == []
