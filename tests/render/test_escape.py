"""What a stranger wrote never acts: in a terminal, in Markdown, in an annotation, in XML, in JSON."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt
from render.samples import COLOURED, EVIL, PLAIN, evil_plan, evil_report, evil_validation

from reconciler import render
from reconciler.render import escape

FAMILIES = {
    "plan": (render.PLAN, evil_plan()),
    "drift": (render.DRIFT, evil_plan()),
    "report": (render.REPORT, evil_report()),
    "validation": (render.VALIDATION, evil_validation()),
}
ALL = [(family, name) for family, (formats, _) in FAMILIES.items() for name in formats]
UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
OUR_STYLES = re.compile(r"\x1b\[[0-9;]+m")


def rendered(family: str, name: str, style=PLAIN) -> str:
    formats, value = FAMILIES[family]
    return render.load(formats[name])(value, style)


@pytest.mark.parametrize(("family", "name"), ALL)
def test_no_output_holds_a_raw_control_character(family: str, name: str) -> None:
    """No format lets through what a terminal obeys or a reader cannot see, and all can be encoded as UTF-8."""
    text = rendered(family, name)
    assert not UNSAFE.search(text)
    text.encode()


@pytest.mark.parametrize("family", FAMILIES)
def test_colour_adds_only_our_own_styles(family: str) -> None:
    """With colour, the only escape sequences are those of the style table, and each line closes what it opens."""
    text = rendered(family, "text", COLOURED)
    assert OUR_STYLES.search(text)
    assert OUR_STYLES.sub("", text) == rendered(family, "text")
    assert all(line.count("\x1b[0m") * 2 == line.count("\x1b[") for line in text.split("\n"))


def seen(token) -> str:
    """What GitHub looks for mentions in: text, and the tags that say which of it is code."""
    return token.content if token.type in ("text", "html_inline") else ""


@pytest.mark.parametrize("family", ["plan", "drift", "report"])
def test_markdown_stays_what_we_wrote(family: str) -> None:
    """A stranger's text makes no link, image, HTML, mention, issue reference, or cell of its own."""
    text = rendered(family, "markdown")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    rows = sum(token.type == "tr_open" for token in tokens)
    cells = sum(token.type == "td_open" for token in tokens)
    inline = [child for token in tokens for child in token.children or ()]
    html = [token.content for token in [*tokens, *inline] if token.type.startswith("html_")]
    ours = re.compile(r"<!-- reconciler:\w+(?: env=[\w.%/-]+)? -->|</?(?:details|summary|code)>")
    assert not [token for token in inline if token.type in ("link_open", "image")]
    assert not re.search("<", "".join(ours.sub("", text) for text in html))
    assert not re.search(r"@\w|#\d", re.sub(r"<code>.*?</code>", "", "".join(map(seen, inline))))
    tables = sum(token.type == "table_open" for token in tokens)
    assert (rows - tables) * {"report": 3}.get(family, 5) == cells
    assert rows - tables == {"report": 5}.get(family, 8)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("@octocat", "@\u200boctocat"),
        ("see #12", "see #\u200b12"),
        ("GH-12", "GH-\u200b12"),
        (
            "deadbee in 0123456789abcdef0123456789abcdef01234567",
            "d\u200beadbee in 0\u200b123456789abcdef0123456789abcdef01234567",
        ),
        ("group/project!12 and &3", "group/project!\u200b12 and &\u200b3"),
        ('~bug ~"two words" %1', '~\u200bbug ~\u200b"two words" %\u200b1'),
        (":tada: 10:30", ":\u200btada: 10:30"),
        ("a!b 5% & ~ x^y", "a!b 5% & ~ x^y"),
    ],
)
def test_markdown_has_no_reference_once_it_is_read(text: str, shown: str) -> None:
    """GitHub and GitLab look for references in what is left once Markdown is read: there a sign without width parts them."""
    (paragraph,) = [token for token in MarkdownIt("commonmark").parse(escape.markdown(text)) if token.type == "inline"]
    assert "".join(child.content for child in paragraph.children or ()) == shown


@pytest.mark.parametrize("text", ["- a", "+ a", "1. a", "2) a", "=====", "---", "# a", "> a", "-"])
def test_prose_begins_no_block(text: str) -> None:
    """A value at the beginning of a line or an item is a paragraph, whatever it begins with."""
    for before in ("", "- "):
        tokens = MarkdownIt("commonmark").parse(f"{before}{escape.markdown(text)}")
        assert [token.type for token in tokens if token.type.endswith("_open")] == [
            *(["bullet_list_open", "list_item_open"] if before else []),
            "paragraph_open",
        ]


def test_a_fence_cannot_be_closed_from_inside() -> None:
    """Backticks in a value make the fence around it longer."""
    assert escape.fence("a ```` b", 3) == "`````"
    assert escape.fence("", 3) == "```"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "`plain`"),
        ("a`b", "``a`b``"),
        ("`", "`` ` ``"),
        (" a ", "`  a  `"),
        ("", "*(empty)*"),
        ("a\nb", "`a\\nb`"),
    ],
)
def test_code_spans(text: str, shown: str) -> None:
    """A code span shows exactly its text, whatever backticks and spaces are in it."""
    assert escape.markdown_code(text) == shown


def test_a_pipe_in_code_does_not_split_a_cell() -> None:
    """In a table, code that holds a pipe or a backslash is written with entities."""
    assert escape.markdown_code("a|b\\", table=True) == "<code>a&#124;b&#92;</code>"
    assert escape.markdown_code("a-b/c.d", table=True) == "`a-b/c.d`"


def test_annotations_are_one_line_each() -> None:
    """No text ends an annotation early, and no line but the last is anything else."""
    lines = rendered("validation", "github").split("\n")
    assert len(lines) == 4
    assert all(line.startswith(("::error file=", "::warning file=")) for line in lines[:3])
    for line in lines[:3]:
        properties = line.split("::")[1]
        assert properties.count("=") == 6
        assert properties.count(",") == 5


def test_annotation_encodings() -> None:
    """Percent, line breaks, and in properties colon and comma, are percent-encoded."""
    assert escape.annotation("50%\r\na:b,c") == "50%25%0Aa:b,c"
    assert escape.annotation_property("C:\\a,b%") == "C%3A\\a%2Cb%25"


def test_xml_is_well_formed() -> None:
    """JUnit output parses whatever the texts hold, and the suite is still ours."""
    suite = ElementTree.fromstring(rendered("validation", "junit"))
    assert [case.get("classname") for case in suite.iter("testcase")] == ["reconciler.validate"]
    assert escape.xml("\x00\ufffe<\"&'>") == "&lt;&quot;&amp;&apos;&gt;"


@pytest.mark.parametrize(("family", "name"), [pair for pair in ALL if pair[1] in ("json", "sarif")])
def test_json_means_what_it_meant(family: str, name: str) -> None:
    """Escaping in JSON changes how a text is written, never what it is."""
    text = rendered(family, name)
    if name == "json":
        assert json.dumps(EVIL)[1:-1] in json.dumps(json.loads(text))
    assert json.loads(text)


def test_what_is_readable_stays_readable() -> None:
    """Letters of all scripts, emoji and quotes are not escaped."""
    text = "Zoë — 日本語 🙂 'x' \"y\""
    assert escape.printable(text) == text
    assert escape.printable("a\x1b\u202e\U000e0041") == "a\\x1b\\u202e\\U000e0041"
    assert escape.json_text("\U000e0041") == "\\udb40\\udc41"
