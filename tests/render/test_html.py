"""The HTML reports as text: every value is escaped, wherever it stands; sides, facets, drawings and their bounds."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from render.samples import EVIL, PLAIN, address, evil_plan, evil_report, evil_validation, plan, report, validation

from reconciler import render
from reconciler.applier.report import Outcome
from reconciler.core.errors import InputError
from reconciler.core.pointer import MISSING
from reconciler.core.resource import Address, Desired, Resource
from reconciler.planner.plan import Change, FieldChange, Plan
from reconciler.render.html.facets import MOST_OPTIONS, facets
from reconciler.render.html.graph import MOST_NODES, graph
from reconciler.render.html.sides import FULL, SHORT, Line, listing, sides
from reconciler.render.html.timeline import MOST_BARS, SLOWEST, seconds, timeline
from reconciler.render.sections import PLAN_WORDING

VOID = {"meta", "input", "br"}
ATTACK = "\"'><script>alert(1)</script><!--</style></title>]]>{{ 7 * 7 }}{% raw %}&lt;\n\x00\u202e"
PLAN_PAGE, DRIFT_PAGE = (render.load(family["html"]) for family in (render.PLAN, render.DRIFT))
APPLY_PAGE, VALIDATION_PAGE = (render.load(family["html"]) for family in (render.REPORT, render.VALIDATION))


class Reader(HTMLParser):
    """Reads a page as a browser would: its elements with their attributes, and its text. An element left open is an error."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def shape(reader: Reader) -> list[tuple[str, list[str]]]:
    return [(tag, sorted(attributes)) for tag, attributes in reader.elements]


def failure_page(text: str) -> str:
    error = InputError(text, hint=text)
    return str(render.load("reconciler.render.failure:render")("html", error, "plan"))


@pytest.mark.parametrize(
    "page",
    [
        PLAN_PAGE(evil_plan(), PLAIN),
        DRIFT_PAGE(replace(evil_plan(), pending=2), PLAIN),
        APPLY_PAGE(evil_report(), PLAIN),
        VALIDATION_PAGE(evil_validation(), PLAIN),
        failure_page(EVIL),
        failure_page(ATTACK),
    ],
)
def test_a_hostile_value_is_text(page: str) -> None:
    """Whatever a value holds, the page has our elements alone, its links lead nowhere else, and no raw control character is in it."""
    reader = read(page)
    tags = [tag for tag, _ in reader.elements]
    assert (tags.count("script"), tags.count("style")) == (2, 1)
    assert not {"img", "iframe", "object", "embed", "link", "form", "base"} & set(tags)
    for _, attributes in reader.elements:
        assert not [
            name for name in attributes if name.startswith("on") or name in ("style", "src", "srcdoc", "action")
        ]
        assert attributes.get("href", "#").startswith("#")
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]", page
    )
    assert "::error::" not in page


@given(st.text() | st.just(ATTACK) | st.text(alphabet="<>\"'&/=`{}%# \n:[]-x", min_size=1))
def test_the_page_has_the_same_shape_for_every_value(text: str) -> None:
    """Property: no text in any place adds, removes or renames an element or an attribute."""
    assert shape(read(PLAN_PAGE(_everywhere(text), PLAIN))) == shape(read(PLAN_PAGE(_everywhere("x"), PLAIN)))


def _everywhere(text: str) -> Plan:
    """A plan with the text in every place that shows one, always as one line, and never as one of our own reasons."""
    line = re.sub(r"[\n]", "", text)
    where = Address(f"r{line}", f"K{line}", f"k{line}")
    item = Desired(Resource(where, {}), "k", labels={line: line})
    old = FieldChange(f"/{line}", 1, [line])
    new = FieldChange(f"/{line}", after=f"v{line}")
    changes = (
        Change(where, "conflict", f"x-{line}", (old,), message=f"m{line}", desired=item),
        Change(where._replace(key="new"), "create", f"r{line}", (new,), desired=item, depends_on=(where,)),
    )
    return Plan(changes, 1, (where,), environment=f"e{line}")


@pytest.mark.parametrize(
    "page", [PLAN_PAGE(plan(), PLAIN), APPLY_PAGE(report(), PLAIN), VALIDATION_PAGE(validation(), PLAIN)]
)
def test_the_policy_allows_our_own_style_and_script_alone(page: str) -> None:
    """The policy stands before all that it is about, and names the digests of the style and the scripts as they stand there."""
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy.start() < page.index("<style>")
    said = dict(part.strip().split(" ", 1) for part in unescape(policy[1]).split(";"))
    assert said["default-src"] == said["base-uri"] == said["form-action"] == "'none'"
    for name in ("style", "script"):
        parts = re.findall(f"<{name}>(.*?)</{name}>", page, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in parts]
        assert said[f"{name}-src"] == " ".join(f"'sha256-{digest}'" for digest in digests)
    assert "unsafe" not in policy[1]
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)


def test_a_secret_is_a_word() -> None:
    """A sensitive field is "(secret)" in every form of a row, whatever values it was given."""
    field = FieldChange("/api_key", "sk-before", "sk-after", sensitive=True)
    changes = tuple(
        Change(address(action), action, "changed", (field,))
        for action in ("create", "update", "replace", "rename", "delete")
    )
    for page in (PLAN_PAGE(Plan(changes, 0), PLAIN), DRIFT_PAGE(Plan(changes, 0, pending=0), PLAIN)):
        assert "sk-" not in page
        assert page.count("(secret)") >= len(changes)
    quoted = VALIDATION_PAGE(validation(), PLAIN)
    assert "sk-12345" not in quoted
    assert "api_key: ***" in quoted


def test_every_change_has_its_place() -> None:
    """Each change is one element with its address as id, also in a fold; drift has no green "missing"."""
    fold = tuple(Change(address(f"t{number}"), "update", "drifted", (FieldChange("/x", 1, 2),)) for number in range(9))
    page = PLAN_PAGE(Plan((*plan().changes, *fold), 0), PLAIN)
    ids = [attributes["id"] for _, attributes in read(page).elements if "data-v" in attributes]
    assert sorted(ids) == sorted(str(change.address) for change in (*plan().changes, *fold))
    assert len(re.findall('class="fold ', page)) == 1
    assert 'class="row a-create"' not in DRIFT_PAGE(
        Plan((Change(address("a"), "create", "missing"),), 0, pending=0), PLAIN
    )


def words(line: Line) -> tuple[str, str]:
    """Both sides, with what is marked in brackets."""
    old, new = (
        "".join(f"[{part.text}]" if part.marked else part.text for part in side or ()) for side in (line.old, line.new)
    )
    return old, new


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (60, 90, [("[60]", "[90]")]),
        ("llama-3.1-70b", "llama-3.3-70b", [('"llama-[3.1]-70b"', '"llama-[3.3]-70b"')]),
        ("the old report", "the report", [('"the [old ]report"', '"the report"')]),
        (MISSING, True, [("", "true")]),
        (["a", "b"], ["a", "c"], [("[", "["), ('  "a",', '  "a",'), ('  ["b"]', '  ["c"]'), ("]", "]")]),
        ("one\ntwo", "one\ntwo\nthree", [("one", "one"), ("two", "two"), ("", "[three]")]),
        (1, True, [("[1]", "[true]")]),
    ],
)
def test_two_sides(before: object, after: object, shown: list[tuple[str, str]]) -> None:
    """Lines stand beside each other, and the words that differ are marked."""
    assert [words(line) for line in sides(FieldChange("/x", before, after), SHORT).lines] == shown


def test_what_is_long_is_shortened_and_says_so() -> None:
    """Equal lines and characters are counted instead of shown; with --full everything is there."""
    before = [f"line {number}" for number in range(50)]
    field = FieldChange("/x", "\n".join(before), "\n".join([*before[:25], "changed", *before[26:]]))
    lines = sides(field, SHORT).lines
    assert [line.note for line in lines if line.note] == ["… 23 equal lines", "… 22 equal lines"]
    assert len(sides(field, FULL).lines) == 50
    long = FieldChange("/x", "a" * 9_000 + " b", "a" * 9_000 + " c")
    [line] = sides(long, SHORT).lines
    assert "equal characters" in words(line)[0]
    assert words(line)[1].endswith('[c]"')
    assert "equal" not in words(sides(long, FULL).lines[0])[0]
    assert listing([FieldChange("/x", after=list(range(999)))], SHORT)[-1] == "… 800 more lines"
    assert len(listing([FieldChange("/x", after=list(range(999)))], FULL)) == 1000


@given(
    st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=12),
    st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=12),
)
def test_both_sides_are_all_there(before: list[str], after: list[str]) -> None:
    """Property: the lines of each side are its value's lines, in order, and a line without a mark is the same on both."""
    left, right = "\n".join(["x", *before]), "\n".join(["x", *after])
    found = sides(FieldChange("/x", left, right), FULL).lines
    for number, value in enumerate((left, right)):
        sides_of = [line[number] for line in found]
        expected = value.split("\n") if "\n" in value else [f'"{value}"']
        assert ["".join(part.text for part in side) for side in sides_of if side is not None] == expected
    assert all(line.differs for line in found if line.old != line.new)


def test_a_hostile_pair_costs_little() -> None:
    """Two long texts without a word in common are not compared word by word."""
    before, after = " ".join(map(str, range(20_000))), " ".join(map(str, range(20_000, 40_000)))
    [line] = sides(FieldChange("/x", before, after), SHORT).lines
    assert all(len(part.text) < 3_000 for side in (line.old, line.new) for part in side or ())


def test_a_new_object_is_an_indented_text() -> None:
    """The fields of a create read like the manifest: members below their name, secrets as a word, texts line by line."""
    fields = [
        FieldChange("/endpoint", after={"url": "https://x", "headers": {}}),
        FieldChange("/a~1b", after=["x", {"y": None}]),
        FieldChange("/prompt", after="one\ntwo"),
        FieldChange("/key", sensitive=True),
    ]
    assert listing(fields, SHORT) == [
        "endpoint:", '  url: "https://x"', "  headers: {}",
        "a/b:", '  - "x"', "  -", "    y: null",
        "prompt: |", "  one", "  two",
        "key: (secret)",
    ]  # fmt: skip


def test_facets_name_values_by_number() -> None:
    """A row has the numbers of its values; what all rows have is no choice; of thousands of values the most frequent are offered."""
    rows = [{"kind": ["Model"], "label": ["a=1", "b=2"]}, {"kind": ["Model"], "label": ["a=1"]}, {"kind": ["Model"]}]
    found, numbers = facets(rows, ("kind", "label"))
    assert [(facet.name, [(option.value, option.rows) for option in facet.options]) for facet in found] == [
        ("label", [("a=1", 2), ("b=2", 1)])
    ]
    assert numbers == ["0 1", "0", ""]
    [facet], _ = facets([{"label": [f"n={number}"]} for number in range(5_000)], ("label",))
    assert len(facet.options) == MOST_OPTIONS


def chain(number: int, kind: str = "Model") -> list[Change]:
    return [
        Change(
            address(f"{kind}{place}", kind),
            "create",
            "new",
            depends_on=(address(f"{kind}{place - 1}", kind),) if place else (),
        )
        for place in range(number)
    ]


def test_a_graph_goes_from_left_to_right() -> None:
    """What is needed stands left of what needs it; what is joined to nothing is not drawn; nothing joined is no graph."""
    found = graph([*chain(3), Change(address("alone"), "create", "new")], PLAN_WORDING.verbs)
    assert found is not None
    places = {node.title.rpartition("/")[2]: node.x for node in found.nodes}
    assert places["Model0"] < places["Model1"] < places["Model2"]
    assert (len(places), len(found.edges), found.folded) == (3, 2, False)
    assert (
        graph([Change(address(str(number)), "create", "new") for number in range(10_000)], PLAN_WORDING.verbs) is None
    )


def test_a_long_edge_passes_through_no_node() -> None:
    """An edge over a column has a row of its own there, so that no node hides it."""
    far = Change(address("far"), "create", "new", depends_on=(address("Model0"), address("Model1")))
    found = graph([*chain(2), far], PLAN_WORDING.verbs)
    assert found is not None
    [long] = [path for path in found.edges if "H" in path]
    heights = {int(number) for number in re.findall(r" (\d+)H", long)}
    middle = next(node for node in found.nodes if node.name == "Model1")
    assert heights
    assert not any(middle.y <= height <= middle.y + 40 for height in heights)


def test_a_large_graph_is_folded() -> None:
    """Over its limit a graph has one node for each kind and action, also where that makes a circle."""
    models = [Change(address(f"m{n}"), "create", "new", depends_on=(address(f"s{n}", "Secret"),)) for n in range(5_000)]
    secrets = [
        Change(address(f"s{n}", "Secret"), "create", "new", depends_on=(address(f"m{n + 1}"),)) for n in range(5_000)
    ]
    found = graph([*models, *secrets], PLAN_WORDING.verbs)
    assert found is not None
    assert (len(found.nodes), found.objects, found.folded) == (2, 10_000, True)
    assert sorted(node.title for node in found.nodes) == ["5,000 × create aigo/Model", "5,000 × create aigo/Secret"]
    assert len(graph(chain(MOST_NODES), PLAN_WORDING.verbs).nodes) == MOST_NODES


def test_a_timeline_shows_when_and_how_long() -> None:
    """A bar for each change that was begun, in the order of their beginnings; of a long run the slowest, and counts over time."""
    outcomes = [
        Outcome(address(f"m{n}"), "create", "ok" if n % 9 else "failed", "new", "", 0.1 + n / 1000, n / 10)
        for n in range(10)
    ]
    found = timeline([*reversed(outcomes), Outcome(address("skipped"), "create", "skipped", "dependency")])
    assert found is not None
    assert [bar.href for bar in found.bars] == [f"#aigo/Model/m{n}" for n in range(10)]
    assert all(bar.x >= 0 and bar.x + bar.width <= found.width + 3 for bar in found.bars)
    assert found.ticks[0].label == "0"
    long = timeline([replace(outcomes[n % 10], address=address(str(n)), started=n / 10) for n in range(10 * MOST_BARS)])
    assert long is not None
    assert (len(long.bars), long.size) == (SLOWEST, 10 * MOST_BARS)
    assert long.slices
    assert timeline([]) is None


def test_spans_are_short() -> None:
    assert [seconds(span) for span in (0.0123, 0.9, 1.25, 59.9, 61)] == [
        "12 ms",
        "900 ms",
        "1.25 s",
        "59.9 s",
        "1 min 1 s",
    ]


def test_ten_thousand_changes_are_a_small_file() -> None:
    """A plan of 10,000 different changes is less than 8 MB: 800 bytes for each, of which half is what it says."""
    number = 2_000
    changes = tuple(
        Change(
            address(f"model-{place:05d}"),
            "create",
            "new",
            (
                FieldChange("/display_name", after=f"Model {place}"),
                FieldChange("/endpoint", after={"url": f"https://m{place}.example.com/v1", "api_key": "${env:KEY}"}),
                FieldChange("/limits", after={"rpm": place, "tpm": place}),
            ),
            desired=Desired(Resource(address("x"), {}), "x", labels={"team": f"t{place % 40}"}),
        )
        for place in range(number)
    )
    assert len(PLAN_PAGE(Plan(changes, 0), PLAIN)) < 800 * number
