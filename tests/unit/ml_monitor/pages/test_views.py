from __future__ import annotations

from datetime import timedelta

import pytest

from ml_core.errors import InvalidInput
from ml_monitor.pages.views import View, form_time, parse_view
from tests.factories import NOON


def view(path: str = "/ui/x", **arguments: str) -> View:
    return parse_view(path, {name.rstrip("_"): value for name, value in arguments.items()}, NOON)


def test_links_to_other_pages_keep_the_range_and_the_refresh_and_nothing_else() -> None:
    here = view(range="7d", refresh="30s", state="firing", format="json", done="x")
    assert here.link("/ui/y") == "/ui/y?range=7d&refresh=30s"
    assert here.link("/ui/y", model="a b", other=None) == "/ui/y?range=7d&refresh=30s&model=a+b"
    assert view().link("/ui/y") == "/ui/y"


def test_links_to_the_page_itself_keep_all_but_its_form() -> None:
    here = view(range="7d", state="firing", format="csv", chart="alerts", done="x")
    assert here.here() == "?range=7d&state=firing"
    assert here.here(state="all") == "?range=7d&state=all"
    assert here.here(state=None, range=None) == "/ui/x"


def test_another_span_takes_the_place_of_given_times() -> None:
    here = view(from_="2026-11-19T00:00", to="2026-11-20T00:00", zone="UTC", state="all")
    assert here.is_fixed
    assert here.range.end - here.range.start == timedelta(days=1)
    assert [choice.address for choice in here.spans()][:1] == ["?state=all&range=1h"]
    assert not any(choice.is_current for choice in here.spans())
    assert here.hidden("from", "to", "zone") == {"state": "all"}


def test_times_of_a_program_must_carry_an_offset() -> None:
    with pytest.raises(InvalidInput, match="from: expected a time with a UTC offset"):
        view(from_="2026-11-19T00:00", to="2026-11-20T00:00Z")


def test_one_refresh_is_chosen_and_off_needs_no_argument() -> None:
    choices = view(refresh="5m").refreshes()
    assert [choice.address for choice in choices] == ["/ui/x", "?refresh=30s", "?refresh=1m", "?refresh=5m"]
    assert [choice.label for choice in choices if choice.is_current] == ["5m"]
    assert (view(refresh="5m").refresh_seconds, view().refresh_seconds) == (300, 0)


def test_another_refresh_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidInput, match="refresh: expected one of off, 30s, 1m, 5m"):
        view(refresh="1s")


def test_a_time_picker_gets_what_it_takes() -> None:
    assert form_time(NOON) == "2026-11-20T12:00"
    assert form_time(NOON + timedelta(seconds=5)) == "2026-11-20T12:00:05"
