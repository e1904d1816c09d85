"""Which of Brick Owl's items, and in which of its colours, a part of BrickLink's is. Pure.

A wrong choice would sell the wrong thing, so that whatever is ambiguous is refused with all candidates.
"""

from collections.abc import Mapping, Sequence

from connectors.brickowl.terms import COLORED, refused, type_of
from connectors.market import Part


def choose(part: Part, boids: Sequence[str], colors: Mapping[int, Sequence[int]]) -> str:
    """The BOID to sell a part under, with its colour where its type has one.

    `boids` are those of its number, `colors` Brick Owl's colours by BrickLink's. Raises Refused with the code
    `no_item`, `no_color` or `ambiguous`.
    """
    if not boids:
        raise refused("no_item", f"Brick Owl has no item for {_named(part)}")
    kind = type_of(part.item_type, part.no)
    plain = sorted({boid for boid in boids if "-" not in boid})
    if kind not in COLORED or (kind == "Gear" and part.color_id == 0):
        return _only(part, plain)
    own = {str(color) for color in colors.get(part.color_id, ())}
    colored = sorted({boid for boid in boids if boid.partition("-")[2] in own})
    if not plain:
        return _only(part, colored)
    # Another item that has just this colour is as likely to be the one that is meant.
    others = [boid for boid in colored if boid.partition("-")[0] not in plain]
    return f"{_only(part, [*plain, *others])}-{_color(part, colors)}"


def _only(part: Part, boids: Sequence[str]) -> str:
    if not boids:
        raise refused("no_color", f"Brick Owl has {_named(part)} in other colours than {part.color_id} only")
    if len(boids) > 1:
        raise refused("ambiguous", f"Brick Owl has several items for {_named(part)}: {_all(boids)}")
    return boids[0]


def _color(part: Part, colors: Mapping[int, Sequence[int]]) -> int:
    found = sorted(set(colors.get(part.color_id, ())))
    if not found:
        raise refused("no_color", f"Brick Owl has no colour for BrickLink's {part.color_id} ({_named(part)})")
    if len(found) > 1:
        text = (
            f"Brick Owl has several colours for BrickLink's {part.color_id} ({_named(part)}): {_all(found)}"
        )
        raise refused("ambiguous", text)
    return found[0]


def _named(part: Part) -> str:
    return f"{part.item_type} {part.no}"


def _all(found: Sequence[object]) -> str:
    return ", ".join(str(each) for each in found)
