"""Projects whose runs are struck, and what must hold of each after one: the registry whole, the report true, nothing of others touched."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from campaign.struck import Ended, Program
from world import model

from reconciler.registry.local.database import MIGRATIONS

CONFIG: Final = (
    "owner: {owner}\nmanifests: [{manifests}]\nregistries:\n  local: {{driver: local, path: {path}, default: true}}\n"
)
APPLY: Final = ("apply", "--yes", "--prune", "--format", "json", "--backup", "saved")
AGAIN: Final = ("apply", "--yes", "--prune", "--backup", "saved-again")
PLAN: Final = ("plan", "--prune", "--detailed-exitcode")
ENDS: Final = (0, 1, 4, 5)
TAKEN_AWAY: Final = ("unlink", "unlinkat", "rmdir")  # where these fail, what they were to take away stays
LOGS: Final = frozenset({"registry.db-wal", "registry.db-shm", "registry.db-journal"})

Objects = Mapping[str, tuple[str, str]]  # of each key the description and the owner


@dataclass(frozen=True)
class Case:
    """One command in one situation. `build` makes it in an empty folder; `writes` is whether it applies, `code` how it ends where nothing fails;
    calls are struck only where they name a path with `only` in it."""

    name: str
    words: tuple[str, ...]
    build: Callable[[Program, Path], None]
    writes: bool = True
    code: int = 0
    only: str = ""


def _manifests(root: Path, **models: Mapping[str, Any]) -> None:
    folder = root / "manifests"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "deep").mkdir(parents=True)
    for key, fields in models.items():
        file = folder / ("deep" if key in ("three", "four") else "") / f"{key}.json"
        file.write_text(json.dumps(model(key, **fields)), "utf-8")


def _first(_: Program, root: Path) -> None:
    (root / "reconciler.yaml").write_text(CONFIG.format(owner="us", manifests="manifests", path="registry.db"), "utf-8")
    _manifests(root, one={"description": "One."}, two={"description": "Two."}, three={"description": "Three."})
    (root / "manifests" / "kept.json").write_text(
        json.dumps(model("kept", description="Kept.", protected=True)), "utf-8"
    )


def _second(program: Program, root: Path) -> None:
    """An update, a delete, a rename, a create, one that is protected, and one of others."""
    _first(program, root)
    _done(program.run(root, "apply", "--yes"))
    others = root / "others"
    (others / "theirs").mkdir(parents=True)
    (others / "reconciler.yaml").write_text(
        CONFIG.format(owner="them", manifests="theirs", path="../registry.db"), "utf-8"
    )
    (others / "theirs" / "t.json").write_text(json.dumps(model("theirs", description="Theirs.")), "utf-8")
    _done(program.run(others, "apply", "--yes"))
    shutil.rmtree(others)
    _manifests(
        root,
        one={"description": "One, changed."},
        new={"description": "Three.", "previous_keys": ["three"]},
        four={"description": "Four. " * 400},
        kept={"description": "Kept.", "protected": True},
    )
    shutil.rmtree(root / ".reconciler", ignore_errors=True)


def _old_schema(program: Program, root: Path) -> None:
    """The second, over a registry of the first version."""
    _second(program, root)
    with closing(sqlite3.connect(root / "registry.db", isolation_level=None)) as connection:
        connection.execute("DROP TABLE applied_plan")
        connection.execute("DROP INDEX revision_key")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("PRAGMA journal_mode = DELETE")


def _saved(program: Program, root: Path) -> None:
    _second(program, root)
    _done(program.run(root, "plan", "--prune", "--save", "plan.json"))


def _forbidden(program: Program, root: Path) -> None:
    """The second, and a policy that says no."""
    _second(program, root)
    (root / "policies").mkdir()
    rule = {"name": "tagged", "message": "every model has tags", "schema": {"required": ["tags"]}}
    (root / "policies" / "our.json").write_text(json.dumps(rule), "utf-8")


CASES: Final = (
    Case("first apply", APPLY, _first),
    Case("second apply", APPLY, _second),
    Case("schema migration", APPLY, _old_schema),
    Case("plan", ("plan", "--prune", "--save", "plan.json", "--format", "json"), _second, writes=False),
    Case("apply that a policy forbids", APPLY, _forbidden, writes=False, code=1, only="policies"),
    Case("apply of a saved plan", ("apply", "--plan", "plan.json", *APPLY[1:2], *APPLY[3:]), _saved),
)


def _done(ended: Ended) -> None:
    if ended.code:
        raise RuntimeError(f"{ended}")


# --- what is there -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """What a project holds: the objects that live, how many revisions there are, and the bytes of each file but the registry's."""

    objects: Objects
    revisions: int
    files: Mapping[str, bytes]

    @classmethod
    def of(cls, root: Path) -> State:
        names = sorted(str(file.relative_to(root)) for file in root.rglob("*"))
        files = {
            name: (root / name).read_bytes() if (root / name).is_file() else b""
            for name in names
            if not name.startswith("registry.db")
        }
        if not (root / "registry.db").exists():
            return cls({}, 0, files)
        with closing(sqlite3.connect(root / "registry.db")) as connection:
            rows = connection.execute(
                """SELECT o.key, r.spec, r.mark FROM object o
                   JOIN revision r ON r.object_id = o.id AND r.revision = o.revision WHERE o.deleted_at IS NULL"""
            ).fetchall()
            (count,) = connection.execute("SELECT count(*) FROM revision").fetchone()
        objects = {key: (json.loads(spec)["description"], json.loads(mark)["owner"]) for key, spec, mark in rows}
        return cls(objects, count, files)


def damage(root: Path) -> list[str]:
    """What SQLite and the histories say of the registry's file; nothing where all is well, or where there is none."""
    if not (root / "registry.db").exists():
        return []
    try:
        return _damage(root)
    except sqlite3.DatabaseError as error:
        return [str(error)]


def _damage(root: Path) -> list[str]:
    with closing(sqlite3.connect(root / "registry.db")) as connection:
        wrong = [str(row) for row in connection.execute("PRAGMA integrity_check") if row != ("ok",)]
        wrong += [f"foreign key {row}" for row in connection.execute("PRAGMA foreign_key_check")]
        rows = connection.execute("SELECT object_id, revision FROM revision ORDER BY 1, 2").fetchall()
        newest = connection.execute("SELECT id, revision FROM object").fetchall()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, last in newest:
        told = [revision for owner, revision in rows if owner == number]
        if not told or told[-1] != last or told != sorted(set(told)):
            wrong.append(f"the history of object {number} is {told}, and its revision {last}")
    return wrong if version in (1, len(MIGRATIONS)) else [*wrong, f"schema version {version}"]


# --- what must hold ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Looked:
    """One case as it was before, and as it is after a run that nothing befell."""

    case: Case
    before: State
    after: State

    def wrong_after(self, root: Path, ended: Ended, call: str) -> list[str]:
        """What of the promises a struck run broke."""
        wrong = damage(root)
        if wrong:
            return wrong
        now = State.of(root)
        wrong = [*self._wrong_words(ended), *self._wrong_objects(now), *self._wrong_files(now, ended, call)]
        if ended.code == 0 and self.case.code:
            wrong.append(f"it exited with 0, and is to exit with {self.case.code}")
        if ended.code == 0 and now.objects != self.after.objects:
            wrong.append(f"it says that it is done, and holds {now.objects}")
        return [*wrong, *self._wrong_report(now, ended)]

    def _wrong_words(self, ended: Ended) -> list[str]:
        wrong = [] if ended.code in ENDS else [f"it exited with {ended.code}"]
        said = ended.err + ended.out
        if "Traceback" in said or "a bug" in said:
            wrong.append("there is a traceback, or it is told as a bug")
        if ended.code in (1, 4) and not any(word in said for word in ("registry.db", *self.after.files, "/project")):
            wrong.append("the message does not say where")
        return wrong

    def _wrong_objects(self, now: State) -> list[str]:
        wrong = []
        for key in {**self.before.objects, **self.after.objects, **now.objects}:
            known = (self.before.objects.get(key), self.after.objects.get(key))
            if now.objects.get(key) not in known:
                wrong.append(f"{key} is {now.objects.get(key)}, and was neither before nor after")
        if "three" in self.before.objects and ("three" in now.objects) == ("new" in now.objects):
            wrong.append("of the renamed object there are none or two")
        return wrong

    def _wrong_files(self, now: State, ended: Ended, call: str) -> list[str]:
        wrong = []
        for name, data in self.before.files.items():
            if now.files.get(name) != data and not name.startswith(".reconciler"):
                wrong.append(f"{name} is not as it was")
        for name, data in now.files.items():
            known = self.before.files.get(name), self.after.files.get(name)
            if known == (None, None):
                wrong += [] if call in TAKEN_AWAY else [f"{name} is left"]
            elif name.startswith("saved") and data not in known:
                wrong.append(f"{name} is half of a backup")
        if ended.code == 4 and any(name.startswith("saved/") for name in now.files) and call not in TAKEN_AWAY:
            wrong.append("the run was refused, and a backup is left")
        return wrong

    def _wrong_report(self, now: State, ended: Ended) -> list[str]:
        """Whatever a report says is done is done."""
        try:
            outcomes = json.loads(ended.out).get("outcomes", ())
        except ValueError:
            return []
        wrong = []
        for outcome in outcomes:
            key = outcome["address"].rpartition("/")[2]
            if outcome["status"] == "ok" and now.objects.get(key) != self.after.objects.get(key):
                wrong.append(f"the report says that {key} is done")
        return wrong

    def wrong_later(self, program: Program, root: Path) -> list[str]:
        """What is wrong after one quiet run more, which is to bring all to rest."""
        shutil.rmtree(root / "saved-again", ignore_errors=True)
        again = program.run(root, *AGAIN)
        rest = program.run(root, *PLAN)
        quiet = (self.case.code, self.case.code)
        wrong = [] if (again.code, rest.code) == quiet else [f"a quiet run ended with {again}, and a plan with {rest}"]
        now = State.of(root)
        wanted = self.after.objects if self.case.writes else None
        if wanted is not None and now.objects != wanted:
            wrong.append(f"after a quiet run there is {now.objects}")
        if now.objects.get("theirs") != self.before.objects.get("theirs"):
            wrong.append("another owner's object was touched")
        return [*wrong, *damage(root)]
