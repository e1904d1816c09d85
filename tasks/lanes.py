"""Which work comes first when calls are short: what could be sold twice, before what could not."""

from connectors.market import LANES, Lane, Marketplace
from tasks.owed import Dress, Known, Make, Move, Remove, Rest, Step, Wanted, next_step


def lane_of(step: Step) -> Lane:
    """The lane that the calls of a step are taken from."""
    match step:
        case Move(delta):
            return "falls" if delta < 0 else "rises"
        case Remove():
            return "deletions"
        case Make():
            return "creations"
        case Dress() | Rest():
            return "notes"


def next_lane(marketplace: Marketplace, wanted: Wanted, known: Known) -> Lane:
    """The lane of what a push would send next; a text goes along with a new price."""
    step = next_step(marketplace, wanted, known)
    if isinstance(step, Dress) and (known.face is None or known.face.price != step.face.price):
        return "prices"
    return lane_of(step)


def urgency(step: Step, *, is_open: bool = False) -> int:
    """A number to sort work by, the most urgent first; an open write is settled before all else."""
    return 0 if is_open else 1 + LANES.index(lane_of(step))
