"""What marketplaces have in common: the marker among a seller's own words, and the lanes of changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.market import LANES, Change, join, marker, split

ITEM_IDS = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=12, max_size=12)
TEXTS = st.text(max_size=60).filter(lambda text: "ev:" not in text)


class TestAMarker:
    @given(TEXTS, ITEM_IDS)
    def test_comes_out_as_it_went_in_and_leaves_the_seller_s_words(self, text: str, item_id: str) -> None:
        assert split(join(text, marker(item_id))) == (text.strip(), marker(item_id))

    @given(TEXTS, ITEM_IDS)
    def test_is_there_once_however_often_it_is_put(self, text: str, item_id: str) -> None:
        once = join(text, marker(item_id))
        again = join(split(once)[0], marker(item_id))
        assert again.count(marker(item_id)) == 1
        assert split(again) == split(once)

    @given(TEXTS)
    def test_is_not_found_where_there_is_none(self, text: str) -> None:
        assert split(text) == (text, None)
        assert join(text, None) == text

    @given(TEXTS, ITEM_IDS, ITEM_IDS)
    def test_of_another_item_gives_way_to_the_last_one(self, text: str, first: str, last: str) -> None:
        assert split(f"{text} {marker(first)} {marker(last)}") == (text.strip(), marker(last))

    @pytest.mark.parametrize("text", ["dev:abcdefgh2345", "ev:ABCDEFGH2345", "ev:abcdefgh2345x", "ev:"])
    def test_is_a_word_of_its_own(self, text: str) -> None:
        assert split(text) == (text, None)


@given(st.integers(-5, 5))
def test_a_change_of_quantity_goes_in_its_lane(delta: int) -> None:
    lane = Change(delta).lane
    assert lane in LANES
    assert (lane == "falls") == (delta < 0)
    assert (lane == "rises") == (delta > 0)
