"""Bringing one listing level, judged by what the marketplaces hold afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fair import BRICKLINK, BRICKOWL, Fair
from tests.fair import fair as open_fair


@pytest.fixture
def fair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fair]:
    with open_fair(tmp_path, monkeypatch.setenv) as made:
        yield made


def test_a_new_item_appears_on_both_marketplaces(fair: Fair) -> None:
    item = fair.create(10, location="Box 7", notes="Clean")
    assert [each.how for each in fair.push(item)] == ["done", "done"]
    fair.assert_level(item)
    (brick,), (owl,) = fair.lots(BRICKLINK), fair.lots(BRICKOWL)
    assert (brick["remarks"], brick["description"]) == (f"Box 7 ev:{item}", "Clean")
    assert (owl["external_id"], owl["public_note"], owl["personal_note"]) == (f"ev:{item}", "Clean", "Box 7")
