"""What counts as the same SKU or CCOD."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.folding import fold

LETTERS = st.text(st.characters(max_codepoint=0x24F, exclude_characters="ıſµ", categories=["L", "N", "P"]))
BLANKS = st.text(" \t\r\n\u00a0\u2003\u3000\u200b\ufeff", max_size=4)


class TestFold:
    @given(st.text())
    def test_is_idempotent(self, text: str) -> None:
        assert fold(fold(text)) == fold(text)

    @given(LETTERS)
    def test_forgets_case(self, text: str) -> None:
        assert fold(text) == fold(text.upper()) == fold(text.lower())

    @given(st.text(), BLANKS, BLANKS)
    def test_forgets_surrounding_blanks(self, text: str, before: str, after: str) -> None:
        assert fold(before + text + after) == fold(text)

    @given(st.text(), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
    def test_forgets_how_accents_are_encoded(self, text: str, form: str) -> None:
        assert fold(unicodedata.normalize(form, text)) == fold(text)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("24x104-37", "24X104-37"),
            ("\u00a024X104 ", "24x104"),
            ("ZAPATO-NIÑO", "zapato-nin\u0303o"),
            ("STRASSE", "straße"),
            ("\uff12\uff14X104", "24x104"),
        ],
    )
    def test_knows_one_code_in_two_spellings(self, one: str, other: str) -> None:
        assert fold(one) == fold(other)

    @pytest.mark.parametrize(
        ("one", "other"), [("24X104", "24X1O4"), ("CAFÉ", "CAFE"), ("24X 104", "24X104"), ("0124", "124")]
    )
    def test_keeps_codes_apart_that_a_person_would(self, one: str, other: str) -> None:
        assert fold(one) != fold(other)

    def test_a_code_of_blanks_is_no_code(self) -> None:
        assert fold(" \u00a0\ufeff \t") == ""
