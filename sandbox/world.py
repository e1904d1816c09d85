"""The whole world: what a world file says, checked, and the same form again with everything that happened.

Keys beyond those every world file has are described in `sandbox.shopify.section` and `sandbox.rms`.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sandbox.clock import Clock
from sandbox.reading import Json, Key, Path, WorldError, anything, mapped, read
from sandbox.rms import read_section
from sandbox.shopify.section import read_shop
from sandbox.shopify.shop import Shop

LATER: Final = ("bricklink", "brickowl", "bigbuy", "aliexpress")
"""Systems whose stand-ins are not built yet."""


def _empty(value: Json, path: Path) -> dict[str, Any]:
    found: dict[str, Any] = mapped(anything)(value, path)
    if found:
        raise WorldError(path, "this stand-in is not served yet; leave it out or empty")
    return found


KEYS: Final = {
    "shopify": Key(mapped(anything), lambda: {"own.example": {}}),
    "rms": Key(anything, dict),
    **{name: Key(_empty, dict) for name in LATER},
}


def read_world(world: Json, clock: Clock, plan: str) -> tuple[dict[str, Shop], dict[str, Any]]:
    """Shops by domain, and RMS's rows; WorldError, one line, if the world cannot be."""
    if not isinstance(world, dict):
        raise WorldError((), "a world must be a JSON object")
    with collecting_no_garbage():
        found = read(world, (), KEYS)
        shops = {
            domain: read_shop(domain, value, ("shopify", domain), clock, plan)
            for domain, value in found["shopify"].items()
        }
        return shops, read_section(found["rms"], ("rms",))


@contextmanager
def collecting_no_garbage() -> Iterator[None]:
    """While a world grows there is none, and looking for it over and over takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
