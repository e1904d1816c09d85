"""Parts of an AliExpress world that are spelled in several ways."""

from typing import Any, Final

from sandbox.reading import Json, Key, Path, WorldError, anything, listed, shaped, text

EVENT: Final = {
    "time_stamp": Key(anything, 1_795_000_000_000),
    "tracking_detail_desc": Key(text, "In transit"),
    "tracking_name": Key(text, "In transit"),
}
"""What happened to a parcel, newest first."""
PARCEL: Final = {
    "logistics_no": Key(text, ""),
    "logistics_service": Key(text, "CAINIAO_STANDARD"),
    "carrier_name": Key(text, "AliExpress standard shipping"),
    "eta": Key(anything, None),
    "events": Key(listed(shaped(EVENT)), list),
}


def identifier(value: Json, path: Path) -> str:
    """An id, which a world may have as text or as a number."""
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise WorldError(path, "must be an id")
    return str(value)


def parcels(value: Json, path: Path) -> dict[str, Any]:
    """An order's `logistics`: the word of its status, one parcel, or a list of them."""
    if value is None or isinstance(value, str):
        return {"logistics_status": value, "logistics": []}
    given = value if isinstance(value, list) else [value]
    return {"logistics": [shaped(PARCEL)(each, (*path, n)) for n, each in enumerate(given)]}
