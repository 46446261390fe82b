"""`extends`: a Model is what one would write by merging its templates by hand, and every problem is told where it was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from manifest.schema_documents import ODD, changed, places

from reconciler.core.document.dump import dump_yaml
from reconciler.core.model import Model, Template
from reconciler.core.resource import Desired, Source
from reconciler.project.loaded import LoadedManifests
from reconciler.project.workspace import Workspace, open_workspace

CONFIG: Final = """\
owner: us
variables: {host: llm.example.com}
registries:
  local: {driver: local, path: a.db, default: true}
  two: {driver: local, path: b.db}
"""
GATEWAY: Final = """\
kind: Template
key: gateway
endpoint:
  url: https://llm.example.com/v1
  api_key: ${env:GATEWAY_KEY}
  headers: {X-Tenant: acme}
labels: {team: cx, stage: prod}
tags: [gateway]
"""
CHAT: Final = "kind: Model\nkey: chat\nextends: gateway\nendpoint: {model: gpt-oss}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "reconciler.yaml").write_text(CONFIG)
    (tmp_path / "manifests").mkdir()
    return tmp_path


def load(root: Path, *paths: str, **files: str) -> LoadedManifests:
    for name, text in files.items():
        (root / f"manifests/{name}.yaml").write_text(text)
    return open_workspace(cwd=root, environ={}).load(paths)


def told(loaded: LoadedManifests) -> list[str]:
    """Every problem of validate: `file:line:column rule`."""
    found = loaded.validation().problems
    return [f"{item.file.removeprefix('manifests/')}:{item.line}:{item.column} {item.rule}" for item in found]


def spec(loaded: LoadedManifests, key: str) -> dict[str, Any]:
    (found,) = [item for item in loaded.desired.resources if item.key == key and item.address.registry == "local"]
    return dict(found.resource.spec)


# --- what is inherited --------------------------------------------------------------------------------------------


def test_a_template_may_hold_what_a_model_may() -> None:
    """Every field but those that are an object's own."""
    assert Template.model_fields.keys() == Model.model_fields.keys() - {"extends", "previous_keys", "state"}


def test_a_model_takes_over_what_it_does_not_say(root: Path) -> None:
    """Maps merge, lists replace; the address and the source are the Model's own."""
    loaded = load(root, a=GATEWAY, b=CHAT + "tags: [chat]\nlabels: {stage: dev}\n")
    assert told(loaded) == []
    found = spec(loaded, "chat")
    assert (found["endpoint"]["url"], found["endpoint"]["model"]) == ("https://llm.example.com/v1", "gpt-oss")
    assert (found["tags"], found["labels"]) == (["chat"], {"team": "cx", "stage": "dev"})
    (item,) = loaded.desired.resources
    assert item.resource.source == Source("manifests/b.yaml", 1)
    assert item.labels == {"team": "cx", "stage": "dev"}, "`--select` sees them"
    assert dict(item.secrets) == {"/endpoint/api_key": "${env:GATEWAY_KEY}"}


def test_several_templates_in_order_and_the_model_last(root: Path) -> None:
    """The later wins; null removes what is inherited, in a template too."""
    loaded = load(
        root,
        a=GATEWAY,
        b="kind: Template\nkey: small\ndescription: small\nlabels: {team: null, size: s}\nlimits: {max_concurrency: 2}\n",
        c="kind: Model\nkey: chat\nextends: [gateway, small]\ntags: null\nendpoint: {headers: {X-Tenant: null}, model: m}\n",
    )
    assert told(loaded) == []
    found = spec(loaded, "chat")
    assert found["labels"] == {"stage": "prod", "size": "s"}
    assert "tags" not in found
    assert not found["endpoint"].get("headers")


def test_protection_ignored_fields_and_registries_are_inherited(root: Path) -> None:
    """What says how a Model is managed, too. Null below `registries` still means what it means in a Model."""
    shared = "kind: Template\nkey: t\nprotected: true\nignore: [/description]\nregistries: {local: {display_name: null}, two: }\n"
    loaded = load(
        root, a=shared, b="kind: Model\nkey: x\nextends: t\ndisplay_name: X\nprovider: {name: openai, model: m}\n"
    )
    assert told(loaded) == []
    local, two = loaded.desired.resources
    assert (local.protected, local.ignore) == (True, ("/description",))
    assert ("display_name" in local.resource.spec, "display_name" in two.resource.spec) == (False, True)
    away = load(
        root,
        b="kind: Model\nkey: x\nextends: t\nprovider: {name: openai, model: m}\nregistries: {two: {tags: [a]}, local: null}\n",
    )
    assert [item.address.registry for item in away.desired.resources] == ["two"]


def test_no_registry_is_lost_for_a_null(root: Path) -> None:
    """`two:` is a registry without overrides also where something else is inherited; else the Model would go elsewhere."""
    loaded = load(
        root,
        a="kind: Template\nkey: t\nprovider: {name: openai, model: m}\n",
        b="kind: Model\nkey: x\nextends: t\nregistries:\n  two:\n",
    )
    assert [item.address.registry for item in loaded.desired.resources] == ["two"]


def test_files_are_relative_to_the_document_that_names_them(root: Path) -> None:
    """Each part resolves its own references, before it is merged."""
    (root / "manifests/shared").mkdir()
    (root / "manifests/shared/text.txt").write_text("from the template")
    (root / "manifests/shared/key").write_text("s")
    (root / "manifests/shared/t.yaml").write_text(
        "kind: Template\nkey: t\ndescription: '${file:text.txt}'\nendpoint: {url: 'https://${var:host}/v1', api_key: '${file:key}'}\n"
    )
    loaded = load(root, a="kind: Model\nkey: x\nextends: t\nendpoint: {model: m}\n")
    assert told(loaded) == []
    found = spec(loaded, "x")
    assert found["description"] == "from the template"
    assert found["endpoint"]["api_key"] == "${file:manifests/shared/key}"


def test_a_template_and_a_model_of_one_key_do_not_clash(root: Path) -> None:
    """A template is no object of any registry."""
    loaded = load(root, a=GATEWAY, b=CHAT.replace("key: chat", "key: gateway"))
    assert told(loaded) == []
    assert [item.key for item in loaded.desired.resources] == ["gateway"]


def test_a_model_that_goes_may_extend(root: Path) -> None:
    """`state: absent` is the Model's own."""
    (item,) = load(root, a=GATEWAY, b="kind: Model\nkey: chat\nextends: gateway\nstate: absent\n").desired.resources
    assert item.absent


# --- where a problem is told --------------------------------------------------------------------------------------

MISTAKES: Final = {
    "a field that is none": ("lables: {team: cx}\n", "9:1 unknown-field"),
    "a wrong type": ("limits: {requests_per_minute: x}\n", "9:31 wrong-type"),
    "a variable of the environment": ("description: ${env:SEED}\n", "9:14 env-outside-secret"),
    "a literal secret": ("registries: {local: {endpoint: {api_key: hunter2}}}\n", "9:42 literal-secret"),
    "an unset variable": ("description: ${var:nothing}\n", "9:14 unset-variable"),
    "a file that is not there": ("description: ${file:nothing}\n", "9:14 missing-file"),
    "both sources": ("provider: {name: openai, model: m}\n", "9:1 endpoint-and-provider"),
    "a registry that is none": ("registries: {locl: {}}\n", "9:14 unknown-registry"),
    "a pointer to nothing": ("ignore: [/nothing]\n", "9:10 unknown-ignore"),
    "a state": ("state: absent\n", "9:1 unknown-field"),
    "old keys": ("previous_keys: [a]\n", "9:1 unknown-field"),
    "another template": ("extends: gateway\n", "9:1 unknown-field"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_template_is_told_once_and_there(root: Path, mistake: str) -> None:
    """Not once for each of its Models; also where only one of them is asked for; and not with a Model that has none."""
    more, place = MISTAKES[mistake]
    models = {f"m{number}": CHAT.replace("chat", f"chat-{number}") for number in range(3)}
    loaded = load(
        root, a=GATEWAY + more, other="kind: Model\nkey: other\nprovider: {name: openai, model: m}\n", **models
    )
    assert told(loaded) == [f"a.yaml:{place}"]
    assert told(load(root, "manifests/m1.yaml")) == [f"a.yaml:{place}"]
    assert told(load(root, "manifests/a.yaml")) == [f"a.yaml:{place}"]
    assert told(load(root, "manifests/other.yaml")) == []
    assert not open_workspace(cwd=root).load(["manifests/m1.yaml"]).validation().valid


TOGETHER: Final = {
    "missing in both": ("endpoint: {model: m}", "endpoint: {timeout: 3}", "4:11 missing-field", "template 't' (manifests/a.yaml:1)"),
    "missing in the template": ("endpoint: {model: m}", "tags: [a]", "3:10 missing-field", "template 't'"),
    "removed": ("endpoint: {url: 'https://a', model: m}", "endpoint: {url: null}", "4:11 missing-field", "template 't'"),
    "a source of each": ("endpoint: {url: 'https://a'}", "provider: {name: a, model: m}", "4:1 endpoint-and-provider", "sets 'endpoint'"),
    "the other source": ("provider: {name: openai, model: m}", "endpoint: {url: 'https://a'}", "4:1 endpoint-and-provider", "sets 'provider'"),
    "protected and absent": ("protected: true", "state: absent", "4:1 absent-protected", "sets 'protected'"),
}  # fmt: skip


@pytest.mark.parametrize("case", TOGETHER)
def test_what_only_both_make_wrong_is_told_in_the_model(root: Path, case: str) -> None:
    """Each template may be right for other Models; the message says which template has a hand in it."""
    template, own, place, message = TOGETHER[case]
    loaded = load(root, a=f"kind: Template\nkey: t\n{template}\n", b=f"kind: Model\nkey: x\nextends: t\n{own}\n")
    assert told(loaded) == [f"b.yaml:{place}"]
    assert message in loaded.problems[0].message


def test_two_templates_that_contradict_each_other_are_told_at_extends(root: Path) -> None:
    """Neither is wrong by itself."""
    loaded = load(
        root,
        a="kind: Template\nkey: t\nprovider: {name: openai, model: m}\n---\nkind: Template\nkey: u\nendpoint: {url: 'https://a'}\n",
        b="kind: Model\nkey: x\nextends: [t, u]\n",
    )
    assert told(loaded) == ["b.yaml:3:1 endpoint-and-provider"]


def test_what_a_registry_refuses_is_told_where_it_was_written(root: Path) -> None:
    """Also what is found after merging: a doubt about a value of the template, told once for all its Models."""
    loaded = load(
        root, a=GATEWAY + "parameters: {temperature: 90}\n", b=CHAT, c=CHAT.replace("key: chat", "key: other")
    )
    assert told(loaded) == ["a.yaml:9:27 unlikely-value"]


def test_an_inherited_format_is_known_before_a_url_is_doubted(root: Path) -> None:
    """What only the whole can tell is told of the whole."""
    custom = "kind: Template\nkey: t\nendpoint: {format: custom}\n"
    path = "kind: Model\nkey: x\nextends: t\nendpoint: {url: https://a.example.com/v1/chat/completions, model: m}\n"
    assert "url-with-path" not in str(told(load(root, a=custom, b=path)))
    assert told(load(root, a=custom.replace("custom", "openai"))) == ["b.yaml:4:17 url-with-path"]


def test_a_missing_secret_is_told_in_the_template(root: Path) -> None:
    """What apply says of a value that it cannot resolve leads to the file where the reference is written."""
    load(root, a=GATEWAY, b=CHAT)
    workspace = open_workspace(cwd=root, environ={})
    source = workspace.load().desired.resources[0].resource.source
    assert source is not None
    assert workspace.locate(source, "/endpoint/api_key") == "manifests/a.yaml:5:12"
    assert workspace.locate(source, "/endpoint/model") == "manifests/b.yaml:4:19"
    from_a_saved_plan = open_workspace(cwd=root, environ={})
    assert from_a_saved_plan.locate(source, "/endpoint/api_key") == "manifests/b.yaml:3:10"


# --- which templates there are ------------------------------------------------------------------------------------


def test_a_name_that_no_template_has(root: Path) -> None:
    """An error at the name, with the one that was meant."""
    loaded = load(root, a=GATEWAY, b=CHAT.replace("extends: gateway", "extends: [gateway, gatway]"))
    assert told(loaded) == ["b.yaml:3:20 unknown-template"]
    assert loaded.problems[0].suggestion == "gateway"


def test_two_templates_of_one_name(root: Path) -> None:
    """An error at both, each naming the other; no Model is made of either."""
    loaded = load(root, a=GATEWAY, b=CHAT, c=GATEWAY)
    assert told(loaded) == ["a.yaml:2:6 duplicate-template", "c.yaml:2:6 duplicate-template"]
    assert "also in manifests/c.yaml:1" in loaded.problems[0].message
    assert told(load(root, "manifests/b.yaml")) == told(loaded)


def test_a_template_that_nothing_extends(root: Path) -> None:
    """A warning; none where a file that may use it cannot be read."""
    loaded = load(root, a=GATEWAY, b="kind: Model\nkey: x\nprovider: {name: openai, model: m}\n")
    assert told(loaded) == ["a.yaml:2:6 unused-template"]
    assert loaded.validation().valid
    assert told(load(root, "manifests/a.yaml")) == ["a.yaml:2:6 unused-template"]
    assert told(load(root, "manifests/b.yaml")) == []
    assert told(load(root, c="kind: Model\nkey: [\n")) == ["c.yaml:3:1 syntax"]


def test_a_template_that_cannot_be_read_is_told_once(root: Path) -> None:
    """Its Models do not complain, too, that it is not there; one that is elsewhere unknown does."""
    broken = GATEWAY + "tags: [\n"
    loaded = load(root, a=broken, b=CHAT, c=CHAT.replace("chat", "other"))
    assert {line.partition(" ")[2] for line in told(loaded)} == {"duplicate-key", "syntax"} or all(
        line.startswith("a.yaml") for line in told(loaded)
    )
    assert all(line.startswith("a.yaml") for line in told(load(root, "manifests/b.yaml")))
    assert "d.yaml:3:10 unknown-template" in told(load(root, d=CHAT.replace("extends: gateway", "extends: elsewhere")))


@pytest.mark.parametrize("where", ["outside.yaml", "-"])
def test_templates_are_found_from_outside_of_the_manifests(root: Path, where: str) -> None:
    """A file elsewhere, or an editor's text: the configured manifests are read for their templates, and for nothing else."""
    load(root, a=GATEWAY, b="kind: Model\nkey: other\nextends: nothing\n")
    (root / "outside.yaml").write_text(CHAT)
    loaded = open_workspace(cwd=root).load([where], CHAT.encode)
    assert told(loaded) == []
    assert [item.key for item in loaded.desired.resources] == ["chat"]
    wrong = CHAT.replace("extends: gateway", "extends: gatway")
    (root / "outside.yaml").write_text(wrong)
    loaded = open_workspace(cwd=root).load([where], wrong.encode)
    assert [problem.suggestion for problem in loaded.problems] == ["gateway"]


def test_a_template_in_an_editor_stands_for_the_one_on_disk(root: Path) -> None:
    """No clash with itself, and no word that nothing extends it: that is in other files."""
    load(root, a=GATEWAY, b=CHAT)
    loaded = open_workspace(cwd=root).load(["-"], (GATEWAY + "---\n" + CHAT).encode)
    assert told(loaded) == []
    assert told(open_workspace(cwd=root).load(["-"], GATEWAY.encode)) == []


def test_a_path_with_a_template_means_the_models_that_extend_it(root: Path) -> None:
    """A change of a template changes them, so that a plan or a hook that is given its file looks at them."""
    loaded = load(
        root, "manifests/a.yaml", a=GATEWAY, b=CHAT, c="kind: Model\nkey: other\nprovider: {name: openai, model: m}\n"
    )
    assert [item.key for item in loaded.desired.resources] == ["chat"]
    spoilt = load(root, "manifests/a.yaml", a=GATEWAY.replace("  url: https://llm.example.com/v1\n", ""))
    assert told(spoilt) == ["b.yaml:4:11 missing-field"]


# --- properties ---------------------------------------------------------------------------------------------------


def some(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A map with some of these members, some of them null."""
    members = {
        name: (value if isinstance(value, st.SearchStrategy) else st.just(value)) for name, value in fields.items()
    }
    return st.fixed_dictionaries({}, optional={name: value | st.none() for name, value in members.items()})


TEXT: Final = st.sampled_from(("a", "b", "${var:host}"))
FIELDS: Final = some(
    description=TEXT,
    display_name=TEXT,
    task=st.sampled_from(("chat_completion", "embeddings")),
    endpoint=some(
        url=st.sampled_from(("https://a.example.com", "https://${var:host}/v1")),
        model=TEXT,
        api_key="${env:KEY}",
        headers=some(A=TEXT, B=TEXT),
        tls=some(verify=False),
        timeout=3,
    ),
    provider=some(name="openai", model=TEXT),
    parameters=some(temperature=0.5, stop=st.sampled_from(("x", ["y"], ["x", "y"]))),
    limits=some(requests_per_minute=st.integers(60, 62), max_concurrency=4),
    tags=st.lists(TEXT, max_size=2),
    labels=some(team=TEXT, stage=TEXT),
    metadata=some(a=st.just({"b": 1}) | st.just([None, 1]), c=some(d=TEXT)),
    protected=st.booleans(),
    ignore=st.just(["/description"]),
    registries=some(local=some(description=TEXT, tags=st.just(["o"])), two=some(display_name=TEXT)).filter(bool),
)


def by_hand(before: Any, change: Any, *, keep: bool = False) -> Any:
    """RFC 7396, written down once more; with `keep`, a null that removes nothing stays."""
    if not isinstance(change, dict):
        return change
    result = dict(before) if isinstance(before, dict) else {}
    for name, value in change.items():
        if value is not None:
            result[name] = by_hand(result.get(name), value, keep=keep or name == "registries")
        elif result.pop(name, None) is None and keep:
            result[name] = None
    return result


def models(workspace: Workspace, *documents: dict[str, Any]) -> tuple[list[Desired], LoadedManifests]:
    text = "---\n".join(dump_yaml(document) for document in documents).encode()
    loaded = workspace.load(["-"], lambda: text)
    items = [replace(item, resource=replace(item.resource, source=None)) for item in loaded.desired.resources]
    return items, loaded


def template(key: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "Template", "key": key, **fields}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    root = tmp_path_factory.mktemp("templates")
    (root / "reconciler.yaml").write_text(CONFIG)
    return open_workspace(cwd=root, environ={})


@settings(max_examples=150, deadline=None)
@given(st.lists(FIELDS, min_size=1, max_size=3), FIELDS)
def test_a_model_that_extends_is_the_one_that_is_merged_by_hand(
    workspace: Workspace, templates: list[dict[str, Any]], own: dict[str, Any]
) -> None:
    """The same resources, or errors in both. Its parts may lack anything, as long as the whole does not."""
    names = [f"t{number}" for number in range(len(templates))]
    parts = [template(name, fields) for name, fields in zip(names, templates, strict=True)]
    extended, loaded = models(workspace, *parts, {"kind": "Model", "key": "x", "extends": names, **own})
    whole: dict[str, Any] = {}
    for change in (*templates, own):
        whole = by_hand(whole, change)
    merged, expected = models(workspace, {"kind": "Model", "key": "x", **whole})
    both = any(part.get("endpoint") is not None and part.get("provider") is not None for part in (*templates, own))
    event(f"valid: {not expected.errors}")
    if not both:  # then a part is wrong by itself
        assert (extended, bool(loaded.errors)) == (merged, bool(expected.errors))


@settings(max_examples=75, deadline=None)
@given(FIELDS, FIELDS, FIELDS)
def test_templates_merge_step_by_step(
    workspace: Workspace, a: dict[str, Any], b: dict[str, Any], own: dict[str, Any]
) -> None:
    """Naming one twice adds nothing, and two in order are one that is merged of them, but for nulls, which it does not keep."""
    model = {"kind": "Model", "key": "x", **own}
    once, _ = models(workspace, template("a", a), model | {"extends": "a"})
    twice, _ = models(workspace, template("a", a), model | {"extends": ["a", "a"]})
    if "registries" not in a:  # a null that removes nothing the first time is all that differs the second time
        assert once == twice
    in_order, _ = models(workspace, template("a", a), template("b", b), model | {"extends": ["a", "b"]})
    at_once, _ = models(workspace, template("c", by_hand(a, b)), model | {"extends": "c"})
    alone = all(part.get("endpoint") is None or part.get("provider") is None for part in (a, b, by_hand(a, b)))
    if alone:
        assert in_order == at_once


@settings(max_examples=100, deadline=None)
@given(FIELDS, FIELDS, st.data())
def test_every_problem_has_a_place_that_is_there(
    workspace: Workspace, fields: dict[str, Any], own: dict[str, Any], data: st.DataObject
) -> None:
    """Whatever is wrong in a template or in its Model: a line of the text, in one of the two documents."""
    parts = [template("t", fields), {"kind": "Model", "key": "x", "extends": "t", **own}]
    number = data.draw(st.sampled_from((0, 1)))
    place = data.draw(st.sampled_from(places(parts[number])[1:]))
    parts[number] = changed(parts[number], place, lambda _: data.draw(st.sampled_from(ODD)))
    loaded = models(workspace, *parts)[1]
    lines = loaded.manifests.texts["<stdin>"].split("\n")
    for problem in loaded.validation().problems:
        assert problem.file == "<stdin>"
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
