"""Summaries of what is no step."""

from functools import partial

from patina_nb.engines.base import Isolation, Point
from patina_nb.presentation import display
from patina_nb.presentation.display import Listing
from tests.presentation.markup import check


def test_the_badge_names_every_promise():
    point = Point(True, "by <it>")
    piece = display.isolation(Isolation("box", point, Point(False, "open"), point, point, point))
    assert "network    NOT enforced  open" in piece.plain
    assert check(piece).count("enforced") == 5


def test_a_listing_is_a_list_that_shows_as_its_table():
    listing = Listing([], partial(display.commits, branch="agent/auth"))
    assert listing == []
    assert "No commits yet" in listing._repr_mimebundle_()["text/html"]
