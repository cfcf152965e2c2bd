"""The picture of the architecture is what its text says."""

from __future__ import annotations

from tools.diagram import PICTURE, SOURCE, draw


def test_the_committed_picture_is_drawn_from_its_text() -> None:
    assert PICTURE.read_text() == draw(SOURCE.read_text()), "run `make docs-diagram`"
