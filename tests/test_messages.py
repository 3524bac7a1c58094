"""Each language has every message of the sources, whole, and nothing else; what Django reads is what people wrote."""

import re
from typing import Any

import pytest
from babel.messages import Catalog
from django.conf import settings

from tests.messages import ROOT, compiled, extracted, file_of, read, untranslated

LANGUAGES = sorted(folder.name for folder in (ROOT / "locale").iterdir())
VALUE = re.compile(r"%(?:\(\w+\))?[sd]|(?<!\{)\{\w*\}")


def keys(catalog: Catalog) -> set[Any]:
    return {(message.context, message.id) for message in catalog if message.id}


def values(text: str) -> list[str]:
    """What stands in `text` for a value, sorted."""
    return sorted(VALUE.findall(text))


def test_there_is_a_file_for_every_language_but_that_of_the_sources() -> None:
    assert (
        sorted(code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE)
        == LANGUAGES
    )


@pytest.mark.parametrize("language", LANGUAGES)
class TestLanguage:
    def test_has_every_message_and_no_other(self, language: str) -> None:
        catalog = read(language)
        assert keys(catalog) == keys(extracted()), "`make messages` brings locale/ up to date."
        assert not catalog.obsolete

    def test_says_all_of_them_and_is_sure(self, language: str) -> None:
        catalog = read(language)
        assert untranslated(catalog) == []
        assert [message.id for message in catalog if message.fuzzy and message.id] == []

    def test_puts_the_same_values_into_each(self, language: str) -> None:
        catalog = read(language)
        for message in catalog:
            said: Any = message.string
            if message.pluralizable:
                assert len(said) == catalog.num_plurals, message.id
                assert {*map(tuple, map(values, said))} == {*map(tuple, map(values, message.id))}, (
                    message.id
                )
            elif message.id:
                assert values(said) == values(str(message.id)), message.id

    def test_begins_and_ends_as_the_message_does(self, language: str) -> None:
        for message in read(language):
            texts = [message.id, message.string] if message.id and not message.pluralizable else []
            assert (
                len(
                    {
                        (text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :])
                        for text in map(str, texts)
                    }
                )
                <= 1
            ), message.id

    def test_is_compiled(self, language: str) -> None:
        assert file_of(language).with_suffix(".mo").read_bytes() == compiled(read(language)), (
            "`make messages` compiles what was written."
        )


def test_the_sources_are_read_whole() -> None:
    found = keys(extracted())
    plurals = (
        "Withdraw %(number)s student from %(course)s?",
        "Withdraw %(number)s students from %(course)s?",
    )
    for message in (
        "Waitlist, in the order of coming",
        "Choose these",
        "Moved up from the waitlist.",
        "Add students to %(course)s",
        plurals,
    ):
        assert (None, message) in found
    assert ("what was changed", "Change") in found
