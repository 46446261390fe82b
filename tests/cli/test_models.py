"""`reconciler models`: what a provider offers, what of it is declared and stored, and manifests of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import yaml
from cli.project import TERMINAL, Project
from cli.terminal import terminal
from registry.aigo.server import Server as Aigo
from registry.aigo.server import aigo
from registry.memory import server
from registry.memory_server import Behaviour, Server

_places = itertools.count(1)

OFFERED = [
    {"name": "gpt-5-nano", "title": "GPT-5 nano"},
    {
        "name": "vendor/big model",
        "title": "Big",
        "about": "Costs ${env:HOME}, ${file:x}.",
        "limits": {"requests_per_minute": 6},
        "tags": ["${var:x}"],
    },
    {"name": "gpt-4o", "title": "GPT-4o"},
]


@pytest.fixture
def place(project: Project) -> Server:
    """The server of `mem`, a registry with the catalogue of `openai`. Beside it there is a local one."""
    url = f"memory://models-{next(_places)}"
    project.write(
        "reconciler.yaml",
        "owner: us\nregistries:\n  local: {driver: local, path: registry.db, default: true}\n"
        f"  mem: {{driver: memory, url: '{url}'}}\n",
    )
    there = server(url)
    there.catalogues["openai"] = [dict(model) for model in OFFERED]
    there.put("Provider", "openai", {"url": "https://api.example.com"})
    return there


def another(project: Project) -> None:
    """A second registry that has catalogues."""
    config = (project.root / "reconciler.yaml").read_text()
    project.write("reconciler.yaml", f"{config}  two: {{driver: memory, url: 'memory://two-{next(_places)}'}}\n")


def read(project: Project, name: str) -> dict[str, object]:
    found = yaml.safe_load((project.root / name).read_text())
    assert isinstance(found, dict)
    return found


def test_what_is_offered_is_a_table(project: Project, place: Server) -> None:
    """Sorted by name: its name at the provider, its key here, where it is declared, whether it is stored. Nothing is written."""
    place.put("Model", "openai.gpt-4o", {})
    project.write("manifests/a.yaml", "\n\nkind: Model\nkey: a\nregistries: {mem: {key: openai.gpt-5-nano}}\n")
    answer = project.ok("models", "openai")
    assert answer.out.splitlines() == [
        "MODEL             KEY                TITLE       DECLARED            STORED",
        "gpt-4o            openai.gpt-4o      GPT-4o      -                   yes",
        "gpt-5-nano        openai.gpt-5-nano  GPT-5 nano  manifests/a.yaml:3  -",
        "vendor/big model  openai.big model   Big         -                   -",
    ]
    assert (answer.err, place.writes) == ("", [])


def test_json_follows_its_schema(project: Project, place: Server) -> None:
    """The same for machines; `note` is null where there is nothing to say."""
    place.put("Model", "openai.gpt-4o", {})
    project.write("manifests/a.yaml", "kind: memory/Model\nkey: openai.gpt-4o\n")
    data = project.ok("models", "openai", "--format", "json").json("models")
    assert {name: data[name] for name in data if name != "models"} == {
        "format_version": "1.0",
        "registry": "mem",
        "provider": "openai",
        "note": None,
    }
    assert data["models"][:2] == [
        {
            "model": "gpt-4o",
            "key": "openai.gpt-4o",
            "title": "GPT-4o",
            "declared": {"file": "manifests/a.yaml", "line": 1},
            "stored": True,
        },
        {"model": "gpt-5-nano", "key": "openai.gpt-5-nano", "title": "GPT-5 nano", "declared": None, "stored": False},
    ]


def test_a_note_is_said(project: Project, place: Server) -> None:
    """What is missing from the list is on stderr, and in JSON in its place."""
    place.notice = "openai could not be reached\x1b[2J"
    assert project.ok("models", "openai").err == "warning: openai could not be reached\\x1b[2J\n"
    assert project.ok("models", "openai", "--format", "json").json("models")["note"] == place.notice


def test_a_provider_s_words_obey_nobody(project: Project, place: Server) -> None:
    """Names and titles are a stranger's: on the screen, and in the manifest's file."""
    place.catalogues["openai"] = [
        {"name": "../../\x1b[2Jx\n.y", "title": "\x9b\u202ex", "about": "a\nkind: Secret\n---"}
    ]
    assert not TERMINAL & set(project.ok("models", "openai").out)
    answer = project.ok("models", "openai", "--add", "../../\x1b[2Jx\n.y")
    assert answer.out == "manifests/2Jx-.y.yaml\n"
    manifest = read(project, "manifests/2Jx-.y.yaml")
    assert (manifest["key"], manifest["display_name"]) == ("2Jx-.y", "\x9b\u202ex")
    assert manifest["description"] == "a\nkind: Secret\n---"


def test_nothing_offered_is_said(project: Project, place: Server) -> None:
    """An empty catalogue is no error."""
    place.catalogues["openai"] = []
    assert project.ok("models", "openai").out == "openai offers nothing.\n"
    assert project.ok("models", "openai", "--format", "json").json("models")["models"] == []


# --- which registry ------------------------------------------------------------------------------------------------------


def test_several_catalogues_ask_which(project: Project, place: Server) -> None:
    """64, with the names; --registry decides."""
    another(project)
    answer = project.run("models", "openai")
    assert (answer.code, "several registries have a catalogue: mem, two" in answer.err) == (64, True)
    assert "--registry" in answer.err
    project.ok("models", "openai", "--registry", "mem")
    answer = project.run("models", "openai", "--registry", "two")
    assert (answer.code, "two knows no provider 'openai'" in answer.err) == (1, True)


@pytest.mark.parametrize("words", [("--registry", "local"), ()])
def test_no_catalogue_says_who_has_one(project: Project, words: tuple[str, ...]) -> None:
    """64: what was asked, and which drivers have catalogues."""
    answer = project.run("models", "openai", *words)
    assert (answer.code, answer.out) == (64, "")
    assert "no catalogue of a provider can be had through local (driver local)" in answer.err
    assert "latticeflow" in answer.err
    assert project.run("models", "openai", *words, "--format", "json").json("error")["error"]["code"] == "usage"


def test_an_unknown_registry_or_provider_is_told(project: Project, place: Server) -> None:
    """With what there is."""
    answer = project.run("models", "openai", "--registry", "memm")
    assert (answer.code, "did you mean 'mem'?" in answer.err) == (64, True)
    answer = project.run("models", "nobody")
    assert (answer.code, "no provider 'nobody'" in answer.err, "there is: openai" in answer.err) == (1, True, True)


def test_a_registry_that_fails_is_named(project: Project, place: Server) -> None:
    """The catalogue or the listing: 1, and no file is written."""
    for number, said in ((1, "mem: catalogue openai failed"), (2, "mem could not be read: list * failed")):
        place.become(Behaviour(fail_at=number))
        answer = project.run("models", "openai", "--add", "gpt-4o")
        assert (answer.code, answer.out, said in answer.err) == (1, "", True), answer.err
    assert not (project.root / "manifests").exists()


# --- --add ---------------------------------------------------------------------------------------------------------------


def test_a_manifest_is_written_and_can_be_applied(project: Project, place: Server) -> None:
    """It says what the catalogue says, is valid, and makes the model; the registry was only read for it."""
    answer = project.ok("models", "openai", "--add", "gpt-5-nano")
    assert (answer.out, answer.err, place.writes) == ("manifests/gpt-5-nano.yaml\n", "", [])
    assert (project.root / "manifests/gpt-5-nano.yaml").read_text() == (
        "kind: Model\nkey: gpt-5-nano\ndisplay_name: GPT-5 nano\nprovider:\n  name: openai\n  model: gpt-5-nano\n"
        "registries:\n  mem:\n    key: openai.gpt-5-nano\n"
    )
    project.ok("validate", "--strict")
    assert project.plan() == {"mem/Model/openai.gpt-5-nano": "create new"}
    project.apply()
    assert project.plan() == {}
    assert project.ok("test", "gpt-5-nano").out.startswith("mem/Model/openai.gpt-5-nano\n")
    row = project.ok("models", "openai", "--format", "json").json("models")["models"][1]
    assert (row["declared"], row["stored"]) == ({"file": "manifests/gpt-5-nano.yaml", "line": 1}, True)


def test_the_key_is_left_out_where_it_is_the_same(project: Project, place: Server) -> None:
    """`registries: {mem: {}}` is enough."""
    place.catalogues["openai"] = [{"name": "same", "title": "Same", "key": "same"}]
    project.ok("models", "openai", "--add", "same")
    assert read(project, "manifests/same.yaml")["registries"] == {"mem": {}}


def test_nothing_in_it_reads_as_a_reference(project: Project, place: Server) -> None:
    """A catalogue's text makes no run read a file or a variable; a name becomes a key that manifests may have."""
    answer = project.ok("models", "openai", "--add", "vendor/big model")
    assert answer.out == "manifests/vendor-big-model.yaml\n"
    manifest = read(project, "manifests/vendor-big-model.yaml")
    assert manifest["description"] == "Costs $${env:HOME}, $${file:x}."
    assert manifest["tags"] == ["$${var:x}"]
    assert manifest["limits"] == {"requests_per_minute": 6}
    assert manifest["provider"] == {"name": "openai", "model": "vendor/big model"}


def test_a_model_is_added_by_name_or_key_and_several_at_once(project: Project, place: Server) -> None:
    """Twice the same is once; JSON tells the files beside the list, in which they are declared now."""
    data = project.ok(
        "models",
        "openai",
        "--add",
        "gpt-4o",
        "--add",
        "openai.gpt-4o",
        "--add",
        "openai.gpt-5-nano",
        "--format",
        "json",
    ).json("models")
    assert data["written"] == ["manifests/gpt-4o.yaml", "manifests/gpt-5-nano.yaml"]
    assert [row["declared"] and row["declared"]["file"] for row in data["models"]] == [*data["written"], None]


def test_what_is_declared_already_is_said_and_left(project: Project, place: Server) -> None:
    """Wherever and however it is declared; the rest is written."""
    file = project.write(
        "manifests/mine.yaml", "# mine\nkind: Model\nkey: mine\nregistries: {mem: {key: openai.gpt-4o}}\n"
    )
    before = file.read_bytes()
    answer = project.ok("models", "openai", "--add", "gpt-4o", "--add", "gpt-5-nano")
    assert (answer.out, answer.err) == (
        "manifests/gpt-5-nano.yaml\n",
        "gpt-4o is declared already: manifests/mine.yaml:2\n",
    )
    answer = project.ok("models", "openai", "--add", "gpt-4o", "--format", "json", "-o", "x.yaml")
    assert answer.json("models")["written"] == []
    assert file.read_bytes() == before
    assert not (project.root / "x.yaml").exists()


def test_no_file_is_overwritten(project: Project, place: Server) -> None:
    """Not even a link that leads nowhere; all manifests are written, or none."""
    project.write("manifests/gpt-5-nano.yaml", "kind: Model\nkey: other\n")
    answer = project.run("models", "openai", "--add", "gpt-4o", "--add", "gpt-5-nano")
    assert (answer.code, "manifests/gpt-5-nano.yaml is there already" in answer.err) == (1, True)
    assert [path.name for path in (project.root / "manifests").iterdir()] == ["gpt-5-nano.yaml"]
    (project.root / "link.yaml").symlink_to(project.root / "nowhere.yaml")
    assert project.run("models", "openai", "--add", "gpt-4o", "-o", "link.yaml").code == 1
    assert not (project.root / "nowhere.yaml").exists()


def test_two_models_of_one_file_are_told(project: Project, place: Server) -> None:
    """Names that differ may give one key."""
    place.catalogues["openai"] = [{"name": "a/b", "title": "1"}, {"name": "a-b", "title": "2"}]
    answer = project.run("models", "openai", "--add", "a/b", "--add", "a-b")
    assert (answer.code, "would be one file: a-b.yaml" in answer.err) == (1, True)
    assert not (project.root / "manifests").exists()


def test_a_name_that_several_bear_asks_for_the_key(project: Project, place: Server) -> None:
    """64, with the keys."""
    place.catalogues["openai"] = [{"name": "x", "title": "1"}, {"name": "x", "title": "2"}]
    answer = project.run("models", "openai", "--add", "x")
    assert (answer.code, "2 models called 'x': openai.x, openai.x" in answer.err) == (64, True)


def test_an_unknown_model_is_told_with_the_nearest(project: Project, place: Server) -> None:
    """1, and nothing is written, not even of those that are known."""
    answer = project.run("models", "openai", "--add", "gpt-4o", "--add", "gtp-5-nano")
    assert (answer.code, "openai offers no 'gtp-5-nano' through mem" in answer.err) == (1, True)
    assert "did you mean 'gpt-5-nano'?" in answer.err
    answer = project.run("models", "openai", "--add", "zzz")
    assert "`reconciler models openai` lists what there is" in answer.err
    assert not (project.root / "manifests").exists()


@pytest.mark.parametrize(
    ("target", "file"),
    [
        ("one.yaml", "one.yaml"),
        ("deep/one.YML", "deep/one.YML"),
        ("folder", "folder/gpt-4o.yaml"),
        ("folder/", "folder/gpt-4o.yaml"),
        ("there.yaml", "there.yaml/gpt-4o.yaml"),
    ],
)
def test_the_target_is_a_folder_or_a_file(project: Project, place: Server, target: str, file: str) -> None:
    """A file where it ends like one and is no folder."""
    (project.root / "there.yaml").mkdir()
    assert project.ok("models", "openai", "--add", "gpt-4o", "-o", target).out == f"{file}\n"
    assert read(project, file)["key"] == "gpt-4o"


def test_a_target_that_makes_no_sense_is_a_usage_error(project: Project, place: Server) -> None:
    """64, and no file."""
    for words in (
        ("-o", "x"),
        ("--add", "gpt-4o", "-o", "x.json"),
        ("--add", "gpt-4o", "--add", "gpt-5-nano", "-o", "x.yaml"),
    ):
        assert project.run("models", "openai", *words).code == 64
    assert [path.name for path in project.root.iterdir()] == ["reconciler.yaml"]


def test_the_first_configured_folder_is_where_it_goes(
    project: Project, place: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files and globs are passed over; the path is told from where one stands, and the schema is found from there."""
    project.write("first.yaml", "kind: Model\nkey: first\n")
    config = (project.root / "reconciler.yaml").read_text()
    project.write("reconciler.yaml", f"{config}manifests: [first.yaml, later.yml, 'a/*', b/c, d]\n")
    project.ok("schema")
    (project.root / "below").mkdir()
    monkeypatch.chdir(project.root / "below")
    assert project.ok("models", "openai", "--add", "gpt-4o").out == "../b/c/gpt-4o.yaml\n"
    text = (project.root / "b/c/gpt-4o.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=../../schemas/manifest.schema.json\nkind: Model\n")
    project.write("reconciler.yaml", f"{config}manifests: ['a/*']\n")
    answer = project.run("models", "openai", "--add", "gpt-5-nano")
    assert (answer.code, "-o FOLDER" in answer.err) == (1, True)


def test_an_editor_s_comment_names_the_schema_if_it_can(project: Project, place: Server) -> None:
    """A path with a space in it would be cut: then there is none."""
    project.ok("schema")
    project.ok("models", "openai", "--add", "gpt-4o")
    first = (project.root / "manifests/gpt-4o.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../schemas/manifest.schema.json"
    for name in ("reconciler.yaml", "schemas/manifest.schema.json"):
        project.write(f"a b/{name}", (project.root / name).read_bytes())
    project.ok("models", "openai", "--config", "a b/reconciler.yaml", "--add", "gpt-4o", "-o", "out")
    assert (project.root / "out/gpt-4o.yaml").read_text().startswith("kind: Model\n")


def test_manifests_that_are_not_valid_are_mentioned(project: Project, place: Server) -> None:
    """What they declare is not known, so that it may be declared twice."""
    project.write("manifests/broken.yaml", "kind: Model\nkey: [\n")
    answer = project.ok("models", "openai", "--add", "gpt-4o")
    assert answer.err.count("warning: some manifests are not valid") == 1
    assert (project.root / "manifests/gpt-4o.yaml").is_file()


# --- the providers that are known ----------------------------------------------------------------------------------------


def test_without_provider_the_known_ones_are_listed_offline(project: Project, place: Server) -> None:
    """Local, streaming, chat, and other names of it; no registry is read, and not even a configuration is needed."""
    place.become(Behaviour(fail_at=1))
    before = list(place.calls)
    answer = project.ok("models")
    title, *lines = answer.out.splitlines()
    assert title.split() == ["PROVIDER", "LOCAL", "STREAMING", "CHAT", "ALSO", "CALLED"]
    rows = {line.split()[0]: line.split()[1:4] for line in lines}
    assert rows["ollama"] == rows["vllm"] == rows["llamacpp"] == rows["huggingface"] == ["yes", "yes", "yes"]
    assert rows["openai"] == rows["anthropic"] == ["no", "yes", "yes"]
    assert rows["triton"] == ["-", "yes", "yes"]
    assert rows["voyage"] == ["no", "no", "no"]
    assert list(rows) == sorted(rows)
    assert (answer.err, place.calls) == ("", before)
    (project.root / "reconciler.yaml").unlink()
    assert project.ok("models").out == answer.out


def test_the_known_providers_as_json(project: Project) -> None:
    """The same for machines, with null for what depends on where the model is served."""
    rows = {row["name"]: row for row in project.ok("models", "--format", "json").json("models")["providers"]}
    assert rows["openai"] == {
        "name": "openai",
        "aliases": ["openai-oauth2-client-creds", "text-completion-openai"],
        "local": False,
        "streaming": True,
        "chat": True,
    }
    assert rows["triton"]["local"] is None


@pytest.mark.parametrize("words", [("--add", "gpt-4o"), ("-o", "x.yaml"), ("--registry", "mem")])
def test_what_needs_a_provider_says_so(project: Project, place: Server, words: tuple[str, str]) -> None:
    """64: an option would do nothing."""
    for output in ((), ("--format", "json")):
        answer = project.run("models", *words, *output)
        assert (answer.code, f"{words[0]} needs PROVIDER" in answer.err) == (64, True)


# --- credentials ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def platform(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aigo]:
    """AI GO! as it is at first: it knows no provider's credentials. A secret is in the environment, and must stay there."""
    with aigo() as running:
        monkeypatch.setenv("AIGO_KEY", running.key)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-Zx81qLmW-of-the-environment")
        entry = f"{{driver: latticeflow, default: true, url: '{running.url}', api_key: '${{env:AIGO_KEY}}'}}"
        project.write("reconciler.yaml", f"owner: us\nregistries:\n  aigo: {entry}\n")
        yield running


def test_credentials_that_are_missing_are_declared_too(project: Project, platform: Aigo) -> None:
    """The seed's `lf model add`: the model and its provider's integration, with a reference and never a value; apply makes both."""
    assert "has no credentials of openai yet: --add declares them" in project.ok("models", "openai").err
    answer = project.ok("models", "openai", "--add", "gpt-5-nano")
    assert answer.out.splitlines() == ["manifests/gpt-5-nano.yaml", "manifests/openai-credentials.yaml"]
    assert answer.err == "Set in the environment, for apply: OPENAI_API_KEY\n"
    listed = project.ok("models", "openai").err
    assert "has no credentials of openai yet: apply stores those of manifests/openai-credentials.yaml:1" in listed
    assert (project.root / "manifests/openai-credentials.yaml").read_text() == (
        "kind: latticeflow/Integration\nkey: openai\nregistry: aigo\napi_key: ${env:OPENAI_API_KEY}\n"
    )
    project.ok("validate", "--strict")
    assert project.plan() == {
        "aigo/Integration/openai": "create new",
        "aigo/Model/openai$gpt-5-nano": "create new",
    }
    project.apply()
    assert project.plan() == {}
    assert project.ok("models", "openai").err == ""
    files = [path.read_text() for path in project.root.rglob("*.yaml")]
    assert not any("Zx81qLmW" in text for text in [*files, *(answer.both for answer in project.runs)])


def test_credentials_are_declared_once(project: Project, platform: Aigo) -> None:
    """Not where a manifest has them, and not where the registry has; JSON tells which variables are needed."""
    words = ("models", "openai", "--format", "json", "--add")
    data = project.ok(*words, "gpt-4o", "--add", "gpt-5-nano", "-o", "manifests/deep").json("models")
    assert data["written"] == [
        "manifests/deep/gpt-4o.yaml",
        "manifests/deep/gpt-5-nano.yaml",
        "manifests/deep/openai-credentials.yaml",
    ]
    assert (data["environment"], "stores those of" in data["note"]) == (["OPENAI_API_KEY"], True)
    data = project.ok(*words, "gpt-4.1").json("models")
    assert (data["written"], data["environment"]) == (["manifests/gpt-4.1.yaml"], [])
    project.apply()
    data = project.ok(*words, "text-embedding-3-small").json("models")
    assert (data["written"], data["note"]) == (["manifests/text-embedding-3-small.yaml"], None)


def test_a_file_in_the_place_of_credentials_stops_all(project: Project, platform: Aigo) -> None:
    """It is not overwritten, and the model's manifest is not written either."""
    project.write(
        "manifests/openai-credentials.yaml", "kind: latticeflow/Integration\nkey: anthropic\napi_key: ${env:A}\n"
    )
    answer = project.run("models", "openai", "--add", "gpt-4o")
    assert (answer.code, "manifests/openai-credentials.yaml is there already" in answer.err) == (1, True)
    assert [path.name for path in (project.root / "manifests").iterdir()] == ["openai-credentials.yaml"]


def test_a_driver_that_hands_out_a_secret_gets_none_written(project: Project, place: Server) -> None:
    """Whatever a driver gives as credentials, a file gets references."""
    place.catalogues["openai"] = [{"name": "same", "title": "Same"}]
    place.credentials = {"value": "sk-Zx81qLmW"}
    project.ok("models", "openai", "--add", "same")
    assert read(project, "manifests/openai-credentials.yaml") == {
        "kind": "memory/Secret",
        "key": "openai",
        "registry": "mem",
        "value": "${env:OPENAI_VALUE}",
    }


# --- on a terminal -------------------------------------------------------------------------------------------------------


def test_a_model_is_chosen_on_a_terminal(project: Project, platform: Aigo) -> None:
    """The seed's dialogue: a provider, then one of its models, by names or parts of them; the manifests are written."""
    with terminal(project, "models") as screen:
        for question, typed in (
            ("Provider (", "opnai\n"),
            ("did you mean 'openai'?", "cohere\n"),
            ("AI GO! knows no provider 'cohere'", "openai\n"),
            ("Model (", "gpt\n"),
            ("  gpt-5-nano", "5-nano\n"),
        ):
            screen.wait_for(question)
            screen.type(typed)
        assert screen.end() == 0, screen.seen
    assert "STREAMING" in screen.seen
    for name in ("gpt-5-nano", "openai-credentials"):
        assert f"manifests/{name}.yaml" in screen.seen
        assert (project.root / f"manifests/{name}.yaml").is_file()
    assert read(project, "manifests/gpt-5-nano.yaml")["registries"] == {"aigo": {"key": "openai$gpt-5-nano"}}


@pytest.mark.parametrize(("typed", "code"), [("\n", 0), ("openai\n\n", 0), ("\x03", 130), ("\x04", 130)])
def test_nothing_is_written_by_whoever_leaves(project: Project, platform: Aigo, typed: str, code: int) -> None:
    """An empty answer ends it, as do Ctrl-C and Ctrl-D."""
    with terminal(project, "models") as screen:
        screen.wait_for("Provider (")
        screen.type(typed)
        assert screen.end() == code, screen.seen
    assert "Traceback" not in screen.seen
    assert not (project.root / "manifests").exists()


def test_where_nothing_can_be_chosen_nothing_is_asked(project: Project) -> None:
    """The providers are listed all the same, and why no question comes is said."""
    with terminal(project, "models") as screen:
        assert screen.end() == 0, screen.seen
    assert "openai" in screen.seen
    assert "no model can be chosen: no catalogue of a provider can be had through local" in screen.seen
    entry = "{driver: latticeflow, default: true, url: 'http://127.0.0.1:1', api_key: '${env:NOT_THERE}'}"
    project.write("reconciler.yaml", f"registries:\n  aigo: {entry}\n")
    with terminal(project, "models") as screen:
        assert screen.end() == 0, screen.seen
    assert "NOT_THERE is not set" in screen.seen
