"""Brings the catalogues of translated messages in locale/ up to date (`make messages`).

Babel extracts the messages, so that no gettext programs are needed. Django's `templatize` turns
templates into text that Babel can read.
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
APPS, TEMPLATES = ("core", "courses", "accounts", "students", "school"), "templates"
FUNCTIONS = ("gettext", "ngettext", "pgettext", "npgettext")
KEYWORDS = {"_", "__", "gettext_noop", *FUNCTIONS, *(f"{name}_lazy" for name in FUNCTIONS)}


def file_of(language: str) -> Path:
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def extracted() -> Catalog:
    """Return a catalogue of all messages in the sources, with their files."""
    catalog = Catalog()
    for file, text in _sources():
        for _line, function, messages, comments in extract_python(
            BytesIO(text.encode()), dict.fromkeys(KEYWORDS), ["Translators:"], {"encoding": "utf-8"}
        ):
            _add(catalog, file, str(function), messages, comments)
    return catalog


def _sources() -> Iterator[tuple[str, str]]:
    for folder in APPS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not {"tests", "migrations"} & set(path.relative_to(ROOT).parts):
                yield path.relative_to(ROOT).as_posix(), path.read_text()
    templates = ROOT / TEMPLATES
    for path in sorted([*templates.rglob("*.html"), *templates.rglob("*.txt")]):
        # Without indentation Babel can parse the calls of gettext that templatize leaves.
        yield (
            path.relative_to(ROOT).as_posix(),
            "\n".join(line.strip() for line in templatize(path.read_text()).splitlines()),
        )


def _add(catalog: Catalog, file: str, function: str, messages: Any, comments: Any) -> None:
    texts = [text for text in (messages if isinstance(messages, tuple) else [messages]) if text]
    context = texts.pop(0) if "pgettext" in function and texts else None
    wanted = 2 if function.startswith("n") else 1
    # A call whose argument is no literal has no message to translate.
    if len(texts) >= wanted:
        catalog.add(
            tuple(texts[:wanted]) if wanted > 1 else texts[0],
            locations=[(file, 0)],
            auto_comments=comments,
            context=context,
        )


def read(language: str) -> Catalog:
    with file_of(language).open("rb") as file:
        return read_po(file, locale=language)


def compiled(catalog: Catalog) -> bytes:
    file = BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def write(language: str, catalog: Catalog) -> None:
    """Write the catalogue of a language, and the compiled file that Django reads."""
    path = file_of(language)
    with path.open("wb") as file:
        write_po(
            file, catalog, width=120, ignore_obsolete=True, sort_by_file=True, include_lineno=False
        )
    path.with_suffix(".mo").write_bytes(compiled(catalog))


def refresh(language: str) -> Catalog:
    """Update the files of a language to the messages in the sources. Return the catalogue."""
    catalog = read(language)
    revised = catalog.revision_date
    catalog.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    catalog.revision_date = revised
    write(language, catalog)
    return catalog


def untranslated(catalog: Catalog) -> list[Any]:
    """Return the messages without a complete translation."""
    return [
        message.id
        for message in catalog
        if message.id
        and not all(
            message.string if isinstance(message.string, (list, tuple)) else [message.string]
        )
    ]


if __name__ == "__main__":
    settings.configure()
    for folder in sorted((ROOT / "locale").iterdir()):
        missing = untranslated(refresh(folder.name))
        print(f"{folder.name}: {len(missing)} to be translated")  # noqa: T201
