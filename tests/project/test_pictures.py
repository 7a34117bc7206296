"""The pictures of the pages show what the commands print today."""

import pictures
import pytest


@pytest.fixture(scope="module")
def today() -> dict[str, str]:
    return {path.name: content for path, content in pictures.pictures()}


@pytest.mark.parametrize("name", ["http.svg", "check.svg"])
def test_a_picture_shows_what_is_printed_today(name: str, today: dict[str, str]) -> None:
    drawn = (pictures.DOCS / name).read_text("utf-8")
    assert drawn == today[name], "run `make pictures`"
    assert drawn.count("<text ") <= pictures.LINES


def test_they_show_a_signed_request_and_a_verdict(today: dict[str, str]) -> None:
    assert "Authorization: Bearer eyJ" in today["http.svg"]
    assert "HTTP/1.1 200 OK" in today["http.svg"]
    assert "The token is refused:" in today["check.svg"]
    # Without the attribute, on each line, renderers drop the blanks at its beginning.
    assert ' xml:space="preserve">   Use the private key' in today["check.svg"]
