"""Words that are one typing error apart."""

import pytest

from core.spelling import get_spellings_one_letter_away, is_one_letter_away


@pytest.mark.parametrize("typed", ["smit", "smitth", "smyth", "msith", "mith", "smithx"])
def test_a_letter_left_out_added_replaced_or_swapped(typed: str) -> None:
    assert is_one_letter_away(typed, "smith")
    assert is_one_letter_away("smith", typed)
    assert "smith" in get_spellings_one_letter_away(typed)


@pytest.mark.parametrize("typed", ["smith", "smi", "smythe", "htims", "imsth", ""])
def test_other_words_are_not_one_letter_away(typed: str) -> None:
    assert not is_one_letter_away(typed, "smith")
    assert "smith" not in get_spellings_one_letter_away(typed)
