"""Where a program is found."""

from __future__ import annotations

import pytest

from ml_core.launcher.programs import Program, name_width


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:5001/"),
        ("localhost", "http://localhost:5001/"),
        ("0.0.0.0", "http://127.0.0.1:5001/"),
        ("", "http://127.0.0.1:5001/"),
        ("::", "http://[::1]:5001/"),
        ("fd00::1", "http://[fd00::1]:5001/"),
    ],
)
def test_a_program_is_called_on_loopback_if_it_listens_everywhere(host: str, url: str) -> None:
    assert Program(name="monitor", section="monitor", host=host, port=5001, command=("true",)).url == url


def test_a_column_of_names_is_as_wide_as_the_longest_of_them() -> None:
    named = [Program(name=name, section="", host="", port=1, command=()) for name in ("api", "a_name_of_20_letters")]
    assert name_width(named) == 20
    assert name_width(named[:1]) == name_width([]) == 12
