"""A run that is killed between any two steps: nothing is lost, the next run is told, and no saved plan is applied twice."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from programs import HANGS

PROGRAM: Final = Path(__file__).with_name("mortal.py")
CONFIG: Final = """\
owner: us
registries: {one: {driver: memory, url: "memory://mortal", default: true}}
"""


@dataclass
class Place:
    """A project whose registry outlives each run."""

    root: Path

    def start(self, moment: str, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(PROGRAM), str(self.root / "state"), moment, *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.root, stdout=pipe, stderr=pipe, stdin=subprocess.DEVNULL, text=True)

    def run(self, moment: str, *words: str, code: int = 0) -> tuple[str, str]:
        process = self.start(moment, *words)
        out, err = process.communicate(timeout=HANGS)
        assert process.returncode == code, out + err
        return out, err

    def dies(self, moment: str, *words: str) -> None:
        self.run(moment, *words, code=-signal.SIGKILL)

    def rows(self) -> dict[str, Any]:
        found = pickle.loads((self.root / "state").read_bytes())  # our own file
        return {f"{row.kind}/{row.key}": row.data for row in found.values()}

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, key: str, **fields: Any) -> None:
        """Somebody else writes fields of a stored model."""
        found = pickle.loads((self.root / "state").read_bytes())  # our own file
        next(row for row in found.values() if row.key == key).data.update(fields)
        (self.root / "state").write_bytes(pickle.dumps(found))


def manifest(**fields: Any) -> str:
    return json.dumps({"kind": "memory/Model", "key": "m", **fields})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A model whose description somebody else keeps, and a manifest that can only be reached by a replace."""
    place = Place(tmp_path)
    place.write("reconciler.yaml", CONFIG)
    place.write("manifests/m.json", manifest(project="old", description="first", ignore=["/description"]))
    place.run("never", "apply", "--yes")
    place.edit("m", description="somebody's work")
    place.write("manifests/m.json", manifest(project="new", description="first", ignore=["/description"]))
    return place


REPLACE: Final = ("apply", "--yes", "--allow-replaces", "1")


@pytest.mark.parametrize("moment", ["backup", "note", "1:before", "1:after", "2:before", "2:after"])
def test_a_replace_that_dies_anywhere_is_finished_by_the_next_run(place: Place, moment: str) -> None:
    """With what somebody else wrote into the field that the manifest leaves to them."""
    place.dies(moment, *REPLACE)
    place.run("never", *REPLACE)
    model = place.rows()["Model/m"]
    assert (model["project"], model["description"]) == ("new", "somebody's work")
    assert "nothing to do" in place.run("never", "plan")[0].lower()
    assert not list((place.root / ".reconciler/unfinished").iterdir())


@pytest.mark.parametrize("moment", ["1:after", "2:before"])
def test_the_next_run_names_the_object_and_its_backup(place: Place, moment: str) -> None:
    """In the plan, as a warning whose file is the backup."""
    place.dies(moment, *REPLACE)
    assert "Model/m" not in place.rows()
    plan = json.loads(place.run("never", "plan", "--format", "json")[0])
    (problem,) = (problem for problem in plan["problems"] if problem["rule"] == "unfinished-replace")
    assert "one/Model/m" in problem["message"]
    assert "somebody's work" in (place.root / problem["file"]).read_text()
    assert problem["file"] in place.run("never", "plan")[0]


def test_a_saved_plan_also_takes_up_what_a_dead_run_left(place: Place) -> None:
    """The plan that creates it again may be applied by another run than the one that made it."""
    place.dies("1:after", *REPLACE)
    place.run("never", "plan", "--save", "plan.json")
    place.run("never", "apply", "--plan", "plan.json", "--yes")
    assert place.rows()["Model/m"]["description"] == "somebody's work"


def test_a_dead_run_is_forgotten_once_the_object_is_there_again(place: Place) -> None:
    """Else a later create would be given values of long ago."""
    place.dies("1:after", *REPLACE)
    place.run("never", *REPLACE)
    place.run("never", "delete", "m", "--yes")
    assert "unfinished-replace" not in place.run("never", "plan", "--format", "json")[0]
    place.run("never", "apply", "--yes")
    assert place.rows()["Model/m"]["description"] == "first"


MOMENTS: Final = ("backup", "note", "ledger", "1:before", "1:after", "2:before", "2:after")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_saved_plan_that_died_is_never_applied_again(place: Place, moment: str) -> None:
    """Before it was recorded nothing was written, so it may; after that it may not, however far it came."""
    place.run("never", "plan", "--allow-replaces", "1", "--save", "plan.json", code=0)
    place.dies(moment, "apply", "--plan", "plan.json", "--yes")
    before = place.rows()
    code = 0 if moment in ("backup", "note") else 4
    out, err = place.run("never", "apply", "--plan", "plan.json", "--yes", code=code)
    if code:
        assert "the plan was applied already" in out + err
        assert "did not come to its end" in out + err
        assert place.rows() == before


def test_of_two_who_apply_one_plan_file_at_once_one_does(place: Place) -> None:
    """Two processes; the other one is refused, and what is stored is what one of them wrote."""
    place.write("manifests/n.json", json.dumps({"kind": "memory/Model", "key": "n"}))
    place.run("never", "plan", "--allow-replaces", "1", "--save", "plan.json")
    pair = [place.start("never", "apply", "--plan", "plan.json", "--yes") for _ in range(2)]
    said = ["".join(process.communicate(timeout=HANGS)) for process in pair]
    assert sorted(process.returncode for process in pair) == [0, 4], said
    assert list((place.root / ".reconciler/plans").glob("*.json"))
    assert len(list((place.root / ".reconciler/plans").glob("*.json"))) == 1
