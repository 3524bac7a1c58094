"""The text of an HTML page, without its markup and scripts."""

from html.parser import HTMLParser


class _TextParser(HTMLParser):
    INVISIBLE = ("script", "style", "template")

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._invisible = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.INVISIBLE:
            self._invisible = True
        # The admin shows a boolean as a picture.
        self.words += [value for name, value in attrs if name == "alt" and value]

    def handle_endtag(self, tag: str) -> None:
        if tag in self.INVISIBLE:
            self._invisible = False

    def handle_data(self, data: str) -> None:
        if not self._invisible:
            self.words += data.split()


def text_of(html: str) -> str:
    """The words of `html`, separated by single spaces."""
    parser = _TextParser()
    parser.feed(html)
    return " ".join(parser.words)
