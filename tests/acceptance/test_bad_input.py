"""Bad input: a clear error with a place, exit 1, nothing changed, soon and in bounded memory. In real processes."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final

import pytest
from cli.project import TERMINAL, Project, argv, model
from programs import HANGS

MEMORY: Final = 600 * 1024 * 1024  # bytes of address space that any refusal must do with
SECONDS: Final = 10
DEEP: Final = 1_000_000
BOMB: Final = "kind: Model\nkey: a\nmetadata:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
)
MERGE_BOMB: Final = "kind: Model\nkey: a\nmetadata:\n  a0: &a0 {x0: 1}\n" + "".join(
    f"  a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 9)}], x{level}: 1}}\n" for level in range(1, 12)
)


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def refuse(
    project: Project, *words: str, user: int | None = None, stdin: IO[bytes] | None = None
) -> subprocess.CompletedProcess[str]:
    """A run with little memory and time, which must end with 1, in words, and without a traceback."""
    ran = subprocess.run(
        argv(*words),
        cwd=project.root,
        capture_output=True,
        text=True,
        timeout=HANGS,
        preexec_fn=limited,
        user=user,
        stdin=stdin,
    )
    assert ran.returncode == 1, ran.stderr[-2000:]
    assert "Traceback" not in ran.stderr
    return ran


HOSTILE: dict[str, tuple[str, str | bytes, str]] = {
    "UTF-16": ("a.yaml", "kind: Model\nkey: a\n".encode("utf-16"), "a.yaml:1:1: error[encoding]"),
    "alias bomb": ("a.yaml", BOMB, "error[too-many-values]"),
    "merge bomb": ("a.yaml", MERGE_BOMB, "a.yaml:"),
    "a million lists, YAML": ("a.yaml", "kind: Model\nkey: a\nmetadata: {a: " + "[" * DEEP, "a.yaml:3:"),
    "a million maps, YAML": ("a.yaml", "kind: Model\nkey: a\nmetadata: " + "{a: " * DEEP, "a.yaml:3:"),
    "a million dashes": ("a.yaml", "- " * DEEP, "a.yaml:1:"),
    "a million lists, JSON": ("a.json", '{"kind": "Model", "key": "a", "metadata": ' + "[" * DEEP, "a.json:1:"),
    "a million maps, JSON": ("a.json", '{"a":' * DEEP, "a.json:1:"),
    "many closed lists": ("a.json", "[" * 5000 + "]" * 5000, "a.json:1:"),
    "a number of a million digits": (
        "a.yaml",
        "kind: Model\nkey: a\nmetadata: {a: " + "9" * 1_000_000 + "}\n",
        "a.yaml:3:",
    ),
    "a number of a million digits, JSON": (
        "a.json",
        '{"kind": "Model", "key": "a", "metadata": {"a": ' + "9" * 1_000_000 + "}}",
        "a.json:1:",
    ),
    "empty": ("a.yaml", "", "error[no-manifests]"),
    "only comments": ("a.yaml", "# nothing\n---\n# nothing\n", "error[no-manifests]"),
    "only NUL": ("a.yaml", b"\0" * 100, "a.yaml:1:1: error[encoding]"),
    "binary": ("a.yaml", bytes(range(256)), "a.yaml:"),
}


@pytest.mark.parametrize(("name", "content", "told"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_soon(project: Project, name: str, content: str | bytes, told: str) -> None:
    """No file, however made, takes the process down, the memory or the afternoon."""
    project.write(f"manifests/{name}", content)
    ran = refuse(project, "validate")
    assert told in ran.stdout
    assert len(ran.stdout) < 100_000
    refuse(project, "apply", "--yes")
    assert not (project.root / "registry.db").exists()


def test_a_file_of_100_mb_is_refused_unread(project: Project) -> None:
    """Size is looked at before content; stdin is cut off."""
    with (project.root / "big.yaml").open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)
    ran = refuse(project, "validate", "big.yaml")
    assert "big.yaml:1:1: error[too-large]" in ran.stdout
    with (project.root / "big.yaml").open("rb") as stream:
        piped = refuse(project, "validate", "-", stdin=stream)
    assert "<stdin>:1:1: error[too-large]" in piped.stdout


def test_an_endless_stdin_is_refused(project: Project) -> None:
    """`yes | reconciler validate -` ends."""
    with Path("/dev/zero").open("rb") as stream:
        ran = refuse(project, "validate", "-", stdin=stream)
    assert "too-large" in ran.stdout


def test_a_large_config_is_refused(project: Project) -> None:
    """The configuration is read as carefully as manifests."""
    project.write("reconciler.yaml", "variables: " + "[" * DEEP)
    project.manifest("a")
    assert "reconciler.yaml:1:" in refuse(project, "plan").stderr


# --- the file system --------------------------------------------------------------------------------------------------


def test_what_does_not_exist_is_named(project: Project) -> None:
    """A directory, a file, a glob or a configuration that is not there."""
    assert "manifests:1:1: error[no-such-path]" in project.run("validate").out
    for path in ("nothing", "nothing.yaml", "no/*.yaml", "manifests/../nothing/x.yaml"):
        answer = project.run("validate", path)
        assert (answer.code, "error[no-such-path]" in answer.out) == (1, True), answer.both
    answer = project.run("--config", "nothing.yaml", "plan")
    assert (answer.code, "nothing.yaml:1:1" in answer.err) == (1, True)


def test_without_any_project_the_way_in_is_shown(project: Project) -> None:
    """Who starts in an empty folder learns of `init`."""
    (project.root / "reconciler.yaml").unlink()
    assert "reconciler init" in project.run("plan").err


def test_a_fifo_never_hangs(project: Project) -> None:
    """Neither as a manifest nor behind a reference, nor as a secret, a plan or a configuration."""
    project.manifest(
        "a", description="${file:pipe.txt}", endpoint={"url": "https://x.example.com", "api_key": "${file:pipe.txt}"}
    )
    for name in ("manifests/pipe.yaml", "manifests/pipe.txt", "plan.json", "config.yaml"):
        os.mkfifo(project.root / name)
    ran = refuse(project, "validate")
    assert "manifests/pipe.yaml:1:1: error[unreadable]" in ran.stdout
    assert ran.stdout.count("error[missing-file]") == 2
    refuse(project, "apply", "--plan", "plan.json")
    refuse(project, "--config", "config.yaml", "plan")
    refuse(project, "validate", "manifests/pipe.txt")


def test_a_secret_that_became_a_fifo_is_refused(project: Project) -> None:
    """Between validate and apply a file can turn into anything."""
    project.write(
        "reconciler.yaml",
        "owner: us\nfingerprint_key: ${file:key}\nregistries: {local: {driver: local, path: r.db, default: true}}",
    )
    os.mkfifo(project.root / "key")
    project.manifest("a")
    assert "${file:key} is not a regular file" in refuse(project, "apply", "--yes").stderr


def test_links_that_loop_or_lead_outside_are_refused(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A checkout cannot make us read the rest of the disk, or read for ever."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "b.yaml").write_text("kind: Model\nkey: b\n")
    project.manifest("a")
    folder = project.root / "manifests"
    (folder / "loop.yaml").symlink_to("loop.yaml")
    (folder / "up").symlink_to("..", target_is_directory=True)
    (folder / "self").symlink_to(".", target_is_directory=True)
    (folder / "out.yaml").symlink_to(outside / "b.yaml")
    (folder / "out").symlink_to(outside, target_is_directory=True)
    (folder / "gone.yaml").symlink_to("nothing.yaml")
    problems = project.run("validate", "--format", "json").json("validate")["problems"]
    assert {problem["file"].removeprefix("manifests/"): problem["rule"] for problem in problems} == {
        "gone.yaml": "unreadable",
        "loop.yaml": "symlink-loop",
        "out": "link-outside",
        "out.yaml": "link-outside",
        "self": "symlink-loop",
        "up": "link-outside",
    }


def test_links_inside_are_followed_once(project: Project) -> None:
    """The same file under two names is one manifest."""
    project.manifest("a")
    (project.root / "manifests/sub").mkdir()
    (project.root / "manifests/sub/again.yaml").symlink_to("../a.yaml")
    (project.root / "manifests/also").symlink_to("sub", target_is_directory=True)
    assert project.ok("validate", "--format", "json").json("validate")["documents"] == 1


def test_a_reference_through_a_link_cannot_leave_the_project(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`${file:}` is judged by where it really leads."""
    outside = tmp_path_factory.mktemp("outside") / "secret.txt"
    outside.write_text("hunter2")
    project.manifest("a", description="${file:link.txt}")
    (project.root / "manifests/link.txt").symlink_to(outside)
    answer = project.run("validate")
    assert "file-outside-project" in answer.out
    assert "hunter2" not in answer.both


def without_rights(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    """One run that file modes hold for: root's own right to pass them by is laid down."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"] if os.geteuid() == 0 else []
    return subprocess.run([*drop, *argv(*words)], cwd=project.root, capture_output=True, text=True, timeout=HANGS)


def test_an_unreadable_file_and_folder_are_named(project: Project) -> None:
    """What may not be read is an error: skipping it would make it look deleted."""
    project.manifest("a")
    project.manifest("b").chmod(0)
    (project.root / "manifests/closed").mkdir(mode=0)
    ran = without_rights(project, "validate")
    assert ran.returncode == 1, ran.stderr
    assert "manifests/b.yaml:1:1: error[unreadable]" in ran.stdout
    assert "manifests/closed:1:1: error[unreadable]" in ran.stdout
    assert without_rights(project, "apply", "--yes", "--prune").returncode == 1
    assert "valid" in without_rights(project, "validate", "manifests/a.yaml").stdout


def test_a_read_only_folder_is_an_error_not_a_bug(project: Project) -> None:
    """Where the registry, a saved plan, an export or a schema cannot be written, it is said which; reading goes on working."""
    project.manifest("a")
    project.apply()
    project.manifest("b")
    (project.root / "registry.db").chmod(0o444)
    project.root.chmod(0o555)
    try:
        assert "1 to create" in without_rights(project, "plan").stdout
        ran = without_rights(project, "apply", "--yes")
        assert (ran.returncode, "registry.db" in ran.stdout) == (5, True), ran.stdout + ran.stderr
        for words in (
            ("plan", "--save", "p.json"),
            ("plan", "--output", "json=p.json"),
            ("schema",),
            ("init", "new"),
            ("export", "a", "-o", "x"),
        ):
            ran = without_rights(project, *words)
            assert (ran.returncode, "cannot be written" in ran.stderr, "Traceback" in ran.stderr) == (1, True, False), (
                ran.stderr
            )
        assert without_rights(project, "delete", "a", "--yes").returncode == 4
    finally:
        project.root.chmod(0o755)
    assert project.keys() == ["a"]


# --- the registry's file ------------------------------------------------------------------------------------------------


def test_a_registry_that_is_not_ours_is_refused(project: Project) -> None:
    """A text file, another program's database, a newer version of ours, a folder: exit 1, and left as it is."""
    project.manifest("a")
    path = project.root / "registry.db"

    def another() -> None:
        project.sql("CREATE TABLE theirs (x)")

    def newer() -> None:
        project.apply()
        project.sql("PRAGMA user_version = 99")

    makers: list[tuple[Callable[[], object], str]] = [
        (lambda: path.write_text("not a database, but long enough to be looked at " * 20), "not a SQLite database"),
        (another, "another program"),
        (newer, "newer reconciler"),
        (path.mkdir, "directory"),
    ]
    for make, told in makers:
        make()
        before = path.read_bytes() if path.is_file() else b""
        for words in (("plan",), ("apply", "--yes"), ("list",), ("drift",), ("delete", "a", "--yes")):
            answer = project.run(*words, "--format", "json")
            assert answer.code == 1, answer.both
            assert told in answer.json("error")["error"]["message"]
        assert (path.read_bytes() if path.is_file() else b"") == before
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture
def small_disk(project: Project) -> Iterator[Project]:
    """The project's folder `disk` is a disk of 1 MB."""
    disk = project.root / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk takes root")
    yield project
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_loses_nothing(small_disk: Project) -> None:
    """What did not fit is reported (5), what was stored is intact, and with room the next apply finishes."""
    project = small_disk
    project.write("reconciler.yaml", "owner: us\nregistries: {local: {driver: local, path: disk/r.db, default: true}}")
    documents = "---\n".join(f"kind: Model\nkey: m{number}\ndescription: {'x' * 8000}\n" for number in range(200))
    project.write("manifests/all.yaml", documents)
    answer = project.run("apply", "--yes", "--format", "json")
    assert answer.code == 5, answer.both[-500:]
    report = answer.json("apply")
    assert 0 < report["summary"]["created"] < 200
    assert "disk is full" in json.dumps(report)
    subprocess.run(["mount", "-o", "remount,size=20m", str(project.root / "disk")], check=True)
    assert len(project.keys()) == report["summary"]["created"]
    project.apply()
    assert project.plan() == {}


def test_a_backup_on_a_full_disk_removes_nothing(small_disk: Project) -> None:
    """Undo that cannot be written forbids the deletion."""
    project = small_disk
    project.manifest("a", description="x" * 100_000)
    project.apply()
    (project.root / "disk/filler").write_bytes(b"x" * 1_000_000)
    answer = project.run("delete", "a", "--yes", "--backup", "disk/backup")
    assert answer.code == 4
    assert project.keys() == ["a"]


def test_output_to_a_full_disk_is_no_bug(project: Project) -> None:
    """`> /dev/full` is an error in words, and apply stops before it writes."""
    project.manifest("a")
    for words in (("plan",), ("validate",), ("apply", "--yes")):
        with Path("/dev/full").open("w") as full:
            ran = subprocess.run(argv(*words), cwd=project.root, stdout=full, stderr=subprocess.PIPE, text=True)
        assert (ran.returncode, "Traceback" in ran.stderr) == (1, False)
    assert not (project.root / "registry.db").exists()


# --- strangers' names ---------------------------------------------------------------------------------------------------


NASTY: Final = "\x1b]0;owned\x07\x1b[2J\u202e\u200b\x9b31m\x7f"


def test_control_characters_never_reach_the_terminal(project: Project) -> None:
    """In names, descriptions, labels, keys, file names and errors, in every format of every command."""
    fields = {
        "display_name": f"n{NASTY}",
        "description": f"d{NASTY}",
        "labels": {f"l{NASTY}": f"v{NASTY}"},
        "tags": [f"t{NASTY}"],
    }
    project.write(f"manifests/{NASTY.replace('/', '')}.json", json.dumps(model("a", **fields)))
    said = [
        project.run("validate", "--format", output).both
        for output in ("text", "json", "github", "sarif", "junit", "codequality")
    ]
    said += [project.run("plan", "--format", output).both for output in ("text", "json", "markdown")]
    said += [project.run("apply", "--yes", "--format", output).both for output in ("text", "json", "markdown")]
    project.spoil("a", description=f"D{NASTY}", display_name=NASTY)
    project.sql("UPDATE revision SET actor = ?", f"by{NASTY}")
    for words in (("drift",), ("list",), ("get", "a"), ("history", "a"), ("drift", "--format", "markdown")):
        said.append(project.run(*words).both)
    said += [
        project.run(*words, "--format", "json").both
        for words in (("drift",), ("list",), ("get", "a"), ("history", "a"), ("export", "a"))
    ]
    said += [
        project.run("export", "a").both,
        project.run("export", "--all", "-o", "out").both,
        project.run("delete", "a", "--yes").both,
    ]
    said += [
        project.run("get", NASTY).both,
        project.run("validate", NASTY).both,
        project.run("--config", NASTY, "plan").both,
    ]
    said += [
        project.run("plan", "--select", NASTY).both,
        project.run("plan", "--registry", NASTY).both,
        project.run("plan", "--env", NASTY).both,
    ]
    said += [project.run("plan", "--save", f"saved{NASTY}").both, project.run("plan", "--output", NASTY).both]
    project.write(
        "manifests/bad.json",
        json.dumps({**model("b"), f"x{NASTY}": 1, "registries": {f"r{NASTY}": {}}, "ignore": [f"/{NASTY}"]}),
    )
    project.write("manifests/kind.json", json.dumps({"kind": f"k{NASTY}", "key": "c"}))
    said += [
        project.run("validate", "--format", output).both
        for output in ("text", "json", "github", "sarif", "junit", "codequality")
    ]
    project.sql("UPDATE object SET key = ?, deleted_at = NULL", f"key{NASTY}")
    said += [
        project.run(*words).both
        for words in (
            ("list",),
            ("list", "--format", "json"),
            ("export", "--all", "-o", "more"),
            ("get", f"key{NASTY}"),
        )
    ]
    for text in said:
        assert not TERMINAL & set(text), repr(text)


def test_markdown_is_escaped(project: Project) -> None:
    """A description cannot draw a table, mention a team, link or load an image in a pull request."""
    project.manifest("a", description="| x | ![i](https://evil.example.com/i.png) @team <img src=x> `code`\n# title")
    project.write("manifests/<b>|@team.yaml", "kind: Model\nkey: b\n")
    for words in (("plan",), ("apply", "--yes"), ("drift",)):
        text = project.run(*words, "--format", "markdown").out
        outside = re.sub(r"(?ms)^(`{3,}).*?^\1$", "", text)  # a fenced block means nothing but text
        for harm in ("<img", "<b>", "@team", "](", "\n# "):
            assert harm not in outside, text
        project.spoil("a", description="[x](javascript:alert(1)) | @team\n\n# x") if words[0] == "apply" else None


def test_unicode_survives_everywhere(project: Project) -> None:
    """Names in any script, and emoji, are the same after apply, get, export and a new plan."""
    fields = {
        "display_name": "Modèle 模型 🤖",
        "labels": {"équipe": "données", "名": "値"},
        "metadata": {"🤖": ["ß", "\u00e9", "e\u0301"]},
    }
    project.manifest("a", **fields)
    project.write("manifests/模型.yaml", "kind: Model\nkey: b\n")
    project.apply()
    spec = project.stored()["local/Model/a"]
    assert {name: spec[name] for name in fields} == fields
    assert "Modèle 模型 🤖" in project.ok("get", "a").out
    assert "模型.yaml" in project.ok("plan", "--format", "json").out or project.plan() == {}
    assert "équipe" in project.ok("export", "a").out


def test_a_file_name_that_is_not_utf_8_is_no_bug(project: Project) -> None:
    """Names on a disk are bytes; ours are shown as well as they can be."""
    path = os.fsencode(project.root / "manifests") + b"/caf\xe9.yaml"
    (project.root / "manifests").mkdir()
    Path(os.fsdecode(path)).write_text("kind: Model\nkey: a\nfoo: 1\n")
    for output in ("text", "json", "github", "sarif", "junit", "codequality"):
        assert project.run("validate", "--format", output).code == 1
    Path(os.fsdecode(path)).write_text("kind: Model\nkey: a\n")
    for output in ("text", "json", "markdown"):
        assert project.run("plan", "--format", output, "--save", "p.json", "--output", "json=o.json").code == 0
    project.ok("apply", "--plan", "p.json")
    assert project.plan() == {}


def test_half_a_surrogate_pair_is_no_bug(project: Project) -> None:
    """JSON can say what UTF-8 cannot: refused or kept, never a traceback."""
    project.write("manifests/a.json", '{"kind": "Model", "key": "a", "description": "x\\ud83dy"}')
    for words in (
        ("validate",),
        ("plan",),
        ("plan", "--save", "p.json"),
        ("apply", "--yes"),
        ("get", "a"),
        ("export", "a"),
        ("drift",),
    ):
        for output in ((), ("--format", "json")):
            answer = project.run(*words, *output)
            assert answer.code != 3, answer.both
