"""BigBuy's limits: so many calls of an endpoint in a window that its first call opens.

https://api.bigbuy.eu/rest/doc and the answers' X-RateLimit headers.
"""

from dataclasses import dataclass, field
from math import ceil
from typing import Final

HOUR: Final = 3600
SCARCE: Final = (
    "products",
    "productprices",
    "productvariationprices",
    "productsimages",
    "productsvariations",
    "variations",
    "productsstockbyhandlingdays",
    "productsvariationsstockbyhandlingdays",
    "languages",
)
OFTEN: Final = (
    "productsinformation",
    "taxonomies",
    "attributes",
    "attributegroups",
    "tags",
    "productstags",
)
RARE: Final = ("manufacturers", "productstaxonomies")
OF_LISTS: Final = {
    **{f"catalog/{name}": (10, HOUR) for name in SCARCE},
    **{f"catalog/{name}": (24, HOUR) for name in OFTEN},
    **{f"catalog/{name}": (5, HOUR) for name in RARE},
    "catalog/new-products": (2, HOUR),
    "shipping/lowest-shipping-costs-by-country/{cc}": (36, 6 * HOUR),
}


def endpoint_of(operation: str) -> str:
    """`catalog/products` of `GET /rest/catalog/products.json`."""
    return operation.partition(" ")[2].removeprefix("/rest/").removesuffix(".json")


def allowed(endpoint: str) -> tuple[int, int]:
    """Calls and seconds of the window of an endpoint, which is its path with placeholders."""
    single = (1, 5) if endpoint.startswith("catalog/") else (1, 1)
    return OF_LISTS.get(endpoint, single)


@dataclass
class Window:
    """A window that is open: how many calls it had, and when it closes (Unix time)."""

    used: int
    closes: float


@dataclass
class Windows:
    """The windows of one key. `scale` multiplies every limit."""

    scale: float = 1.0
    _open: dict[str, Window] = field(default_factory=dict)

    def enter(self, endpoint: str, now: float) -> tuple[bool, dict[str, str]]:
        """Count a call: whether it may be, and the three headers of its answer."""
        calls, seconds = allowed(endpoint)
        limit = max(1, int(calls * self.scale))
        window = self._open.get(endpoint)
        if window is None or now >= window.closes:
            # The header has whole seconds: a window ends when it says.
            window = self._open[endpoint] = Window(0, ceil(now + seconds))
        admitted = window.used < limit
        window.used += admitted
        return admitted, _told(window, limit)

    def give_back(self, endpoint: str) -> dict[str, str]:
        """A call that was rejected does not count; the headers of its answer."""
        window = self._open[endpoint]
        window.used -= 1
        return _told(window, max(1, int(allowed(endpoint)[0] * self.scale)))


def _told(window: Window, limit: int) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(limit - window.used),
        "X-RateLimit-Reset": str(int(window.closes)),
    }
