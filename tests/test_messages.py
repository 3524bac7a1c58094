"""Each language has all messages of the sources, complete, and its compiled file is current."""

import re
from typing import Any

import pytest
from babel.messages import Catalog
from django.conf import settings

from tests.messages import ROOT, compiled, extracted, file_of, read, untranslated

LANGUAGES = sorted(folder.name for folder in (ROOT / "locale").iterdir())
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sd]|(?<!\{)\{\w*\}")


def keys(catalog: Catalog) -> set[Any]:
    return {(message.context, message.id) for message in catalog if message.id}


def placeholders(text: str) -> list[str]:
    """Return the placeholders in `text`, sorted."""
    return sorted(PLACEHOLDER.findall(text))


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

    def test_has_no_missing_or_fuzzy_translation(self, language: str) -> None:
        catalog = read(language)
        assert untranslated(catalog) == []
        assert [message.id for message in catalog if message.fuzzy and message.id] == []

    def test_uses_the_same_placeholders(self, language: str) -> None:
        catalog = read(language)
        for message in catalog:
            translation: Any = message.string
            if message.pluralizable:
                assert len(translation) == catalog.num_plurals, message.id
                assert {*map(tuple, map(placeholders, translation))} == {
                    *map(tuple, map(placeholders, message.id))
                }, message.id
            elif message.id:
                assert placeholders(translation) == placeholders(str(message.id)), message.id

    def test_has_the_same_white_space_at_both_ends(self, language: str) -> None:
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


def test_messages_of_code_and_templates_are_extracted() -> None:
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
