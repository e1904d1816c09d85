"""Global ids: `gid://shopify/Product/1`. https://shopify.dev/docs/api/usage/gids"""

import re
from typing import Final, NamedTuple

GID: Final = re.compile(r"gid://shopify/(\w+)/(\d+)(?:\?inventory_item_id=(\d+))?")


class Gid(NamedTuple):
    """A global id taken apart; `item` belongs to the id of an inventory level."""

    kind: str
    number: int
    item: int | None


def parse(text: str) -> Gid | None:
    """The parts of an id, None if it is none of ours."""
    found = GID.fullmatch(text)
    return Gid(found[1], int(found[2]), int(found[3]) if found[3] else None) if found else None


def number(text: str, kind: str) -> int | None:
    """The number in an id of this kind, None for another kind."""
    found = parse(text)
    return found.number if found and found.kind == kind else None


def level(location_id: int, item_id: int) -> str:
    """The id of an inventory level, to which its query part belongs."""
    return f"gid://shopify/InventoryLevel/{location_id}?inventory_item_id={item_id}"
