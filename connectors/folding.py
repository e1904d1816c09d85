"""When two spellings of an SKU, a CCOD or a tag mean the same."""

import unicodedata

_INVISIBLE = "\u200b\u2060\ufeff"
"""Zero-width space, word joiner, byte order mark: what spreadsheets leave around a code."""


def fold(text: str) -> str:
    """The one form of all spellings that differ only in case, surrounding blanks or Unicode encoding.

    Two texts mean the same when their folds are equal; a fold is only compared, never shown or written.
    Compatibility forms count as their plain ones (full-width letters, ligatures): such codes look alike to
    a person, and being twins keeps both from being written (https://unicode.org/reports/tr15/).
    """
    if text.isascii():
        folded = text.strip().casefold()
        return text if folded == text else folded  # of a million codes, not a second copy of each
    folded = _step(text)
    while folded != text:
        text, folded = folded, _step(folded)
    return folded


def _step(text: str) -> str:
    """Once is not enough for all of Unicode: what one part does may give another something to do."""
    return unicodedata.normalize("NFKC", _trim(unicodedata.normalize("NFKC", text)).casefold())


def _trim(text: str) -> str:
    while (trimmed := text.strip().strip(_INVISIBLE)) != text:
        text = trimmed
    return text
