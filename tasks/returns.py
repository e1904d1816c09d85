"""Whether units that an order gave back are in their lot again: judged from how far it rose."""

from collections.abc import Sequence

from connectors.ledger.market_records import Review


def back(reviews: Sequence[Review], risen: int) -> list[Review]:
    """Those reviews of one lot whose units are back: all of them, or one, if that is just what it rose by.

    Anything else fits no order, and a person has to look.
    """
    if risen <= 0:
        return []
    if risen == sum(each.quantity for each in reviews):
        return list(reviews)
    return next(([each] for each in reviews if each.quantity == risen), [])
