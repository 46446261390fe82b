"""What validate found, as people read it: the place, the line, the caret, the help; and never a secret."""

from __future__ import annotations

import json
import time

import pytest
from render.samples import COLOURED, PLAIN, validation

from reconciler import render
from reconciler.core.errors import Problem
from reconciler.manifest.validation import Validation
from reconciler.render.terminal import Style
from reconciler.render.validation_text import render as text_of

FILE = "a.yaml"


def quoted(lines: list[str], *problems: Problem, style: Style = PLAIN) -> list[str]:
    """The lines quoted of the first problem: the source and the carets."""
    block = text_of(Validation(1, 1, problems, {FILE: lines}), style).split("\n\n")[0]
    return block.split("\n")[1:3]


def test_the_whole_of_a_small_report() -> None:
    """Place, severity, rule, message, the line with its number, a caret line, the help; then the counts."""
    assert (
        text_of(validation(), PLAIN)
        == """\
manifests/a.yaml:3:1: error[unknown-field]: unknown field 'dispaly_name'
3 | dispaly_name: Support
  | ^~~~~~~~~~~~
help: did you mean 'display_name'?

manifests/a.yaml:5:12: error[literal-secret]: /endpoint/api_key holds a literal secret
5 |   api_key: ***
  |            ^~~

manifests/a.yaml:6:7: warning[odd]: an odd tag
6 | tags: [a]
  |       ^

2 errors, 1 warning in 1 file (12 manifests in 5 files checked)"""
    )


def test_all_is_well_in_one_line() -> None:
    """A valid set is one line with its counts, and warnings alone leave it valid."""
    assert text_of(Validation(5, 12, ()), PLAIN) == "12 manifests in 5 files: valid"
    warning = Problem(FILE, 1, 1, "odd", "odd", severity="warning")
    assert text_of(Validation(1, 1, (warning,)), PLAIN).endswith("\n\n1 manifest in 1 file: valid, 1 warning")


def test_strict_turns_warnings_into_errors() -> None:
    """With --strict a warning is shown and counted as an error, in JSON too."""
    warning = Problem(FILE, 1, 1, "odd", "odd", severity="warning")
    strict = Style(color=False, strict=True)
    assert "error[odd]" in text_of(Validation(1, 1, (warning,)), strict)
    data = json.loads(render.load(render.VALIDATION["json"])(Validation(1, 1, (warning,)), strict))
    assert (data["valid"], data["problems"][0]["severity"]) == (False, "error")


def test_json_has_every_key() -> None:
    """The answer has the contract's keys in its order, and each problem has all of its own."""
    data = json.loads(render.load(render.VALIDATION["json"])(validation(), PLAIN))
    assert list(data) == ["format_version", "valid", "files", "documents", "problems"]
    assert data["problems"][2] == {
        "file": "manifests/a.yaml",
        "line": 6,
        "column": 7,
        "end_line": 6,
        "end_column": 7,
        "rule": "odd",
        "severity": "warning",
        "message": "an odd tag",
        "pointer": "/tags",
        "suggestion": None,
        "environment": None,
    }


def test_a_suggestion_of_several_words_stands_for_itself() -> None:
    """Only a single word is asked about."""
    problem = Problem(FILE, 1, 1, "r", "m", suggestion="write ${env:NAME}")
    assert "\nhelp: write ${env:NAME}\n" in text_of(Validation(1, 1, (problem,)), PLAIN)


@pytest.mark.parametrize(
    ("line", "column", "end", "shown", "carets"),
    [
        ("key: value", 6, 11, "1 | key: value", "  |      ^~~~~"),
        ("key: value", 6, 0, "1 | key: value", "  |      ^"),
        ("key: value", 11, 11, "1 | key: value", "  |           ^"),
        ("key: value", 99, 99, "1 | key: value", "  |           ^"),
        ("key: value", 6, 99, "1 | key: value", "  |      ^~~~~"),
        ("名前: 値x", 5, 7, "1 | 名前: 値x", "  |       ^~~"),
        ("\tkey: a\tb", 9, 10, "1 |     key: a  b", "  |             ^"),
        ("a\x1bb: c", 3, 4, "1 | a\\x1bb: c", "  |      ^"),
        ("e\u0301: c", 5, 6, "1 | e\u0301: c", "  |    ^"),
        ("", 1, 1, "1 |", "  | ^"),
    ],
)
def test_the_caret_stands_under_its_column(line: str, column: int, end: int, shown: str, carets: str) -> None:
    """Columns are code points; wide characters, tabs and escapes take the columns that they take on a screen."""
    problem = Problem(FILE, 1, column, "r", "m", 1, end)
    assert quoted([line], problem) == [shown, carets]


def test_a_problem_over_several_lines_is_marked_to_the_end_of_the_first() -> None:
    """The first line alone is quoted."""
    assert quoted(["a: [1,", "2]"], Problem(FILE, 1, 4, "r", "m", 2, 2)) == ["1 | a: [1,", "  |    ^~~"]


@pytest.mark.parametrize("column", [1, 50, 300, 590])
def test_long_lines_are_cut_around_the_caret(column: int) -> None:
    """What is wrong is seen on an 80-column screen, wherever in the line it stands."""
    line = "x" * (column - 1) + "WRONG" + "y" * (600 - column)
    shown, carets = quoted(
        [line], Problem(FILE, 1, column, "r", "m", 1, column + 5), style=Style(color=False, width=80)
    )
    assert len(shown) <= 80
    assert "…" in shown
    assert [index for index, char in enumerate(carets) if char in "^~"] == [shown.index("WRONG") + n for n in range(5)]


def test_files_that_are_not_known_are_not_quoted() -> None:
    """A problem without its line, or behind the file's end, is a headline."""
    problem = Problem(FILE, 3, 1, "r", "m")
    assert text_of(Validation(1, 1, (problem,), {FILE: ["a"]}), PLAIN).split("\n")[1] == ""
    assert text_of(Validation(1, 1, (problem,)), PLAIN).split("\n")[1] == ""


SECRET = "sk-12345"  # made up


@pytest.mark.parametrize(
    "line",
    [
        f"api_key: {SECRET}",
        f"  api-key: '{SECRET}'",
        f'"apiKey": "{SECRET}", "url": "x"',
        f"X-Token: {SECRET}",
        f"headers: {{Authorization: Bearer {SECRET}, a: b}}",
        f"Authorization: ${{env:A}}{SECRET}",
        f"client_secret={SECRET}",
        f"- Cookie: {SECRET}",
        f"db_password : {SECRET}",
        f"url: https://user:{SECRET}@host/",
        f"curl: -H 'x: Bearer {SECRET}'",
        f"fingerprint_key: {SECRET}",
        f'token: "unclosed {SECRET}',
        f"api_kye: {SECRET}",
        f"finger_print_key: {SECRET}",
        f"{{passwrod: {SECRET}, b: c}}",
        f"masterKey: {SECRET}",
        f"db_pwd: {SECRET}",
        "password: 12345",
        f"url: u:{SECRET}@x.y",
        f'{{"url":"u:{SECRET}@x.y"}}',
        f"url: https://{SECRET}@x.y",
        f'X-Any: "${{env:A:-{SECRET}}}"',
        f"X-Any: '${{env:{SECRET}}}'",
        f"api_key: ${{file:a:-{SECRET}}}",
        f"text: a ${{var:A:-{SECRET}",
        "text: sk-proj-abcdefgh12345678",
        f"{'x' * 3000} token: {SECRET}",
    ],
)
def test_what_looks_like_a_secret_is_masked(line: str) -> None:
    """A value behind the name of a secret is not quoted, whatever the problem is about."""
    for column in (1, len(line)):
        shown, _ = quoted([line], Problem(FILE, 1, column, "other", "m", 1, column + 1))
        assert "12345" not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "line",
    [
        "api_key: ${env:KEY}",
        'api_key: "${env:KEY}"  # from the vault',
        "{api_key: '${file:key}', url: x}",
        "max_completion_tokens: 1024",
        "tokenizer: llama",
        "secret: null",
        "key: value",
        "keys: [a]",
        "previous_keys: [a]",
        "description: it broke at 12:30, @you",
        "task: chat_completion",
        "url: https://${var:HOST}/v1",
        "max_tokens: 1024",
        "author: me",
    ],
)
def test_what_is_no_secret_is_shown(line: str) -> None:
    """References, counts of tokens and other names are quoted as they are."""
    assert quoted([line], Problem(FILE, 1, 1, "other", "m"))[0] == f"1 | {line}"


def test_a_reported_secret_is_masked_for_every_problem_of_its_line() -> None:
    """What one problem calls a literal secret, no other problem on that line quotes."""
    secret = Problem(FILE, 1, 10, "literal-secret", "m", 1, 18)
    other = Problem(FILE, 1, 1, "other", "m", 1, 7)
    assert quoted([f"strange: {SECRET} # why"], other, secret)[0] == "1 | strange: *** # why"
    assert (
        quoted([f"strange: {SECRET} # why"], other, Problem(FILE, 1, 10, "literal-secret", "m"))[0]
        == "1 | strange: ***"
    )


@pytest.mark.parametrize(
    "lines",
    [
        ["api_key: |", f"  {SECRET}"],
        ["a:", "  - password: >-", "", f"      {SECRET}"],
        ["token:", f"  {SECRET}"],
        ['token: "begun', f'  {SECRET}"'],
        ["{", '"token":', f'"{SECRET}"'],
    ],
)
def test_secrets_of_several_lines_are_masked(lines: list[str]) -> None:
    """A line that continues a secret's value is not quoted either."""
    assert quoted(lines, Problem(FILE, len(lines), 1, "other", "m"))[0].lstrip().endswith(" ***")


def test_a_reported_secret_of_several_lines_is_masked_on_each() -> None:
    """The span of a literal secret hides all lines that it touches, and nothing behind it."""
    secret = Problem(FILE, 1, 4, "literal-secret", "m", 3, 4)
    lines = ["x: 'abc", "   def", "gh' # end"]
    assert quoted(lines, Problem(FILE, 2, 1, "other", "m"), secret)[0] == "2 | ***"
    assert quoted(lines, Problem(FILE, 3, 1, "other", "m"), secret)[0] == "3 | *** # end"


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        ([f"zzz: {SECRET}"], 1),
        ([f'  "zzz": "{SECRET}", "b": 1'], 1),
        ([f"zzz: '{SECRET}"], 1),
        (["zzz:", f"  - {SECRET}"], 2),
        (["zzz: |", "", f"  {SECRET}"], 3),
        (["zzz: |", f"  a: {SECRET}"], 2),
    ],
)
def test_the_value_of_an_unknown_field_is_masked(lines: list[str], number: int) -> None:
    """Nobody knows what an unknown field holds: for no problem is its value quoted, in text or JUnit."""
    start = lines[0].index("zzz") + 1 - ('"' in lines[0])
    unknown = Problem(FILE, 1, start, "unknown-field", "m", 1, start + 3 + 2 * ('"' in lines[0]), pointer="/zzz")
    other = Problem(FILE, number, 1, "other", "m")
    for first, second in ((unknown, other), (other, unknown)):
        found = Validation(1, 1, (first, second), {FILE: lines})
        for output in ("text", "junit"):
            shown = render.load(render.VALIDATION[output])(found, PLAIN)
            assert "***" in shown
            assert "12345" not in shown


@pytest.mark.parametrize("neighbour", ["task: embedings", "task:", "max_tokens: 5"])
@pytest.mark.parametrize("indent", ["", "  "])
def test_the_key_after_an_unknown_field_without_a_value_is_shown(indent: str, neighbour: str) -> None:
    """A value stands deeper than its key, or is an item of a list: what is beside the field is another one's."""
    lines = [f"{indent}zzz:", f"{indent}{neighbour}"]
    at = len(indent) + 1
    unknown = Problem(FILE, 1, at, "unknown-field", "m", 1, at + 3, pointer="/zzz")
    other = Problem(FILE, 2, at, "not-allowed", "m", 2, at + 4)
    assert quoted(lines, other, unknown)[0] == f"2 | {indent}{neighbour}"


@pytest.mark.parametrize(
    "below", ["- hunter2", "hunter2", "  task: hunter2", '"hunter2: x"', "hunter2:x", "-hunter2: x", "? hunter2: x"]
)
def test_what_may_be_the_value_of_an_unknown_field_is_not(below: str) -> None:
    """An item, a text or a deeper line may be the field's value, which nobody knows."""
    unknown = Problem(FILE, 1, 1, "unknown-field", "m", 1, 4, pointer="/zzz")
    assert "hunter2" not in "".join(quoted(["zzz:", below], Problem(FILE, 2, 1, "syntax", "m"), unknown))
    assert "hunter2" not in "".join(
        quoted(["apikey:", "hunter2: x"], Problem(FILE, 2, 1, "syntax", "m"), unknown._replace(end_column=7))
    )


def test_the_value_of_a_mistyped_field_is_shown_where_it_is_no_secret() -> None:
    """A slip of a known field's name makes nothing of its value a secret, unless either name is a secret's."""

    def shown(line: str, end: int, suggestion: str | None) -> str:
        return quoted([line], Problem(FILE, 1, 1, "unknown-field", "m", 1, end, suggestion=suggestion))[0]

    assert shown("dispaly_name: x y", 13, "display_name") == "1 | dispaly_name: x y"
    assert shown("url: x", 4, "endpoint.url") == "1 | url: x"
    assert shown("zzz: x", 4, None) == "1 | zzz: ***"
    assert shown("zzz: x", 4, "endpoint.url") == "1 | zzz: ***"
    assert shown("zzz: ${env:A}", 4, None) == "1 | zzz: ${env:A}"


def test_siblings_of_a_secret_are_shown() -> None:
    """Only what lies deeper than a secret's name belongs to it, also in a list of objects."""
    lines = [f"- token: {SECRET}", "  urll: x", "b: c"]
    assert quoted(lines, Problem(FILE, 2, 3, "other", "m"))[0] == "2 |   urll: x"
    assert quoted(lines, Problem(FILE, 3, 1, "other", "m"))[0] == "3 | b: c"


@pytest.mark.parametrize(
    "line",
    ["token" * 100_000, "token:1," * 50_000, "a:" * 200_000, "://" + "a:" * 200_000, 'token: "' + "\\" * 400_000],
)
def test_no_line_takes_long(line: str) -> None:
    """However a line of a stranger's file is made, quoting it looks at a window around the place and costs no more than that.

    Measured is what this process itself computes: a busy machine makes nobody slow.
    """
    started = time.process_time()
    for column in (1, 5000, 300_000):
        quoted([line], Problem(FILE, 1, column, "other", "m"))
    assert time.process_time() - started < 10  # where it is quadratic, it is hours


def test_carets_are_red_and_yellow() -> None:
    """Colour tells errors from warnings, in the headline and under the line."""
    error, warning = (Problem(FILE, 1, 1, "r", "m", severity=severity) for severity in ("error", "warning"))
    assert "\x1b[31m^" in quoted(["a"], error, style=COLOURED)[1]
    assert "\x1b[33m^" in quoted(["a"], warning, style=COLOURED)[1]
