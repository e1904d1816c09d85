"""Every reason that the code can give is explained to the person who reads the report."""

import re
from pathlib import Path

import tasks
from tasks.reasons import REASONS, meaning

SOURCES = Path(tasks.__file__).parent.glob("*.py")
GIVEN = {
    reason
    for source in SOURCES
    for reason in re.findall(r'Outcome\.(?!DONE)\w+, "(\w+)"', source.read_text(encoding="utf-8"))
}


def test_every_given_reason_is_explained() -> None:
    assert len(GIVEN) > 20
    assert REASONS.keys() >= GIVEN


def test_a_code_of_shopifys_own_is_shown_as_words() -> None:
    assert meaning("some_new_code") == "some new code"
