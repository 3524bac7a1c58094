"""The words of the product, and what each language says for them: `make messages` brings locale/ up to date.

Read with Babel, so that no gettext programs are needed; templates go through Django's own templatize.
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
CODE, TEMPLATES = ("core", "courses", "accounts", "students", "school"), "templates"
PLAIN = ("gettext", "ngettext", "pgettext", "npgettext")
KEYWORDS = {"_", "__", "gettext_noop", *PLAIN, *(f"{name}_lazy" for name in PLAIN)}


def file_of(language: str) -> Path:
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def extracted() -> Catalog:
    """Every message of the sources, each with the files that have it."""
    catalog = Catalog()
    for file, text in _sources():
        for _line, function, messages, comments in extract_python(
            BytesIO(text.encode()), dict.fromkeys(KEYWORDS), ["Translators:"], {"encoding": "utf-8"}
        ):
            _add(catalog, file, str(function), messages, comments)
    return catalog


def _sources() -> Iterator[tuple[str, str]]:
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not {"tests", "migrations"} & set(path.parts):
                yield path.relative_to(ROOT).as_posix(), path.read_text()
    for path in sorted((ROOT / TEMPLATES).rglob("*.html")):
        # What is left of a template is no Python: without its indentation it can be read as a list of calls.
        yield (
            path.relative_to(ROOT).as_posix(),
            "\n".join(line.strip() for line in templatize(path.read_text()).splitlines()),
        )


def _add(catalog: Catalog, file: str, function: str, messages: Any, comments: Any) -> None:
    texts = [text for text in (messages if isinstance(messages, tuple) else [messages]) if text]
    context = texts.pop(0) if "pgettext" in function and texts else None
    wanted = 2 if function.startswith("n") else 1
    # What is not written out here is no message: a value that stands for one.
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
    """The file of the language, and beside it the one that Django reads."""
    path = file_of(language)
    with path.open("wb") as file:
        write_po(
            file, catalog, width=120, ignore_obsolete=True, sort_by_file=True, include_lineno=False
        )
    path.with_suffix(".mo").write_bytes(compiled(catalog))


def refresh(language: str) -> Catalog:
    """Give the language's files all messages and no other. Answers what it has now."""
    catalog = read(language)
    revised = catalog.revision_date
    catalog.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    catalog.revision_date = revised
    write(language, catalog)
    return catalog


def untranslated(catalog: Catalog) -> list[Any]:
    """The messages that lack something."""
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
        print(f"{folder.name}: {len(untranslated(refresh(folder.name)))} to be translated")  # noqa: T201
