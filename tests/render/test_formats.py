"""The formats that other programs read hold to those programs' own schemas."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from jsonschema import Draft4Validator
from render.samples import PLAIN, evil_validation, validation

from reconciler import render
from reconciler.core.errors import Problem
from reconciler.manifest.validation import Repository, Validation

CASES = {
    "some problems": validation(),
    "nothing wrong": Validation(5, 12, ()),
    "nothing at all": Validation(0, 0, ()),
    "only warnings": Validation(2, 2, (Problem("b.yaml", 1, 1, "odd", "odd", severity="warning"),)),
    "odd file names": Validation(
        2, 2, tuple(Problem(name, 1, 1, "r", "m") for name in ("a b%:ü.yaml", "/abs.yaml", "-"))
    ),
    "hostile": evil_validation(),
    "in a repository": replace(validation(), repository=Repository("/work space/ü", "/work space/ü/infra")),
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


# GitLab's documentation of the format, as a schema: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "not": {"pattern": "^\\./"}},
                    "lines": {"required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}},
                },
            },
        },
    },
}


@pytest.mark.parametrize("case", CASES)
def test_codequality_is_what_gitlab_reads(case: str) -> None:
    """A list of problems, each with its place and an identity that no other has; errors weigh more than warnings."""
    entries = json.loads(rendered("codequality", CASES[case]))
    Draft4Validator(CODE_QUALITY).validate(entries)
    assert len({entry["fingerprint"] for entry in entries}) == len(entries) == len(CASES[case].problems)
    weights = {
        problem.severity: entry["severity"] for problem, entry in zip(CASES[case].problems, entries, strict=True)
    }
    assert weights.items() <= {"error": "critical", "warning": "minor"}.items()


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
            "::manifests/a.yaml:3:1: unknown field 'dispaly_name'%0Adid you mean 'display_name'?"
        ),
        (
            "::error file=manifests/a.yaml,line=5,col=12,endLine=5,endColumn=20,title=literal-secret"
            "::manifests/a.yaml:5:12: /endpoint/api_key holds a literal secret"
        ),
        "::warning file=manifests/a.yaml,line=6,col=7,endLine=6,endColumn=7,title=odd::manifests/a.yaml:6:7: an odd tag",
        "2 errors, 1 warning in 1 file (12 manifests in 5 files checked)",
    ]


@pytest.mark.parametrize(
    ("root", "folder", "file", "path"),
    [
        ("/r", "/r", "m/a.yaml", "m/a.yaml"),
        ("/r", "/r/infra/models", "m/a.yaml", "infra/models/m/a.yaml"),
        ("/r", "/r/infra/models", "../a.yaml", "infra/a.yaml"),
        ("/r", "/side", "../r/m/a.yaml", "m/a.yaml"),
        ("/r", "/r", "../elsewhere/a.yaml", "/elsewhere/a.yaml"),
        ("/r", "/r", "../r2/a.yaml", "/r2/a.yaml"),
        ("/", "/x", "a.yaml", "x/a.yaml"),
        ("/r", "/r/x", "<stdin>", "<stdin>"),
    ],
)
def test_files_are_named_from_the_root_of_the_repository(root: str, folder: str, file: str, path: str) -> None:
    """Wherever validate was run; what lies elsewhere has its absolute path."""
    value = Validation(1, 1, (Problem(file, 2, 3, "r", "m"),), repository=Repository(root, folder))
    annotation = rendered("github", value).split("\n")[0]
    assert f"file={path}," in annotation
    assert f"::{path}:2:3: m" in annotation
    [run] = json.loads(rendered("sarif", value))["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    if path.startswith("/"):
        assert place == {"uri": f"file://{path}"}
    elif not path.startswith("<"):
        assert place == {"uri": path, "uriBaseId": "%SRCROOT%"}
    assert run["originalUriBaseIds"] == {"%SRCROOT%": {"uri": f"file://{root.rstrip('/')}/"}}


def test_fingerprints_are_the_same_from_every_folder() -> None:
    """One result in code scanning, whichever job found it."""

    def mark(folder: str, file: str) -> str:
        value = Validation(1, 1, (Problem(file, 1, 1, "r", "m"),), repository=Repository("/r", folder))
        results = json.loads(rendered("sarif", value))["runs"][0]["results"]
        return str(results[0]["partialFingerprints"]["primaryLocationLineHash"])

    assert mark("/r", "m/a.yaml") == mark("/r/m", "a.yaml") == mark("/side", "../r/m/a.yaml")


@pytest.mark.parametrize(
    ("errors", "warnings", "told"), [(10, 10, ""), (11, 0, "11 errors"), (1, 12, "1 error and 12 warnings")]
)
def test_github_says_how_many_there_are_where_it_shows_ten(errors: int, warnings: int, told: str) -> None:
    """What is above its limits is dropped without a word."""
    problems = [Problem("a.yaml", line, 1, "r", "m") for line in range(1, errors + 1)]
    problems += [Problem("a.yaml", line, 1, "r", "m", severity="warning") for line in range(1, warnings + 1)]
    lines = rendered("github", Validation(1, 1, tuple(problems))).split("\n")
    notices = [line for line in lines if line.startswith("::notice")]
    assert len(lines) == errors + warnings + len(notices) + 1
    assert [told in line for line in notices] == ([True] if told else [])
