"""The whole world: what a world file says, checked, and the same form again with everything that happened.

Keys beyond those every world file has are described in `sandbox.shopify.section` and `sandbox.rms`.
"""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from sandbox.clock import Clock
from sandbox.frame import System
from sandbox.reading import Json, Key, Path, WorldError, anything, mapped, read
from sandbox.rms import read_section
from sandbox.shopify.section import read_shop
from sandbox.shopify.shop import Shop

REST: Final = ("bricklink", "brickowl", "bigbuy", "aliexpress", "csv")
"""Systems whose sections hold accounts by name; `sandbox.systems` has those that are served."""


KEYS: Final = {
    "shopify": Key(mapped(anything), lambda: {"own.example": {}}),
    "rms": Key(anything, dict),
    **{name: Key(anything, dict) for name in REST},
}


class World(NamedTuple):
    """A world that was read and can be put in force."""

    shops: dict[str, Shop]
    rms: dict[str, Any]
    rest: list[Callable[[], None]]
    """Each puts the accounts of one system in force."""


def read_world(world: Json, clock: Clock, plan: str, systems: Mapping[str, System]) -> World:
    """WorldError, one line, if the world cannot be."""
    if not isinstance(world, dict):
        raise WorldError((), "a world must be a JSON object")
    with collecting_no_garbage():
        found = read(world, (), KEYS)
        shops = {
            domain: read_shop(domain, value, ("shopify", domain), clock, plan)
            for domain, value in found["shopify"].items()
        }
        rest = [_accounts(systems.get(name), found[name], (name,)) for name in REST]
        return World(shops, read_section(found["rms"], ("rms",)), rest)


def _accounts(system: System | None, section: Json, path: Path) -> Callable[[], None]:
    if system is not None:
        return system.read(section, path)
    if mapped(anything)(section, path):
        raise WorldError(path, "this stand-in is not served yet; leave it out or empty")
    return lambda: None


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
