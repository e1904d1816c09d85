"""The whole world: what a world file says, checked, and the same form again with everything that happened.

Keys beyond those every world file has are described in `sandbox.shopify.section` and `sandbox.rms`.
"""

from typing import Any, Final

from sandbox.clock import Clock
from sandbox.reading import Key, Path, WorldError, mapped, read
from sandbox.rms import read_section
from sandbox.shopify.section import read_shop
from sandbox.shopify.shop import Shop

LATER: Final = ("bricklink", "brickowl", "bigbuy", "aliexpress")
"""Systems whose stand-ins are not built yet."""


def _empty(value: Any, path: Path) -> dict[str, Any]:
    found = mapped(lambda item, _: item)(value, path)
    if found:
        raise WorldError(path, "this stand-in is not served yet; leave it out or empty")
    return found


def _raw(value: Any, _: Path) -> Any:
    return value


KEYS: Final = {
    "shopify": Key(mapped(_raw), lambda: {"own.example": {}}),
    "rms": Key(_raw, dict),
    **{name: Key(_empty, dict) for name in LATER},
}


def read_world(world: Any, clock: Clock, plan: str) -> tuple[dict[str, Shop], dict[str, Any]]:
    """Shops by domain, and RMS's rows; WorldError, one line, if the world cannot be."""
    found = read(world, (), KEYS) if isinstance(world, dict) else None
    if found is None:
        raise WorldError((), "a world must be a JSON object")
    shops = {
        domain: read_shop(domain, value, ("shopify", domain), clock, plan)
        for domain, value in found["shopify"].items()
    }
    return shops, read_section(found["rms"], ("rms",))
