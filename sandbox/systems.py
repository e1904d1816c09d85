"""The stand-ins of REST systems: one line each. A system without a line has paths that answer 404."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sandbox.aliexpress.dialect import AliExpress
from sandbox.bigbuy.dialect import BigBuy
from sandbox.bricklink.dialect import BrickLink
from sandbox.brickowl.dialect import BrickOwl
from sandbox.csv_supplier import CsvSupplier
from sandbox.frame import Rest, System
from sandbox.rest import Dialect
from sandbox.surroundings import Surroundings

DIALECTS: Final[Mapping[str, Callable[[], Dialect[Any]]]] = {
    "bricklink": BrickLink,
    "brickowl": BrickOwl,
    "bigbuy": BigBuy,
    "aliexpress": AliExpress,
    "csv": CsvSupplier,
}


def system(name: str, around: Surroundings) -> System:
    """The stand-in of this name."""
    return Rest(DIALECTS[name](), around)


def switches_of_all() -> dict[str, Sequence[str]]:
    """Every system's switches, as `system.switch`."""
    return {
        f"{name}.{switch}": positions
        for name, make in DIALECTS.items()
        for switch, positions in make().switches.items()
    }
