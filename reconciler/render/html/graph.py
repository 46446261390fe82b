"""The graph of dependencies, laid out: what goes first on the left, what waits for it to its right. Pure.

A graph too large to be read is folded: one node for all objects of a kind with the same action in one registry. What
neither waits nor is waited for is in no graph.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from reconciler.core.resource import Address
from reconciler.planner.plan import Change
from reconciler.render.escape import printable
from reconciler.render.html.page import link
from reconciler.render.room import short

MOST_NODES: Final = 40
MOST_EDGES: Final = 120
WIDTH: Final = 208  # of one node, in the drawing's units
HEIGHT: Final = 40
_GAP_X: Final = 72
_GAP_Y: Final = 14
_MARGIN: Final = 4
_CHARACTERS: Final = 25  # of a name in a node
_ABOUT: Final = 29  # of what stands below it
_SWEEPS: Final = 4

Edges = Mapping[str, frozenset[str]]  # of each node, those that it waits for


class Node(NamedTuple):
    """One object, or with `href` empty all objects of a kind; `x` and `y` are its upper left corner."""

    x: int
    y: int
    action: str
    name: str
    about: str
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Graph:
    """A drawing: nodes, and edges as paths. `objects` counts what it stands for."""

    nodes: tuple[Node, ...]
    edges: tuple[str, ...]
    width: int
    height: int
    objects: int
    folded: bool


class _Label(NamedTuple):
    action: str
    name: str
    about: str
    title: str
    href: str


def graph(changes: Sequence[Change], verbs: Mapping[str, str]) -> Graph | None:
    """The graph of these changes, or None where none waits for another. `verbs` are the words of actions."""
    known = {str(change.address): change for change in changes}
    waits = {
        name: frozenset(needed for one in change.depends_on if (needed := str(one)) in known and needed != name)
        for name, change in known.items()
    }
    joined = {name for name, needs in waits.items() if needs} | {one for needs in waits.values() for one in needs}
    if not joined:
        return None
    edges = {name: waits[name] for name in known if name in joined}
    if len(joined) <= MOST_NODES and sum(map(len, edges.values())) <= MOST_EDGES:
        labels = {name: _object(known[name], verbs) for name in edges}
        return _drawn(edges, labels, len(joined), folded=False)
    groups = {name: _group(known[name]) for name in edges}
    folded: dict[str, set[str]] = {group: set() for group in dict.fromkeys(groups.values())}
    for name, needs in edges.items():
        folded[groups[name]].update(groups[one] for one in needs if groups[one] != groups[name])
    sizes = Counter(groups.values())
    first = {groups[name]: known[name] for name in reversed(list(edges))}
    labels = {group: _kind(first[group], sizes[group], verbs) for group in folded}
    return _drawn({group: frozenset(needs) for group, needs in folded.items()}, labels, len(joined), folded=True)


def _object(change: Change, verbs: Mapping[str, str]) -> _Label:
    address: Address = change.address
    about = f"{verbs[change.action]} · {address.registry}/{address.kind}"
    return _Label(change.action, _short(address.key), _short(about, _ABOUT), str(address), link(str(address)))


def _kind(change: Change, size: int, verbs: Mapping[str, str]) -> _Label:
    address, verb = change.address, verbs[change.action]
    title = f"{size:,} × {verb} {address.registry}/{address.kind}"
    return _Label(
        change.action, _short(f"{size:,} × {address.kind}"), _short(f"{verb} · {address.registry}", _ABOUT), title, ""
    )


def _group(change: Change) -> str:
    return "\n".join((change.action, change.address.registry, change.address.kind))


def _short(text: str, most: int = _CHARACTERS) -> str:
    return short(printable(text), most)


def _drawn(edges: Edges, labels: Mapping[str, _Label], objects: int, *, folded: bool) -> Graph:
    columns = _columns(edges)
    ways = _ways(columns, edges)
    steps: dict[str, set[str]] = {name: set() for column in columns for name in column}
    for way in ways:
        for one, following in pairwise(way):
            steps.setdefault(following, set()).add(one)
    columns = _ordered(columns, {name: frozenset(needs) for name, needs in steps.items()})
    tallest = max(map(len, columns))
    places = {
        name: (
            _MARGIN + place * (WIDTH + _GAP_X),
            _MARGIN + row * (HEIGHT + _GAP_Y) + (tallest - len(column)) * (HEIGHT + _GAP_Y) // 2,
        )
        for place, column in enumerate(columns)
        for row, name in enumerate(column)
    }
    nodes = tuple(Node(*places[name], *labels[name]) for column in columns for name in column if name in labels)
    paths = tuple(_path([places[name] for name in way]) for way in ways)
    width = len(columns) * (WIDTH + _GAP_X) - _GAP_X + 2 * _MARGIN
    return Graph(nodes, paths, width, tallest * (HEIGHT + _GAP_Y) - _GAP_Y + 2 * _MARGIN, objects, folded)


def _ways(columns: list[list[str]], edges: Edges) -> list[list[str]]:
    """Each edge as a way from node to node. In the columns that it passes, which grow, it has a place of its own."""
    depth = {name: place for place, column in enumerate(columns) for name in column}
    ways = []
    for name, needs in edges.items():
        for one in sorted(needs):
            between = [(place, f"{one}\n{name}\n{place}") for place in range(depth[one] + 1, depth[name])]
            for place, passing in between:
                columns[place].append(passing)
            ways.append([one, *(passing for _, passing in between), name])
    return ways


def _columns(edges: Edges) -> list[list[str]]:
    """The nodes by the longest way to them. A circle, which a folded graph may have, is cut where it is met again."""
    depth: dict[str, int] = {}
    for start in edges:
        path: list[tuple[str, Iterable[str]]] = [(start, iter(sorted(edges[start])))]
        under_way = {start}
        while path:
            name, rest = path[-1]
            following = next((one for one in rest if one not in depth and one not in under_way), None)
            if following is None or name in depth:
                depth.setdefault(name, 1 + max((depth[one] for one in edges[name] if one in depth), default=-1))
                under_way.discard(name)
                path.pop()
            else:
                under_way.add(following)
                path.append((following, iter(sorted(edges[following]))))
    columns: dict[int, list[str]] = defaultdict(list)
    for name in edges:
        columns[depth[name]].append(name)
    return [columns[place] for place in sorted(columns)]


def _ordered(columns: list[list[str]], edges: Edges) -> list[list[str]]:
    """The nodes of each column near those that they are joined to."""
    joined: dict[str, set[str]] = {name: set(needs) for name, needs in edges.items()}
    for name, needs in edges.items():
        for one in needs:
            joined[one].add(name)
    for sweep in range(_SWEEPS):
        heights = {name: row / len(column) for column in columns for row, name in enumerate(column)}
        for column in columns if sweep % 2 == 0 else reversed(columns):
            means = {name: sum(heights[one] for one in joined[name]) / max(1, len(joined[name])) for name in column}
            column.sort(key=lambda name: (means[name], name))
            heights.update({name: row / len(column) for row, name in enumerate(column)})
    return columns


def _path(way: Sequence[tuple[int, int]]) -> str:
    """A curve from the right of the first node to the left of the last, straight through the places between."""
    x, y = way[0][0] + WIDTH, way[0][1] + HEIGHT // 2
    drawn = f"M{x} {y}"
    for place, (left, top) in enumerate(way[1:], 2):
        last = place == len(way)
        to_x, to_y = left - 5 if last else left, top + HEIGHT // 2
        middle = (x + to_x) // 2
        drawn += f"C{middle} {y} {middle} {to_y} {to_x} {to_y}"
        if not last:
            x, y = left + WIDTH, to_y
            drawn += f"H{x}"
    return drawn
