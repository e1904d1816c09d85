"""Where a pass over BigBuy's lists is, and how it goes on: over hours, in any process.

Each list has its own hourly limit. So when one list's window is used up, the others go on, and the pass is
put back only when none can. `Progress` says how far each list is; it is the cursor that is stored.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.bigbuy.calls import PAGE, Listing
from connectors.errors import Malformed, Refused, WindowClosed
from connectors.records import JsonObject
from connectors.shape import as_int, as_list, as_object
from connectors.supplier import Facet, Page, SupplierProduct, SupplierVariant

VERSION: Final = 1
"""Of the cursor's form; one of another form begins anew."""


@dataclass
class Place:
    """How far a list is read. `parent`: which of the taxonomies; `page`: the next one, from 0."""

    parent: int = 0
    page: int = 0
    done: bool = False
    sound: bool = True
    """Whether every row so far had an id, so that what was not seen is not there."""


@dataclass
class Progress:
    """How far a pass is. `parents`: the first-level taxonomies, once lists without a filter were refused."""

    parents: list[int] | None = None
    places: dict[str, Place] = field(default_factory=dict)

    def at(self, listing: Listing) -> Place:
        """How far this list is."""
        return self.places.setdefault(listing.source, Place())

    def parent(self, listing: Listing) -> int | None:
        """The taxonomy that the list's next page is filtered by."""
        return None if self.parents is None else self.parents[self.at(listing).parent]

    def advance(self, listing: Listing, *, ended: bool) -> None:
        """One page was read; `ended`: it was the last one, of the list or of one taxonomy."""
        place = self.at(listing)
        place.page += 1
        if ended:
            place.parent, place.page = place.parent + 1, 0
            place.done = self.parents is None or place.parent >= len(self.parents)

    def filtered(self, parents: list[int]) -> None:
        """From here on every list that is not done yet is asked taxonomy by taxonomy."""
        self.parents = parents
        for place in self.places.values():
            if not place.done:
                place.parent = place.page = 0
        # Without a taxonomy nothing could be asked, and nothing is proved.
        if not parents:
            raise Malformed("there are no first-level taxonomies to ask for")

    def complete(self, facet: Facet, lists: Sequence[Listing]) -> bool:
        """Whether all lists that speak of a facet were read to their end."""
        places = [self.at(each) for each in lists if facet in each.facets]
        return all(place.done and place.sound for place in places)

    def cursor(self, lists: Sequence[Listing]) -> JsonObject | None:
        """What is stored; None when all lists are done."""
        if all(self.at(each).done for each in lists):
            return None
        parents: JsonObject = {} if self.parents is None else {"parents": [*self.parents]}
        places: JsonObject = {
            name: [place.parent, place.page, int(place.done), int(place.sound)]
            for name, place in self.places.items()
        }
        return {"version": VERSION, "lists": places, **parents}


def progress(cursor: JsonObject | None) -> Progress:
    """What was stored. Raises Malformed if it is no cursor of such a pass."""
    if cursor is None or cursor.get("version") != VERSION:
        return Progress()
    parents = cursor.get("parents")
    found = None if parents is None else [as_int(each, "cursor") for each in as_list(parents, "cursor")]
    places = as_object(cursor.get("lists"), "cursor")
    return Progress(found, {name: _place([as_int(each, "cursor") for each in as_list(value, "cursor")])
                            for name, value in places.items()})  # fmt: skip


def _place(numbers: list[int]) -> Place:
    if len(numbers) != 4:
        raise Malformed("cursor: a place is four numbers")
    parent, page, done, sound = numbers
    return Place(parent, page, bool(done), bool(sound))


@dataclass(frozen=True, slots=True)
class Read:
    """What one page of one list held."""

    products: tuple[SupplierProduct, ...]
    variants: tuple[SupplierVariant, ...]
    problems: tuple[str, ...]
    nameless: int

    @property
    def rows(self) -> int:
        """How many rows it had."""
        return len(self.products) + len(self.variants) + self.nameless

    @property
    def first(self) -> str | None:
        """The id of its first row."""
        ids = (*(each.supplier_product_id for each in self.products[:1]),
               *(each.supplier_variant_id for each in self.variants[:1]))  # fmt: skip
        return next(iter(ids), None)


Fetch = Callable[[Listing, int, int | None], Read]
"""A page of a list: its number from 0, and the taxonomy it is filtered by."""


@dataclass
class Pass:
    """One pass over some lists. `parents` asks for the first-level taxonomies."""

    lists: Sequence[Listing]
    fetch: Fetch
    parents: Callable[[], list[int]]
    progress: Progress

    def pages(self) -> Iterator[Page]:
        """Every page that can be read now. Raises WindowClosed when what is left has to wait."""
        waiting: list[WindowClosed] = []
        for listing in self.lists:
            try:
                yield from self._list(listing)
            except WindowClosed as closed:
                waiting.append(closed)
        if waiting:
            raise min(waiting, key=lambda each: each.retry_after or 0.0)

    def _list(self, listing: Listing) -> Iterator[Page]:
        before: str | None = None
        while not self.progress.at(listing).done:
            parent = self.progress.parent(listing)
            read = self._fetched(listing)
            if self.progress.parent(listing) != parent:
                before = None
            if before is not None and read.first == before:
                raise Malformed(
                    f"{listing.source}: page {self.progress.at(listing).page} is the one before it"
                )
            yield self._page(listing, read)
            before = read.first if self.progress.at(listing).page else None

    def _fetched(self, listing: Listing) -> Read:
        """The next page; if a list without a filter is refused, the first one of the first taxonomy."""
        place, parent = self.progress.at(listing), self.progress.parent(listing)
        try:
            return self.fetch(listing, place.page, parent)
        except Refused as refused:
            if parent is not None or place.page or "400" not in refused.codes:
                raise
        self.progress.filtered(self.parents())
        return self.fetch(listing, place.page, self.progress.parent(listing))

    def _page(self, listing: Listing, read: Read) -> Page:
        """A page that holds more than was asked for is the whole list: its pages do not count."""
        place = self.progress.at(listing)
        place.sound = place.sound and not read.nameless
        self.progress.advance(listing, ended=read.rows != PAGE)
        finished = listing.facets if place.done else ()
        return Page(
            listing.source,
            listing.facets,
            products=read.products,
            variants=read.variants,
            complete=frozenset(each for each in finished if self.progress.complete(each, self.lists)),
            cursor=self.progress.cursor(self.lists),
            problems=read.problems,
        )
