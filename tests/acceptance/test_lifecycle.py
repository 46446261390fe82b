"""The life of a model, end to end through the command line on the local registry: design §5, sentence by sentence."""

from __future__ import annotations

import json

import pytest
from cli.project import CONFIG, Project

OURS = "owner: us\nregistries: {{local: {{driver: local, path: registry.db, default: true}}}}\n{0}"
THEIRS = "owner: them\nregistries: {local: {driver: local, path: registry.db, default: true}}\n"


def test_a_second_apply_has_nothing_to_do(project: Project) -> None:
    """It converges: after an apply the plan is empty, exit code 0, and a terminal is not needed."""
    for key in ("a", "b", "c"):
        project.manifest(
            key, parameters={"temperature": 1.0, "n": 2}, tags=["y", "x", "x"], metadata={"deep": [{"a": None}]}
        )
    assert project.plan() == {f"local/Model/{key}": "create new" for key in "abc"}
    project.apply()
    assert project.run("plan", "--detailed-exitcode").code == 0
    again = project.ok("apply")
    assert "3 unchanged" in again.out


def test_a_registry_of_another_name_converges(project: Project) -> None:
    """Nothing depends on the registry being called `local`."""
    project.write("reconciler.yaml", "owner: us\nregistries: {prod-models: {driver: local, path: r.db, default: true}}")
    project.manifest("a", endpoint={"url": "https://x.example.com", "api_key": "${env:KEY}"})
    project.apply()
    assert project.plan() == {}
    assert project.ok("get", "prod-models/Model/a").code == 0
    assert (
        project.ok("history", "prod-models/Model/a", "--format", "json").json("history")["address"]
        == "prod-models/Model/a"
    )


def test_a_removed_field_is_removed(project: Project) -> None:
    """The manifest is the whole truth of the object it declares."""
    project.manifest("a", description="x", labels={"a": "b", "c": "d"})
    project.apply()
    project.manifest("a", labels={"a": "b"})
    plan = project.run("plan", "--format", "json").json("plan")
    assert [field["path"] for field in plan["changes"][0]["fields"]] == ["/description", "/labels/c"]
    assert all("after" not in field for field in plan["changes"][0]["fields"])
    project.apply()
    assert project.stored()["local/Model/a"]["labels"] == {"a": "b"}
    assert "description" not in project.stored()["local/Model/a"]


# --- ownership ------------------------------------------------------------------------------------------------------


def test_an_object_without_an_owner_is_adopted(project: Project) -> None:
    """What nobody marked becomes ours, and the plan says so."""
    project.manifest("a", description="x")
    project.apply()
    project.sql("UPDATE revision SET mark = NULL")
    assert project.plan() == {"local/Model/a": "update adopt"}
    assert project.run("drift").code == 0
    project.apply()
    assert project.plan() == {}
    assert project.ok("list", "--format", "json").json("list")["resources"][0]["owner"] == "us"


def test_another_owners_object_is_a_conflict(project: Project) -> None:
    """Nothing of somebody else's is touched: not by update, absent, delete or prune, until that owner is named."""
    project.manifest("a", description="x")
    project.apply()
    project.write("reconciler.yaml", THEIRS)
    project.manifest("a", description="y")
    assert project.plan() == {"local/Model/a": "conflict owner"}
    assert "--take-ownership us" in project.run("apply", "--yes").out
    assert project.plan("--take-ownership", "somebody") == {"local/Model/a": "conflict owner"}
    assert project.run("delete", "a", "--yes").code == 4
    project.manifest("a", state="absent", endpoint=None)
    assert project.plan() == {"local/Model/a": "conflict owner"}
    assert project.stored()["local/Model/a"]["description"] == "x"
    project.manifest("a", description="y")
    assert project.plan("--take-ownership", "us") == {"local/Model/a": "update adopt"}
    project.apply("--take-ownership", "us")
    assert project.stored()["local/Model/a"]["description"] == "y"
    assert project.plan() == {}


def test_an_environment_is_an_owner_of_its_own(project: Project) -> None:
    """What production owns, staging leaves alone: the owner is <owner>/<environment>."""
    project.write("reconciler.yaml", OURS.format("environments: {prod: {}, staging: {}}"))
    project.manifest("a")
    project.apply("--env", "prod")
    assert project.ok("list", "--format", "json").json("list")["resources"][0]["owner"] == "us/prod"
    assert project.plan("--env", "staging") == {"local/Model/a": "conflict owner"}
    assert project.plan() == {"local/Model/a": "conflict owner"}
    assert project.plan("--env", "prod") == {}


# --- deleting -------------------------------------------------------------------------------------------------------


def test_orphans_are_listed_and_only_prune_deletes_them(project: Project) -> None:
    """Removing a file deletes nothing by itself."""
    for key in "abc":
        project.manifest(key)
    project.apply()
    project.remove("b")
    assert project.run("plan", "--format", "json").json("plan")["orphans"] == ["local/Model/b"]
    project.apply()
    assert project.keys() == ["a", "b", "c"]
    assert project.plan("--prune") == {"local/Model/b": "delete removed"}
    project.apply("--prune")
    assert project.keys() == ["a", "c"]


def test_prune_leaves_what_is_not_ours(project: Project) -> None:
    """Only what bears our mark can be pruned."""
    for key in "abc":
        project.manifest(key)
    project.apply()
    project.sql("UPDATE revision SET mark = NULL WHERE key = 'b'")
    project.sql("UPDATE revision SET mark = replace(mark, '\"us\"', '\"them\"') WHERE key = 'c'")
    project.remove("b", "c")
    assert project.plan("--prune") == {}
    assert project.run("plan", "--format", "json").json("plan")["orphans"] == []


def test_a_registry_taken_from_registries_is_pruned_there(project: Project) -> None:
    """An address that is no longer desired is gone from the manifests, even where the file stays."""
    project.write(
        "reconciler.yaml",
        "owner: us\nregistries: {a: {driver: local, path: a.db, default: true}, b: {driver: local, path: b.db}}",
    )
    project.manifest("m", registries={"a": {}, "b": {}})
    project.apply()
    project.manifest("m", registries={"a": {}})
    assert project.plan("--prune") == {"b/Model/m": "delete removed"}
    assert project.plan("--prune", "--registry", "a") == {}
    project.write("reconciler.yaml", "owner: us\nregistries: {a: {driver: local, path: a.db, default: true}}")
    assert project.plan("--prune") == {}


@pytest.mark.parametrize(
    ("consents", "code"),
    [((), 4), (("--allow-deletes", "5"), 4), (("--allow-deletes", "6"), 0), (("--allow-deletes", "7"), 0)],
)
def test_the_number_of_deletions_is_guarded(project: Project, consents: tuple[str, ...], code: int) -> None:
    """More than max_deletes stop the whole run, updates included, and the message names flag and number."""
    for number in range(40):
        project.manifest(f"m{number}")
    project.apply()
    project.remove(*(f"m{number}" for number in range(6)))
    project.manifest("m39", description="changed")
    answer = project.run("apply", "--prune", "--yes", *consents)
    assert answer.code == code, answer.both
    assert len(project.keys()) == (40 if code else 34)
    assert ("description" in project.stored()["local/Model/m39"]) == (code == 0)
    if code:
        assert "--allow-deletes 6" in answer.err
        assert project.run("plan", "--prune", *consents).code == 4


def test_the_share_of_deletions_is_guarded_but_one_alone_never(project: Project) -> None:
    """2 of 5 are more than 20 %; one of three is a person's decision."""
    for key in "abcde":
        project.manifest(key)
    project.apply()
    project.remove("a", "b")
    plan = project.run("plan", "--prune", "--format", "json").json("plan")
    assert [(guard["name"], guard["override"]) for guard in plan["guards"]] == [
        ("max-delete-percent", "--allow-deletes 2")
    ]
    project.manifest("b")
    project.apply("--prune")
    assert project.keys() == ["b", "c", "d", "e"]


def test_an_empty_directory_never_deletes(project: Project) -> None:
    """Nothing lifts this guard: no manifests is a mistake, not a wish."""
    for key in "ab":
        project.manifest(key)
    project.apply()
    project.remove("a", "b")
    for words in (("apply", "--prune", "--yes", "--allow-deletes", "99"), ("plan", "--prune")):
        assert project.run(*words).code in (1, 4)
    project.write("manifests/empty.yaml", "---\n# nothing\n---\n")
    for words in (("apply", "--prune", "--yes", "--allow-deletes", "99"), ("plan", "--prune")):
        assert project.run(*words).code in (1, 4)
    assert project.keys() == ["a", "b"]


def test_protection_outlives_the_manifest(project: Project) -> None:
    """The stored mark counts: a protected object is deleted by nothing until `protected: false` was applied."""
    for key in "abc":
        project.manifest(key, protected=key == "a" or None)
    project.apply()
    project.remove("a")
    assert project.plan("--prune") == {"local/Model/a": "blocked protected"}
    assert project.run("apply", "--prune", "--yes").code == 4
    assert project.run("delete", "a", "--yes").code == 4
    project.manifest("a", state="absent", endpoint=None)
    assert project.plan() == {"local/Model/a": "blocked protected"}
    project.manifest("a", description="may be updated")
    project.apply()
    assert project.run("delete", "a", "--yes").code == 4
    project.manifest("a", description="may be updated", protected=False)
    assert project.plan() == {"local/Model/a": "update mark"}
    project.apply()
    project.remove("a")
    project.apply("--prune")
    assert project.keys() == ["b", "c"]


def test_absent_deletes_one_key_marked_or_not(project: Project) -> None:
    """`state: absent` is a deletion in writing; already gone is unchanged."""
    project.manifest("a")
    project.manifest("b")
    project.apply()
    project.sql("UPDATE revision SET mark = NULL WHERE key = 'a'")
    project.manifest("a", state="absent", endpoint=None)
    assert project.plan() == {"local/Model/a": "delete absent"}
    project.apply()
    assert project.keys() == ["b"]
    assert project.plan() == {}


# --- undo -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["delete", "absent", "prune"])
def test_the_backup_folder_restores_what_was_removed(project: Project, how: str) -> None:
    """Applying the folder brings back equal objects, secrets as references, protection and keys included."""
    project.write("manifests/key.txt", "hunter2")
    fields = {
        "description": "literal ${env:HOME} and $${x}".replace("${", "$${"),
        "endpoint": {
            "url": "https://x.example.com/v1",
            "api_key": "${file:key.txt}",
            "headers": {"X-Token": "${env:T}", "X-Plain": "v"},
        },
        "metadata": {"list": [1, 2.5, None, {}], "text": "1:30", "no": "no", "day": "2026-11-20", "empty": {}},
        "labels": {"équipe": "模型", "multi": "a\nb\n"},
    }
    project.manifest("a", **fields)
    project.manifest("other")
    project.apply()
    before = project.stored()
    if how == "delete":
        answer = project.ok("delete", "a", "--yes", "--backup", "kept")
    elif how == "absent":
        project.manifest("a", state="absent", endpoint=None)
        answer = project.apply("--backup", "kept")
    else:
        project.remove("a")
        answer = project.apply("--prune", "--backup", "kept")
    assert "kept" in answer.out
    assert project.keys() == ["other"]
    assert "hunter2" not in "".join(path.read_text() for path in (project.root / "kept").rglob("*.yaml"))
    (project.root / "manifests/a.yaml").unlink(missing_ok=True)
    project.apply("kept")
    assert project.stored() == before
    assert project.plan("kept") == {}


def test_the_backup_has_a_folder_of_its_own_each_time(project: Project) -> None:
    """By default in .reconciler/backup/<UTC>, so that no backup overwrites another."""
    for _ in range(2):
        project.manifest("a")
        project.apply()
        backup = json.loads(project.ok("delete", "a", "--yes", "--format", "json").out)["backup"]
        assert backup.startswith(".reconciler/backup/20")
        assert (project.root / backup / "local/Model/a.yaml").is_file()
    assert len(list((project.root / ".reconciler/backup").iterdir())) == 2


def test_without_a_backup_nothing_is_removed(project: Project) -> None:
    """Undo comes first: where it cannot be written, the run is refused before it begins."""
    project.manifest("a")
    project.apply()
    project.write("taken", "a file where a folder would be")
    answer = project.run("delete", "a", "--yes", "--backup", "taken")
    assert answer.code == 4
    assert "backup" in answer.err
    assert project.keys() == ["a"]
    project.ok("delete", "a", "--yes", "--backup", "kept")
    project.apply()
    answer = project.run("delete", "a", "--yes", "--backup", "kept")
    assert answer.code == 4, "a backup never overwrites one"
    assert project.keys() == ["a"]


def test_export_of_everything_plans_to_nothing(project: Project) -> None:
    """What export writes is the same state in manifests: a project on it has nothing to do."""
    project.manifest("a", description="$${env:X}", protected=True, tags=["b", "a"])
    project.manifest("b", registries={"local": {"key": "renamed"}})
    project.manifest(
        "c", endpoint={"url": "https://x.example.com", "api_key": "${env:K}"}, metadata={"a": {"b": [None, 1e20, "on"]}}
    )
    project.apply()
    for output in ("yaml", "json"):
        project.ok("export", "--all", "-o", f"out-{output}", "--format", output)
        assert project.plan(f"out-{output}") == {}
        project.write("reconciler.yaml", OURS.format(f"manifests: [out-{output}]"))
        assert project.plan("--prune") == {}
        project.write("reconciler.yaml", OURS.format(""))


# --- renaming -------------------------------------------------------------------------------------------------------


def test_a_rename_keeps_the_history(project: Project) -> None:
    """The same object under a new key, with every revision that it ever had."""
    project.manifest("old", description="x")
    project.apply()
    project.remove("old")
    project.manifest("new", description="y", previous_keys=["older", "old"])
    plan = project.run("plan", "--format", "json").json("plan")["changes"][0]
    assert (plan["action"], plan["address"], plan["previous_address"]) == (
        "rename",
        "local/Model/new",
        "local/Model/old",
    )
    assert project.plan("--prune") == {"local/Model/new": "rename renamed"}
    project.apply()
    assert project.keys() == ["new"]
    actions = [row["action"] for row in project.ok("history", "new", "--format", "json").json("history")["revisions"]]
    assert actions == ["rename", "create"]
    assert project.plan() == {}


def test_a_rename_of_another_owners_object_is_a_conflict(project: Project) -> None:
    """A new key is no way around ownership."""
    project.manifest("old")
    project.apply()
    project.remove("old")
    project.write("reconciler.yaml", THEIRS)
    project.manifest("new", previous_keys=["old"])
    assert project.plan() == {"local/Model/new": "conflict owner"}


def test_an_old_key_beside_the_new_one_is_reported_and_left(project: Project) -> None:
    """Both there: nothing is guessed."""
    project.manifest("old")
    project.manifest("new")
    project.apply()
    project.remove("old")
    project.manifest("new", previous_keys=["old"])
    plan = project.run("plan", "--format", "json").json("plan")
    assert plan["changes"] == []
    assert [problem["rule"] for problem in plan["problems"]] == ["previous-key-left"]
    assert project.plan("--prune") == {}
    assert project.keys() == ["new", "old"]


# --- ignore and drift -----------------------------------------------------------------------------------------------


def test_an_ignored_field_is_sent_once_and_then_left(project: Project) -> None:
    """Managed elsewhere: never compared, kept on update, still sent on create."""
    project.manifest("a", description="first", ignore=["/description", "/labels/team"], labels={"team": "x", "b": "1"})
    project.apply()
    assert project.stored()["local/Model/a"]["description"] == "first"
    project.spoil("a", description="by somebody", labels={"team": "theirs", "b": "1"})
    assert project.plan() == {}
    assert project.run("drift").code == 0
    project.manifest("a", description="second", ignore=["/description", "/labels/team"], labels={"team": "x", "b": "2"})
    project.apply()
    spec = project.stored()["local/Model/a"]
    assert (spec["description"], spec["labels"]) == ("by somebody", {"team": "theirs", "b": "2"})
    assert project.plan() == {}


def test_drift_tells_what_changed_behind_our_back(project: Project) -> None:
    """drifted, differs and missing; a change of the manifest is no drift. Exit code 2 where there is any."""
    for key in "abcde":
        project.manifest(key, description="x")
    project.apply()
    project.spoil("a", description="changed behind our back")
    project.manifest("b", description="y")
    project.ok("delete", "c", "--yes")
    project.sql("UPDATE revision SET mark = NULL WHERE key = 'd'")
    project.spoil("d", description="never ours")
    answer = project.run("drift", "--format", "json")
    assert answer.code == 2
    found = {change["address"][-1]: change["reason"] for change in answer.json("plan")["changes"]}
    assert found == {"a": "drifted", "c": "missing", "d": "differs"}
    assert project.plan()["local/Model/a"] == "update drifted"
    assert project.plan()["local/Model/b"] == "update changed"
    assert project.plan()["local/Model/c"] == "create new"
    assert project.run("drift", "manifests/e.yaml").code == 0
    project.apply()
    assert project.run("drift").code == 0


# --- secrets and rotation -------------------------------------------------------------------------------------------


def test_rotation_is_seen_with_a_fingerprint_key(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed value is an update, reason rotate, and shows no value; without the value here it cannot be judged."""
    monkeypatch.setenv("FP", "a key for fingerprints")
    monkeypatch.setenv("KEY", "value-one")
    project.write("reconciler.yaml", OURS.format("fingerprint_key: ${env:FP}"))
    project.manifest("a", endpoint={"url": "https://x.example.com", "api_key": "${env:KEY}"})
    project.apply()
    assert project.plan() == {}
    monkeypatch.setenv("KEY", "value-two")
    changes = project.run("plan", "--format", "json").json("plan")["changes"]
    assert [(change["action"], change["reason"]) for change in changes] == [("update", "rotate")]
    assert changes[0]["fields"] == [{"path": "/endpoint/api_key", "sensitive": True}]
    project.apply()
    assert project.plan() == {}
    monkeypatch.delenv("KEY")
    plan = project.run("plan", "--format", "json").json("plan")
    assert (plan["changes"], [problem["rule"] for problem in plan["problems"]]) == ([], ["rotation-unknown"])
    project.ok("apply", "--yes")


def test_rotation_is_asked_for_without_one(project: Project) -> None:
    """`--rotate KEY` writes an object's secrets again; a key that nobody declares is an error, not silence."""
    project.manifest("a", endpoint={"url": "https://x.example.com", "api_key": "${env:KEY}"})
    project.apply()
    assert project.plan("--rotate", "a") == {"local/Model/a": "update rotate"}
    assert project.plan("--rotate", "local/Model/a") == {"local/Model/a": "update rotate"}
    assert project.run("plan", "--rotate", "b").code == 64


def test_a_secret_without_a_value_stops_the_run_before_it_begins(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With fingerprints a create needs the value: all that are missing are named, with their places, and nothing is written."""
    monkeypatch.setenv("FP", "a key for fingerprints")
    project.write("reconciler.yaml", OURS.format("fingerprint_key: ${env:FP}"))
    project.manifest("a", endpoint={"url": "https://x.example.com", "api_key": "${env:NOT_HERE}"})
    project.manifest("b", endpoint={"url": "https://x.example.com", "api_key": "${env:NOR_HERE}"})
    project.manifest("c")
    answer = project.run("apply", "--yes", "--format", "json")
    assert answer.code == 1
    message = answer.json("error")["error"]["message"]
    assert "NOT_HERE" in message
    assert "NOR_HERE" in message
    assert "manifests/a.yaml:5:12: local/Model/a" in message
    assert not (project.root / "registry.db").exists()


def test_the_fingerprint_key_is_needed_only_for_writes(project: Project) -> None:
    """A pull request has no secrets and can plan all the same."""
    project.write("reconciler.yaml", OURS.format("fingerprint_key: ${env:FP}"))
    project.manifest("a")
    assert project.plan() == {"local/Model/a": "create new"}
    answer = project.run("apply", "--yes")
    assert answer.code == 1
    assert "FP" in answer.err


def test_an_old_key_beside_the_new_one_is_an_orphan_that_prune_leaves(project: Project) -> None:
    """Nothing declares it, so it is listed; it is deleted only once nobody calls it an old key any more."""
    project.manifest("old")
    project.manifest("new")
    project.apply()
    project.remove("old")
    project.manifest("new", previous_keys=["old"])
    plan = project.run("plan", "--prune", "--format", "json").json("plan")
    assert plan["orphans"] == ["local/Model/old"]
    assert plan["summary"]["delete"] == 0
    project.manifest("new")
    project.apply("--prune")
    assert project.keys() == ["new"]


def test_a_conflict_over_an_old_key_names_the_old_object(project: Project) -> None:
    """What belongs to somebody else is the object that would be renamed, not the one that is not there yet."""
    project.manifest("old")
    project.apply()
    project.write("reconciler.yaml", CONFIG.replace("owner: us", "owner: others"))
    project.remove("old")
    project.manifest("new", previous_keys=["old"])
    (change,) = project.run("plan", "--format", "json").json("plan")["changes"]
    assert (change["action"], change["reason"]) == ("conflict", "owner")
    assert change["previous_address"] == "local/Model/old"
    assert change["message"].startswith("old belongs to us")


def test_an_override_has_the_same_defaults(project: Project) -> None:
    """An endpoint that only an override gives is stored as one that the manifest itself gives."""
    endpoint = {"url": "https://llm.example.com/v1"}
    project.manifest("a", endpoint=endpoint)
    project.manifest("b", endpoint=None, registries={"local": {"endpoint": endpoint}})
    project.apply()
    stored = project.stored()
    assert stored["local/Model/a"] == stored["local/Model/b"]
