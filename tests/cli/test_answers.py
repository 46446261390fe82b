"""What each command answers: JSON under our schemas and nothing else on stdout, files beside it, global options anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from cli.project import Project
from jsonschema import Draft202012Validator

from reconciler import __version__
from reconciler.core.schema.answers import OUTPUTS


@pytest.fixture
def stored(project: Project) -> Project:
    """A project with `a` (changed since) and `b` stored, `c` new, and an orphan `d`."""
    for key in "abd":
        project.manifest(key, labels={"team": "cx" if key == "a" else "ml"})
    project.apply()
    project.remove("d")
    project.manifest("a", description="new", labels={"team": "cx"})
    project.manifest("c", labels={"team": "cx", "tier": "1"})
    return project


ANSWERS = [
    (("validate",), "validate", 0),
    (("validate", "--strict"), "validate", 0),
    (("validate", "nothing"), "validate", 1),
    (("plan",), "plan", 0),
    (("plan", "--prune"), "plan", 0),
    (("plan", "--detailed-exitcode"), "plan", 2),
    (("plan", "nothing"), "error", 1),
    (("drift",), "plan", 2),
    (("drift", "nothing"), "error", 1),
    (("apply", "--yes"), "apply", 0),
    (("apply", "--yes", "nothing"), "error", 1),
    (("apply", "--plan", "nothing"), "error", 1),
    (("list",), "list", 0),
    (("get", "a"), "get", 0),
    (("get", "nothing"), "error", 1),
    (("history", "a"), "history", 0),
    (("history", "nothing"), "error", 1),
    (("delete", "b", "--yes"), "apply", 0),
    (("delete", "nothing", "--yes"), "error", 1),
    (("export", "nothing"), "error", 1),
]


@pytest.mark.parametrize(("words", "schema", "code"), ANSWERS, ids=[" ".join(words) for words, _, _ in ANSWERS])
def test_json_is_one_valid_object_and_nothing_else(
    stored: Project, words: tuple[str, ...], schema: str, code: int
) -> None:
    """Every answer and every failure in JSON follows its published schema, and stdout holds only that."""
    answer = stored.run(*words, "--format", "json")
    assert answer.code in (code, 2 if words == ("drift",) else code), answer.both
    assert answer.json(schema)["format_version"] == "1.0"
    if (
        schema == "error"
        and words[0] in ("plan", "drift", "apply")
        and words[-1] == "nothing"
        and "--plan" not in words
    ):
        assert answer.json()["problems"][0]["rule"] == "no-such-path"


@pytest.mark.parametrize(
    "command", ["plan", "apply", "drift", "list", "get a", "history a", "export a", "delete a", "validate", "schema"]
)
def test_a_broken_configuration_is_told_in_json(stored: Project, command: str) -> None:
    """A configuration that cannot be used is the same error with places in every command."""
    stored.write("reconciler.yaml", "owner: us\nregistires: {}\n")
    output = [] if command == "schema" else ["--format", "json"]
    answer = stored.run(*command.split(), *output)
    assert answer.code == 1, answer.both
    if output:
        problem = answer.json("error")["problems"][0]
        assert (problem["file"], problem["line"], problem["rule"], problem["suggestion"]) == (
            "reconciler.yaml",
            2,
            "unknown-field",
            "registries",
        )
    else:
        assert "reconciler.yaml:2:1" in answer.err


def test_several_formats_come_from_one_run(stored: Project) -> None:
    """`--output FORMAT=FILE` beside `--format`, folders made on the way; each file is whole."""
    answer = stored.ok(
        "plan", "--format", "markdown", "--output", "json=out/plan.json", "--output", "text=out/plan.txt"
    )
    assert json.loads((stored.root / "out/plan.json").read_text())["summary"]["create"] == 1
    assert "1 to create" in (stored.root / "out/plan.txt").read_text()
    assert answer.out.startswith("#") or "**" in answer.out
    report = stored.ok(
        "apply", "--yes", "--format", "json", "--output", "markdown=out/report.md", "--output", "text=out/report.txt"
    )
    assert report.json("apply")["summary"]["created"] == 1
    assert (stored.root / "out/report.md").read_text().strip()
    assert stored.run("drift", "--output", "json=out/drift.json").code == 0
    assert not [path.name for path in (stored.root / "out").iterdir() if path.name.startswith(".")]


def test_an_output_that_cannot_be_written_stops_the_run_before_it_begins(stored: Project) -> None:
    """1 means that nothing was written, so an impossible output is found first; stdout holds one JSON object."""
    stored.write("file", "x")
    before = stored.stored()
    for output in ("json=manifests", "json=file/below/x.json"):
        answer = stored.run("apply", "--yes", "--format", "json", "--output", output)
        assert (answer.code, answer.json("error")["error"]["code"]) == (1, "input")
        answer = stored.run("plan", "--format", "json", "--save", output.partition("=")[2])
        assert (answer.code, answer.json("error")["error"]["code"]) == (1, "input")
    assert stored.stored() == before


def test_global_options_stand_before_or_after_the_command(stored: Project) -> None:
    """--config, --env, --no-color, -v and --version mean the same on both sides."""
    stored.write(
        "other.yaml",
        "owner: other\nregistries: {elsewhere: {driver: local, path: other.db, default: true}}\nenvironments: {prod: {}}\n",
    )
    for words in (
        ("--config", "other.yaml", "plan"),
        ("plan", "--config", "other.yaml"),
        ("--config", "nothing.yaml", "plan", "--config", "other.yaml"),
    ):
        assert set(stored.plan(*words[1:]) if words[0] == "plan" else stored_plan(stored, words)) == {
            f"elsewhere/Model/{key}" for key in "abc"
        }
    for words in (
        ("--env", "prod", "--config", "other.yaml", "plan"),
        ("plan", "-v", "--config", "other.yaml", "--env", "prod", "--no-color"),
    ):
        assert "prod" in stored.ok(*words).out
    for words in (("--version",), ("plan", "--version")):
        assert stored.ok(*words).out.strip() == f"reconciler, version {__version__}"


def test_verbose_says_what_is_in_force(stored: Project) -> None:
    """-v names the configuration, the environment and where each registry is, on stderr; stdout stays the same."""
    loud, quiet = stored.ok("plan", "-v", "--format", "json"), stored.ok("plan", "--format", "json")
    assert "configuration: reconciler.yaml, environment: none" in loud.err
    assert f"registry local: local {stored.root / 'registry.db'}, owner: us" in loud.err
    assert (loud.out, quiet.err) == (quiet.out, "")


def stored_plan(project: Project, words: tuple[str, ...]) -> dict[str, str]:
    return {
        change["address"]: change["reason"] for change in project.ok(*words, "--format", "json").json("plan")["changes"]
    }


def test_the_configuration_comes_from_the_environment_too(stored: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """RECONCILER_CONFIG names it; --config is stronger; empty is as good as unset."""
    stored.write("other.yaml", "registries: {elsewhere: {driver: local, path: other.db, default: true}}")
    monkeypatch.setenv("RECONCILER_CONFIG", "other.yaml")
    assert set(stored.plan()) == {f"elsewhere/Model/{key}" for key in "abc"}
    assert "local/Model/a" in stored.plan("--config", "reconciler.yaml")
    monkeypatch.setenv("RECONCILER_CONFIG", "")
    assert "local/Model/a" in stored.plan()
    monkeypatch.setenv("RECONCILER_CONFIG", "nothing.yaml")
    assert stored.run("plan").code == 1


def test_an_output_that_fails_after_the_work_does_not_hide_it(stored: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is on stdout, the error on stderr, and the exit code is not that of a run that wrote nothing."""
    monkeypatch.setattr("reconciler.cli.session.check_writable", lambda path: None)
    answer = stored.run("apply", "--yes", "--format", "json", "--output", "json=manifests")
    assert (answer.code, answer.json("apply")["summary"]["created"]) == (5, 1)
    assert "manifests cannot be written" in answer.err


REFUSALS = {
    "invalid manifests": (("plan",), 1, "manifests", "unknown-field"),
    "drift of invalid manifests": (("drift",), 1, "manifests", "unknown-field"),
    "apply of invalid manifests": (("apply", "--yes"), 1, "manifests", "unknown-field"),
    "a guard": (("apply", "--yes", "--prune"), 4, "refused", "--allow-deletes"),
    "a stale plan": (("apply", "--plan", "plan.json"), 4, "refused", "local/Model/a"),
    "wrong usage": (("plan", "--registry", "nope"), 64, "usage", "nope"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_an_output_says_why_there_is_no_answer(project: Project, case: str) -> None:
    """A step's summary tells of the failure and not of an earlier run, in every format, with a bot's marker at the top."""
    words, code, word, told = REFUSALS[case]
    for number in range(12):
        project.manifest("a" if number == 0 else f"m{number}")
    project.apply()
    if case == "a stale plan":
        project.manifest("a", description="one")
        project.ok("plan", "--save", "plan.json")
        project.spoil("a", description="two")
    elif case == "a guard":
        project.remove(*(f"m{number}" for number in range(1, 12)))
    elif case != "wrong usage":
        project.write("manifests/wrong.yaml", "kind: Model\nkey: b\n'f<b>@oo': 1\n")
    outputs = {name: project.write(f"out.{name}", "an earlier run") for name in ("json", "text", "markdown")}
    answer = project.run(*words, *(f"--output={name}={path}" for name, path in outputs.items()))
    assert answer.code == code, answer.both
    error = json.loads(outputs["json"].read_text())
    assert (error["format_version"], error["error"]["code"]) == ("1.0", word)
    Draft202012Validator(OUTPUTS["error"]).validate(error)
    text, markdown = outputs["text"].read_text(), outputs["markdown"].read_text()
    assert told in text
    assert error["error"]["message"] in text
    marker = {"plan": "plan", "drift": "drift", "apply": "report"}[words[0]]
    title = f"### {words[0].capitalize()}: {'refused' if code == 4 else 'failed'}"
    assert markdown.startswith(f"<!-- reconciler:{marker} -->\n\n{title}\n\n> [!CAUTION]\n> ")
    assert told in markdown
    assert "<b>" not in markdown
    assert "@oo" not in markdown


def test_stdout_is_not_a_file(stored: Project) -> None:
    """`--output json=-` is told that --format writes to stdout, and makes no file called `-`."""
    answer = stored.run("plan", "--output", "json=-")
    assert (answer.code, "--format json" in answer.err) == (64, True)
    assert not (stored.root / "-").exists()


# --- which part --------------------------------------------------------------------------------------------------------


def test_a_plan_of_a_part(stored: Project) -> None:
    """PATH, a quoted glob, stdin, --select and --registry choose; a part never speaks of orphans."""
    assert set(stored.plan("manifests/a.yaml")) == {"local/Model/a"}
    assert set(stored.plan("manifests/[ab].yaml")) == {"local/Model/a"}
    assert set(stored.plan("manifests/**/c.yaml", "manifests/a.yaml")) == {"local/Model/a", "local/Model/c"}
    assert set(stored.plan("--select", "team=cx")) == {"local/Model/a", "local/Model/c"}
    assert set(stored.plan("--select", "team=cx", "--select", "tier=1")) == {"local/Model/c"}
    assert set(stored.plan("--select", "team=cx,tier=1")) == {"local/Model/c"}
    assert set(stored.plan("--registry", "local")) == {"local/Model/a", "local/Model/c"}
    for words in (("manifests/a.yaml",), ("--select", "team=cx")):
        assert stored.run("plan", "--format", "json", *words).json("plan")["orphans"] == []
    assert stored.run("plan", "--format", "json").json("plan")["orphans"] == ["local/Model/d"]


def test_manifests_on_stdin(stored: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` is standard input, with places in `<stdin>` and paths relative to the working directory."""
    stored.write("note.txt", "hello")
    (stored.root / "stdin").write_text(
        "kind: Model\nkey: z\nprovider: {name: openai, model: m}\ndescription: ${file:note.txt}\n---\nkind: Model\nkey: y\nfoo: 1\n"
    )
    with (stored.root / "stdin").open() as stream:
        ran = stored.command("validate", "-", "--format", "json", stdin=stream)
    problem = json.loads(ran.stdout)["problems"][0]
    assert (ran.returncode, problem["file"], problem["line"], problem["rule"]) == (1, "<stdin>", 8, "unknown-field")
    (stored.root / "stdin").write_text("kind: Model\nkey: z\ndescription: ${file:note.txt}\n")
    with (stored.root / "stdin").open() as stream:
        ran = stored.command("apply", "-", "--yes", "--format", "json", stdin=stream)
    assert json.loads(ran.stdout)["summary"]["created"] == 1
    assert stored.stored()["local/Model/z"]["description"] == "hello"


def test_a_subset_is_checked_against_the_whole(project: Project) -> None:
    """pre-commit passes some names: the problems told are theirs, but a clash with the others is found."""
    project.manifest("a")
    project.write("manifests/again.yaml", "kind: Model\nkey: a\nprovider: {name: openai, model: m}\n")
    project.write("manifests/broken.yaml", "kind: Model\nkey: x\nfoo: 1\n")
    project.manifest("fine")
    answer = project.run("validate", "manifests/again.yaml", "--format", "json").json("validate")
    assert [(problem["file"], problem["rule"]) for problem in answer["problems"]] == [
        ("manifests/again.yaml", "duplicate-address")
    ]
    assert "manifests/a.yaml:1" in answer["problems"][0]["message"]
    assert (answer["files"], answer["documents"]) == (1, 1)
    answer = project.run("validate", "manifests/fine.yaml", "manifests/broken.yaml", "--format", "json").json(
        "validate"
    )
    assert [problem["file"] for problem in answer["problems"]] == ["manifests/broken.yaml"]
    assert (answer["files"], answer["documents"]) == (2, 2)
    assert project.run("validate", "manifests/fine.yaml").code == 0


def test_names_are_relative_to_where_one_stands(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration is found upward; files are shown from the working directory, with `/`."""
    project.write("manifests/deep/a.yaml", "kind: Model\nkey: a\nfoo: 1\n")
    monkeypatch.chdir(project.root / "manifests")
    assert project.run("validate", "--format", "json").json("validate")["problems"][0]["file"] == "deep/a.yaml"
    monkeypatch.chdir(project.root / "manifests/deep")
    assert project.run("validate", "--format", "json").json("validate")["problems"][0]["file"] == "a.yaml"
    project.write("manifests/deep/a.yaml", "kind: Model\nkey: a\n")
    project.apply()
    assert (project.root / "registry.db").is_file()
    assert project.plan("../deep/a.yaml") == {}


# --- the commands that look ----------------------------------------------------------------------------------------------


def test_a_key_that_names_several_objects_lists_them(project: Project) -> None:
    """KEY is a key or an address; several matches are a usage error with every address."""
    project.write(
        "reconciler.yaml",
        "registries: {one: {driver: local, path: 1.db, default: true}, two: {driver: local, path: 2.db, default: true}}",
    )
    project.manifest("a", endpoint={"url": "https://x.example.com", "api_key": "${env:K}"})
    project.apply()
    for command in (
        ("get", "a"),
        ("delete", "a", "--yes"),
        ("export", "a"),
        ("history", "a"),
        ("plan", "--rotate", "a"),
    ):
        answer = project.run(*command)
        assert answer.code == 64, answer.both
        assert "one/Model/a, two/Model/a" in answer.err
    for address in ("one/Model/a", "two/Model/a"):
        assert project.ok("get", address, "--format", "json").json("get")["address"] == address
        assert project.ok("history", address, "--format", "json").json("history")["address"] == address
    assert set(project.plan("--rotate", "one/Model/a")) == {"one/Model/a"}
    project.ok("delete", "one/Model/a", "--yes")
    assert [row["address"] for row in project.ok("list", "--format", "json").json("list")["resources"]] == [
        "two/Model/a"
    ]
    assert project.ok("list", "--registry", "one", "--format", "json").json("list")["resources"] == []


def test_an_empty_registry_is_listed_as_empty(project: Project) -> None:
    """Looking makes no file."""
    project.manifest("a")
    assert project.ok("list", "--format", "json").json("list")["resources"] == []
    assert project.ok("list").out.strip()
    project.ok("plan")
    assert project.run("history", "a").code == 1
    assert not (project.root / "registry.db").exists()


def test_history_tells_who_when_and_what(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newest first, also of what was deleted, with the plan that wrote it."""
    monkeypatch.setenv("GITHUB_ACTOR", "octocat")
    project.manifest("a", description="one")
    project.apply()
    project.manifest("a", description="two")
    fingerprint = project.run("plan", "--format", "json").json("plan")["fingerprint"]
    project.apply()
    project.ok("delete", "a", "--yes")
    rows = project.ok("history", "a", "--format", "json").json("history")["revisions"]
    assert [(row["action"], row["actor"], row["spec"]["description"]) for row in rows] == [
        ("delete", "octocat", "two"),
        ("update", "octocat", "two"),
        ("create", "octocat", "one"),
    ]
    assert rows[1]["plan"] == fingerprint


def test_export_writes_where_it_is_told(stored: Project) -> None:
    """One file, a folder that exists, a name that ends in `/`, several keys; never over a file without --force."""
    stored.ok("export", "a", "-o", "one.yaml")
    assert yaml.safe_load((stored.root / "one.yaml").read_text())["key"] == "a"
    stored.ok("export", "a", "-o", "folder/")
    stored.ok("export", "a", "b", "-o", "several")
    (stored.root / "there").mkdir()
    stored.ok("export", "a", "-o", "there", "--format", "json")
    assert sorted(str(path.relative_to(stored.root)) for path in stored.root.rglob("local/**/*.*")) == [
        "folder/local/Model/a.yaml",
        "several/local/Model/a.yaml",
        "several/local/Model/b.yaml",
        "there/local/Model/a.json",
    ]
    (stored.root / "several/local/Model/b.yaml").unlink()
    answer = stored.run("export", "a", "b", "-o", "several")
    assert (answer.code, "--force" in answer.err) == (1, True)
    assert not (stored.root / "several/local/Model/b.yaml").exists(), "all or nothing"
    (stored.root / "one.yaml").write_text("mine")
    assert stored.run("export", "b", "-o", "one.yaml").code == 1
    assert (stored.root / "one.yaml").read_text() == "mine"
    stored.ok("export", "b", "-o", "one.yaml", "--force")
    assert yaml.safe_load((stored.root / "one.yaml").read_text())["key"] == "b"


def test_export_to_stdout_can_be_applied(stored: Project) -> None:
    """`export --all | apply -` is a no-op."""
    text = stored.ok("export", "--all").out
    assert [document["key"] for document in yaml.safe_load_all(text)] == ["a", "b", "d"]
    ran = stored.command("plan", "-", "--detailed-exitcode", input=text)
    assert ran.returncode == 0, ran.stdout
    assert len(stored.ok("export", "a", "b", "--format", "json").json()["manifests"]) == 2
    assert stored.ok("export", "a", "--format", "json").json()["kind"] == "Model"


def test_one_manifest_in_json_is_an_answer_and_a_manifest(stored: Project) -> None:
    """Every JSON answer bears a format_version; a file holds a manifest and nothing else."""
    document = stored.ok("export", "a", "--format", "json").json()
    assert (next(iter(document)), document["format_version"], document["kind"]) == ("format_version", "1.0", "Model")
    for words in (("a", "b"), ("--all",)):
        answer = stored.ok("export", *words, "--format", "json").json()
        assert answer["format_version"] == "1.0"
        assert all("format_version" not in manifest for manifest in answer["manifests"])
    stored.ok("export", "a", "--format", "json", "-o", "a.json")
    assert "format_version" not in json.loads((stored.root / "a.json").read_text())


def test_an_export_of_nothing_is_nothing(project: Project) -> None:
    """stdout stays empty, or holds an empty answer in JSON; stderr says why."""
    answer = project.ok("export", "--all")
    assert (answer.out, "empty" in answer.err) == ("", True)
    assert project.ok("export", "--all", "--format", "json").json() == {"format_version": "1.0", "manifests": []}
    assert "both" in project.run("export", "a", "--all").err


def test_an_address_reads_only_its_own_registry(project: Project) -> None:
    """A registry that cannot be read is in nobody's way who does not ask for it, and is named to who does."""
    two = "registries: {one: {driver: local, path: 1.db, default: true}, two: {driver: local, path: 2.db}}"
    project.write("reconciler.yaml", two)
    project.manifest("a")
    project.apply()
    (project.root / "2.db").mkdir()
    project.ok("get", "one/Model/a")
    project.ok("history", "one/Model/a")
    project.ok("export", "one/Model/a")
    for key in ("a", "two/Model/a", "one/Nothing/a", "one/Model/"):
        for command in ("get", "history", "export", "delete"):
            answer = project.run(command, key)
            assert (answer.code, "two could not be read" in answer.err) == (1, True), answer.both
    assert project.run("export", "one/Model/a", "b").code == 1
    project.ok("delete", "one/Model/a", "--yes")
    assert project.ok("list", "--registry", "one", "--format", "json").json("list")["resources"] == []


def test_a_selector_that_matches_nothing_is_a_usage_error(stored: Project) -> None:
    """A typo must not look like success: the labels that there are, are named."""
    for command in (("plan",), ("apply", "--yes"), ("drift",)):
        answer = stored.run(*command, "--select", "team=nobody", "--format", "json")
        assert answer.code == 64
        assert "--select team=nobody matches no manifest" in answer.err
        assert "team=cx" in answer.err
    assert stored.ok("plan", "--select", "team=cx").err == ""


def test_delete_warns_of_a_manifest_that_brings_it_back(stored: Project) -> None:
    """Deleting what is still declared lasts until the next apply, and is said."""
    assert "manifests/b.yaml:1" in stored.ok("delete", "b", "--yes").err
    assert stored.ok("delete", "d", "--yes").err == ""


# --- init and schema -----------------------------------------------------------------------------------------------------


def test_init_makes_a_project_that_works(project: Project) -> None:
    """validate, plan and apply work in it at once; a second init leaves everything as it is."""
    (project.root / "reconciler.yaml").unlink()
    project.ok("init")
    for name in (
        "reconciler.yaml",
        "manifests/support-chat.yaml",
        ".pre-commit-config.yaml",
        ".vscode/settings.json",
        "schemas/manifest.schema.json",
    ):
        assert (project.root / name).is_file()
    project.ok("validate", "--strict")
    project.ok("schema", "--check")
    project.apply()
    assert project.plan() == {}
    files = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    project.ok("init")
    assert files == {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    config = (project.root / "reconciler.yaml").read_text()
    manifest = (project.root / "manifests/support-chat.yaml").read_text()
    assert "variables: {llm_host: llm.example.com}" in config
    assert "https://${var:llm_host}/v1" in manifest
    project.ok("init", "below/another")
    assert (project.root / "below/another/reconciler.yaml").is_file()


def test_schemas_lie_beside_the_configuration(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever `schema` is run, and whoever names the configuration: the schemas are those that manifests refer to."""
    project.ok("init", "below/another")
    named = ("schema", "--check", "--config", "below/another/reconciler.yaml")
    project.ok(*named)
    (project.root / "below/another/schemas/plan.schema.json").unlink()
    assert "stale: below/another/schemas/plan.schema.json" in project.run(*named).err
    monkeypatch.chdir(project.root / "below/another/manifests")
    assert "../schemas/plan.schema.json" in project.ok("schema").out
    assert not (project.root / "below/another/manifests/schemas").exists()


def test_schema_check_finds_stale_files(project: Project) -> None:
    """CI fails where the schemas on disk are not those of the configuration."""
    assert project.run("schema", "--check").code == 1
    project.ok("schema", "--out", "schemas")
    project.ok("schema", "--check")
    project.write("reconciler.yaml", "registries: {other: {driver: local, default: true}}")
    answer = project.run("schema", "--check")
    assert (answer.code, "stale" in answer.err, "reconciler schema" in answer.err) == (1, True, True)
    Path(project.root / "schemas/plan.schema.json").write_bytes(b"\xff")
    assert "plan.schema.json" in project.run("schema", "--check").err
