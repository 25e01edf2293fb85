"""A graph from left to right: nodes in columns, edges between them. Positions are computed here."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

WIDTH, HEIGHT = 190, 46
_GAP_X, _GAP_Y, _MARGIN = 56, 16, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One box.

    Attributes:
        key: Unique in its graph.
        kind: ``data``, ``job``, ``run``, ``model``, ``place`` or ``more``; decides the colour.
        title, subtitle: What it says.
        href: Where it leads; an empty text if nowhere.
        column: From left to right; columns without nodes take no room.
        is_outside: Whether `href` is a page of the MLflow UI.
        x, y: Of its upper left corner, in pixels.
    """

    key: str
    kind: str
    title: str
    subtitle: str
    href: str
    column: int
    is_outside: bool = False
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Nodes with their places, the edges by the nodes' keys, and the size of the whole."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]
    width: float
    height: float

    def to_dict(self) -> dict[str, Any]:
        """Return what ``json.dumps`` can write."""
        return asdict(self) | {"node_width": WIDTH, "node_height": HEIGHT}


def laid_out(nodes: Sequence[Node], edges: Sequence[tuple[str, str]]) -> Graph:
    """Give each node its place: columns from left to right, each in the middle of the height.

    Nodes of a column keep their order, but those with the same predecessor stand together.
    """
    columns: dict[int, list[Node]] = {}
    for node in nodes:
        columns.setdefault(node.column, []).append(node)
    tallest = max(len(one) for one in columns.values())
    height = 2 * _MARGIN + tallest * (HEIGHT + _GAP_Y) - _GAP_Y
    placed: dict[str, Node] = {}
    for place, (_, column) in enumerate(sorted(columns.items())):
        own = len(column) * (HEIGHT + _GAP_Y) - _GAP_Y
        top = (height - own) / 2
        ordered = sorted(column, key=lambda one: _before(one, edges, placed))
        for row, node in enumerate(ordered):
            placed[node.key] = replace(
                node,
                x=_MARGIN + place * (WIDTH + _GAP_X),
                y=top + row * (HEIGHT + _GAP_Y),
            )
    width = 2 * _MARGIN + len(columns) * (WIDTH + _GAP_X) - _GAP_X
    known = tuple(edge for edge in edges if edge[0] in placed and edge[1] in placed)
    return Graph(nodes=tuple(placed.values()), edges=known, width=width, height=height)


def _before(node: Node, edges: Sequence[tuple[str, str]], placed: dict[str, Node]) -> float:
    """Return the height of the nodes before one, so that edges cross little."""
    heights = [placed[a].y for a, b in edges if b == node.key and a in placed]
    return sum(heights) / len(heights) if heights else 0.0
