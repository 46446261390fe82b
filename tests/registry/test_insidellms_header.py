"""Our line in a file, wherever somebody's editor, hook or formatter put it: found, or the file is a conflict; never as if it were nobody's."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from ruamel.yaml import YAML
from world import World, actions, native, statuses

from reconciler.registry.insidellms.header import header_in

KEPT: Final = ("# mine: above", "# mine: beside", "# mine: below")


def dummy(**fields: Any) -> dict[str, Any]:
    return native("insidellms/Model", "chat", model={"type": "dummy", "args": {"name": "A"}}, **fields)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World.of("team-a", root=tmp_path, one={"driver": "insidellms", "path": "runs"}) as world:
        yield world


def round_trip(text: str) -> str:
    """As ruamel.yaml writes it again, set in as many projects have it."""
    yaml, stream = YAML(), io.StringIO()
    yaml.indent(mapping=4, sequence=6, offset=4)
    yaml.explicit_start = True  # type: ignore[assignment]
    yaml.dump(yaml.load(text), stream)
    return stream.getvalue()


def moved(text: str, to: Callable[[str, str], str]) -> str:
    """Our line taken from the top and put elsewhere."""
    said, mark, rest = text.split("\n", 2)
    return to(mark, f"{said}\n{rest}")


FORMATTERS: Final[dict[str, Callable[[str], str]]] = {
    "document-start": lambda text: f"---\n{text}",
    "directive": lambda text: f"%YAML 1.2\n---\n{text}",
    "licence": lambda text: f"# Copyright\n\n# all rights\n\n{text}",
    "comment-behind-start": lambda text: f"--- # a run\n{text}",
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "no-space": lambda text: text.replace("# reconciler: ", "#reconciler:"),
    "more-space": lambda text: text.replace("# reconciler: ", "#   reconciler :  "),
    "double": lambda text: text.replace("# reconciler: ", "## reconciler: "),
    "trailing-space": lambda text: "\n".join(f"{line}  " for line in text.split("\n")),
    "set-in": lambda text: text.replace("# reconciler: ", "    # reconciler: "),
    "ruamel": round_trip,
    "end": lambda text: moved(text, lambda mark, rest: f"{rest}{mark}\n"),
    "inside": lambda text: moved(text, lambda mark, rest: rest.replace("  args:", f"  {mark}\n  args:")),
    "beside": lambda text: moved(text, lambda mark, rest: rest.replace("type: dummy", f"type: dummy {mark}")),
    "end-of-document": lambda text: f"---\n{text}...\n",
    "bom": lambda text: f"\ufeff{text}",
    "all-at-once": lambda text: f"%YAML 1.2\n# Copyright\n---\n\n{round_trip(text)[4:]}".replace("\n", "\r\n"),
}


@pytest.mark.parametrize("formatter", FORMATTERS)
async def test_a_file_stays_ours_whatever_formats_it(world: World, formatter: str) -> None:
    """Nothing to do for us, a conflict for others, still protected, and an update is one update."""
    await world.apply(dummy(protected=True))
    file = world.root / "runs" / "chat.yaml"
    file.write_bytes(FORMATTERS[formatter](file.read_text("utf-8")).encode())
    assert actions(await world.plan(dummy(protected=True))) == {}
    assert actions(await world.as_owner("team-b").plan(dummy())) == {"Model/chat": "conflict owner"}
    other = dummy() | {"key": "other"}
    assert actions(await world.plan(other, prune=True))["Model/chat"] == "blocked protected"
    report = await world.apply(dummy(protected=True, generation={"seed": 1}))
    assert set(statuses(report).values()) == {"ok"}, report.outcomes
    text = file.read_bytes().decode()
    assert text.count("reconciler: {") == 1
    assert ("\r\n" in text) == (formatter in ("crlf", "all-at-once"))
    assert actions(await world.plan(dummy(protected=True, generation={"seed": 1}))) == {}


DAMAGE: Final[dict[str, Callable[[str], str]]] = {
    "folded": lambda text: text.replace(',"key"', ',\n# "key"'),
    "cut": lambda text: text.replace('"applied"', '"app'),
    "mark-gone": lambda text: moved(text, lambda mark, rest: rest),
    "twice": lambda text: moved(text, lambda mark, rest: f"{mark}\n{mark}\n{rest}"),
    "in-a-text": lambda text: moved(text, lambda mark, rest: f"{rest}note: |\n  {mark}\n".split("\n", 1)[1]),
    "emptied": lambda text: moved(text, lambda mark, rest: f"# reconciler:\n{rest}"),
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_trace_of_our_line_is_a_conflict(world: World, damage: str) -> None:
    """It cannot be read, so nobody adopts the file, writes it over or deletes it."""
    await world.apply(dummy())
    file = world.root / "runs" / "chat.yaml"
    spoilt = DAMAGE[damage](file.read_text("utf-8"))
    file.write_text(spoilt, "utf-8")
    for owner in ("team-a", "team-b"):
        assert actions(await world.as_owner(owner).plan(dummy(), prune=True)) == {"Model/chat": "conflict unreadable"}
    await world.as_owner("team-b").apply(dummy(generation={"seed": 1}))
    assert file.read_text("utf-8") == spoilt


async def test_comments_and_strangers_outlive_an_update(world: World) -> None:
    """The file is edited: comments, quotes, order and members that nobody knows stay where they are."""
    await world.apply(dummy(generation={"seed": 1, "temperature": 0.5}))
    file = world.root / "runs" / "chat.yaml"
    text = file.read_text("utf-8")
    text = text.replace("model:\n", f'{KEPT[0]}\nzeta: {{a: "yes", b: [1, 2]}}\nmodel:\n')
    text = text.replace("  seed: 1", f"  seed: 1  {KEPT[1]}") + f"runner:\n  concurrency: 2\n  {KEPT[2]}\n"
    file.write_text(text, "utf-8")
    assert actions(await world.plan(dummy(generation={"seed": 1, "temperature": 0.5}))) == {}
    await world.apply(dummy(generation={"seed": 2, "temperature": 0.5, "top_p": 1}))
    after = file.read_text("utf-8")
    assert all(comment in after for comment in KEPT)
    assert 'zeta: {a: "yes", b: [1, 2]}' in after
    assert after.index("zeta") < after.index("model:") < after.index("runner:")
    assert "seed: 2" in after
    assert "top_p: 1" in after


@pytest.mark.parametrize(
    "text", ["", "model: {type: dummy}\n", "# reconcile\n", "#reconcilers: {}\n", "a: 'reconciler: {}'\n"]
)
def test_what_bears_no_trace_is_nobodys(text: str) -> None:
    """There is nothing of ours in it."""
    assert header_in(text) is None
