"""The formats that other programs read hold to those programs' own schemas."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from jsonschema import Draft4Validator
from render.samples import PLAIN, evil_validation, validation

from reconciler import render
from reconciler.core.errors import Problem
from reconciler.manifest.validation import Validation

CASES = {
    "some problems": validation(),
    "nothing wrong": Validation(5, 12, ()),
    "nothing at all": Validation(0, 0, ()),
    "only warnings": Validation(2, 2, (Problem("b.yaml", 1, 1, "odd", "odd", severity="warning"),)),
    "odd file names": Validation(
        2, 2, tuple(Problem(name, 1, 1, "r", "m") for name in ("a b%:ü.yaml", "/abs.yaml", "-"))
    ),
    "hostile": evil_validation(),
}


def rendered(name: str, value: Validation) -> str:
    return render.load(render.VALIDATION[name])(value, PLAIN)


@pytest.mark.parametrize("case", CASES)
def test_sarif_holds_to_the_official_schema(case: str, tools: Path) -> None:
    """SARIF output is valid SARIF 2.1.0, also with nothing to report."""
    schema = json.loads(
        (tools / "node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json").read_text("utf-8")
    )
    Draft4Validator(schema).validate(json.loads(rendered("sarif", CASES[case])))


@pytest.mark.parametrize("case", CASES)
def test_junit_holds_to_its_schema(case: str, tools: Path, tmp_path: Path) -> None:
    """JUnit output is valid to the schema that Jenkins' plugin and pytest use."""
    path = tmp_path / "junit.xml"
    path.write_text(rendered("junit", CASES[case]), "utf-8")
    schema = tools / "junit-10.xsd"
    done = subprocess.run(["xmllint", "--noout", "--schema", schema, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_sarif_says_where_and_what() -> None:
    """Each result names its rule, its level, its place, and what identifies it from run to run."""
    [run] = json.loads(rendered("sarif", validation()))["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["literal-secret", "odd", "unknown-field"]
    first, _, last = run["results"]
    assert first["message"]["text"] == "unknown field 'dispaly_name' (did you mean 'display_name'?)"
    assert (first["ruleId"], first["ruleIndex"], first["level"], last["level"]) == (
        "unknown-field",
        2,
        "error",
        "warning",
    )
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "manifests/a.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 3, "startColumn": 1, "endLine": 3, "endColumn": 13}


def test_sarif_fingerprints_outlive_added_lines() -> None:
    """The same problem some lines below is the same result; two alike in one file are not."""
    problem = Problem("a.yaml", 1, 1, "r", "m", pointer="/x")

    def marks(*problems: Problem) -> list[str]:
        results = json.loads(rendered("sarif", Validation(1, 1, problems)))["runs"][0]["results"]
        return [result["partialFingerprints"]["primaryLocationLineHash"] for result in results]

    assert marks(problem) == marks(problem._replace(line=9))
    assert len(set(marks(problem, problem._replace(line=2), problem._replace(pointer="/y")))) == 3


def test_sarif_paths_are_uris() -> None:
    """File names are percent-encoded, and absolute ones are no part of the source root."""
    results = json.loads(rendered("sarif", CASES["odd file names"]))["runs"][0]["results"]
    artifacts = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in results]
    assert [artifact["uri"] for artifact in artifacts] == ["a%20b%25%3A%C3%BC.yaml", "file:///abs.yaml", "-"]
    assert "uriBaseId" not in artifacts[1]


def test_junit_counts_files() -> None:
    """A file with errors is one failure with its text; the files without problems are one passing case."""
    suite = ElementTree.fromstring(rendered("junit", validation())).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    failed, passed = suite
    assert (failed.get("name"), passed.get("name")) == ("manifests/a.yaml", "4 files without problems")
    assert "api_key: ***" in (failed.findtext("failure") or "")
    warned, others = ElementTree.fromstring(rendered("junit", CASES["only warnings"])).iter("testcase")
    assert warned.find("failure") is None
    assert "warning[odd]" in (warned.findtext("system-out") or "")
    assert others.get("name") == "1 file without problems"


def test_github_annotations() -> None:
    """One annotation for each problem, with its place and rule, then the counts for the log."""
    assert rendered("github", validation()).split("\n") == [
        (
            "::error file=manifests/a.yaml,line=3,col=1,endLine=3,endColumn=13,title=unknown-field"
            "::unknown field 'dispaly_name'%0Adid you mean 'display_name'?"
        ),
        (
            "::error file=manifests/a.yaml,line=5,col=12,endLine=5,endColumn=20,title=literal-secret"
            "::/endpoint/api_key holds a literal secret"
        ),
        "::warning file=manifests/a.yaml,line=6,col=7,endLine=6,endColumn=7,title=odd::an odd tag",
        "2 errors, 1 warning in 1 file (12 manifests in 5 files checked)",
    ]
