import pytest

from tasks.pairing import SEVERAL_ALIKE, SEVERAL_MARKED, Adopt, Nothing, Own, Several, explained, pair
from tests.tasks.test_settling import MINE, OTHERS, lot

KEY = "PART/3001/5/N/-"


class TestPair:
    def test_knows_its_own_lot_by_the_marker(self) -> None:
        found = [lot("1"), lot("2", MINE)]
        assert pair(found, MINE, KEY) == Own(found[1])

    def test_adopts_the_only_unmarked_one_of_the_kind(self) -> None:
        assert pair([lot("1"), lot("2", OTHERS)], MINE, KEY) == Adopt(lot("1"))

    def test_takes_no_other_colour_or_condition(self) -> None:
        assert pair([lot("1")], MINE, "PART/3001/11/N/-") == Nothing()

    def test_never_takes_another_items_lot(self) -> None:
        assert pair([lot("2", OTHERS)], MINE, KEY) == Nothing()

    @pytest.mark.parametrize(("mark", "code"), [(MINE, SEVERAL_MARKED), (None, SEVERAL_ALIKE)])
    def test_refuses_when_there_are_several(self, mark: str | None, code: str) -> None:
        found = [lot("1", mark), lot("2", mark)]
        several = pair(found, MINE, KEY)
        assert isinstance(several, Several)
        assert several.code == code
        assert "1, 2" in explained(several)
