"""Which products get the day's mark, and which only lose older ones."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from connectors.records import Product
from tasks import marking
from tasks.day import is_marked, mark_of, older_marks
from tests.tasks.samples import product

DAY = date(2026, 11, 20)
MARKS = [mark_of(date(2026, 11, day)) for day in (18, 19, 20, 21)]

tags = st.lists(st.sampled_from([*MARKS, "sale", "rms-sync-26-11-17"]), max_size=4, unique=True)


@st.composite
def shops(draw: st.DrawFn) -> list[Product]:
    return [product(number=number, tags=tuple(each)) for number, each in enumerate(draw(st.lists(tags)))]


@given(shops(), st.sets(st.integers(0, 9)), st.dictionaries(st.integers(100, 110), st.just((MARKS[0],))))
def test_every_older_mark_goes_and_no_other_tag(
    products: list[Product], ids: set[int], stale: dict[int, tuple[str, ...]]
) -> None:
    done = {each.id for each in products if each.id in ids}
    finished = marking.finished(products, done, DAY)
    swept = marking.swept(products, finished, stale, DAY)
    assert swept is not None
    assert set(finished) == done
    assert not set(finished) & set(swept)
    removed = {**finished, **swept}
    for each in products:
        left = [tag for tag in each.tags if tag not in removed.get(each.id, ())]
        assert not older_marks(left, DAY)
        assert is_marked(left, DAY) == is_marked(each.tags, DAY)
        assert ("sale" in left) == ("sale" in each.tags)
    assert {number: tags for number, tags in swept.items() if number >= 100} == stale


@given(shops())
def test_nothing_is_swept_when_no_sweep_is_due(products: list[Product]) -> None:
    assert marking.swept(products, {}, None, DAY) is None
