"""One form of text: equal texts are equal strings, whatever keyboard or file they come from."""

import re
import unicodedata

# The characters that Unicode calls Default_Ignorable_Code_Point: they are not displayed. Among
# them are the soft hyphen, zero-width spaces, the byte order mark and the bidi controls.
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Persian, Indic scripts and emoji need the joiners U+200C and U+200D between two characters.
_INVISIBLE = re.compile(
    f"(?<=[^\\x00-\\x7f])[\u200c\u200d](?=[^\\x00-\\x7f{_IGNORABLE}])|([{_IGNORABLE}])"
)
# Dots between the labels of a domain (RFC 3490, 3.1).
_DOTS = re.compile("[\u3002\uff0e\uff61]")


def normalize(text: str) -> str:
    """`text` in Unicode's normalization form C."""
    return unicodedata.normalize("NFC", text)


def clean_line(text: str) -> str:
    """`text` in form C, without invisible characters and without space around it.

    For texts of one line: names, numbers, codes, titles.
    """
    if text.isascii():
        return text
    visible = _INVISIBLE.sub(lambda match: "" if match[1] else match[0], normalize(text))
    return visible.strip()


def clean_email(address: str) -> str:
    """One spelling for each email address.

    Wide letters become ASCII, and the domain is in lower case and in Unicode (not in Punycode).
    The case of the mailbox stays: the database compares addresses without case.
    """
    if not address.isascii():
        address = unicodedata.normalize("NFKC", _DOTS.sub(".", clean_line(address)))
    mailbox, at, domain = address.rpartition("@")
    labels = [_decode_label(label) for label in domain.lower().split(".")]
    return mailbox + at + normalize(".".join(labels))


def _decode_label(label: str) -> str:
    """A label of a domain from Punycode (RFC 3492); one that is not valid stays as it is."""
    if not label.startswith("xn--"):
        return label
    try:
        return label.encode("ascii").decode("idna").lower()
    except UnicodeError:
        return label


_APOSTROPHES = re.compile("['\u2019\u2018\u201b\u02bc\u02bb\u02bd\u02b9\u02c8`\u00b4\u2032\uff07]")
_MARKS = re.compile("[\u0300-\u036f]")
_SEPARATORS = re.compile(r"[\W_]+")
_WORD_START = re.compile(r"(?<=[\W_])[^\W_]")
# Letters that Unicode does not decompose into a letter and a mark.
_LETTERS = str.maketrans(
    {
        "\u00e6": "ae",
        "\u0153": "oe",
        "\u00f8": "o",
        "\u0111": "d",
        "\u00f0": "d",
        "\u00fe": "th",
        "\u0142": "l",
        "\u0131": "i",
        "\u0127": "h",
        "\u014b": "n",
        "\u0167": "t",
    }
)
# Characters of a word in a search key, and of a sort key: indexes have a maximal row size.
MAX_WORD_LENGTH = 100
MAX_SORT_KEY_LENGTH = 200


def fold(text: str) -> str:
    """`text` without case, accents and apostrophes, for comparisons."""
    text = _APOSTROPHES.sub("", text)
    if text.isascii():
        return text.lower()
    # Marks of Latin, Greek and Cyrillic letters only: in other scripts they change the word.
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return normalize(_MARKS.sub("", decomposed)).translate(_LETTERS)


def split_words(text: str) -> list[str]:
    """The parts of `text` that consist of letters and digits."""
    return [part for part in _SEPARATORS.split(text) if part]


def get_search_words(text: str, *, join: bool = False) -> tuple[list[str], list[str]]:
    """The words by whose beginnings `text` is found: without, and with the signs in it.

    "CS-101A" is found by "cs101a" and "101a", and by "cs-101a". With `join`, "CS 101" is found by
    "cs101" too. "O'Brien" is found by "obrien" and "brien", whatever apostrophe is typed.
    """
    words: dict[str, None] = {}
    exact: dict[str, None] = {}
    for chunk in [text] if join else text.split():
        parts = split_words(fold(_APOSTROPHES.sub(" ", chunk)))
        for start in range(len(parts)):
            words["".join(parts[start:])[:MAX_WORD_LENGTH]] = None
    for chunk in fold(text).split():
        starts = [match.start() for match in _WORD_START.finditer(chunk)]
        for start in {0, *starts}:
            if _SEPARATORS.search(chunk[start:]):
                exact[chunk[start:][:MAX_WORD_LENGTH]] = None
    return list(words), list(exact)


def get_sort_key(*texts: str) -> str:
    """A key by which texts are sorted as in a telephone directory. Empty texts are left out.

    Apostrophes are left out, and other signs become a space. Two spaces part the texts, so that
    "van, Zoe" comes before "van Dyk, Ann".
    """
    keys = [" ".join(split_words(fold(text))) for text in texts]
    return "  ".join(key for key in keys if key)[:MAX_SORT_KEY_LENGTH]


def without_nul(text: str) -> str:
    """A text that PostgreSQL can look for, and that is found where `text` is."""
    return text.replace("\0", "\ufffd")
