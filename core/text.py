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
