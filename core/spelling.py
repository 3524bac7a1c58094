"""Words that differ by one typing error: a letter left out, added, replaced, or two swapped."""

from itertools import takewhile

# Letters that a spelling may add: those of numbers, codes and addresses.
ADDED_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.-_@"

# About as many spellings are one letter away from a word, for each of its letters.
SPELLINGS_PER_LETTER = 2 * len(ADDED_LETTERS) + 2


def is_one_letter_away(word: str, other: str) -> bool:
    start = _count_equal(word, other)
    word, other = word[start:], other[start:]
    end = _count_equal(word[::-1], other[::-1])
    word, other = word[: len(word) - end], other[: len(other) - end]
    is_one_changed = max(len(word), len(other)) == 1
    is_swapped = len(word) == 2 and word == other[::-1]
    return is_one_changed or is_swapped


def get_spellings_one_letter_away(word: str) -> set[str]:
    """All words one letter away from `word`. New letters are those of ADDED_LETTERS."""
    splits = [(word[:index], word[index:]) for index in range(len(word) + 1)]
    shorter = {head + tail[1:] for head, tail in splits if tail}
    swapped = {head + tail[1] + tail[0] + tail[2:] for head, tail in splits if len(tail) > 1}
    changed = {
        head + letter + rest
        for head, tail in splits
        for letter in ADDED_LETTERS
        for rest in ({tail, tail[1:]} if tail else {tail})
    }
    return (shorter | swapped | changed) - {word}


def _count_equal(word: str, other: str) -> int:
    """The number of letters from the beginning that are equal."""
    equal = takewhile(lambda letters: letters[0] == letters[1], zip(word, other, strict=False))
    return len(list(equal))
