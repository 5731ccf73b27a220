"""What devices send reaches the terminal as text."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from brickworks.terminal import as_text, visible

HOSTILE = (
    "[/] [red]A[/red] :skull: \x1b[2J\x1b]0;x\x07 \x9b1m \r\n\u202eB \u200b\x00\x7f"
)
SHOWN = (
    r"[/] [red]A[/red] :skull: \x1b[2J\x1b]0;x\x07 \x9b1m \r\n\u202eB \u200b\x00\x7f"
)


def test_control_characters_are_written_out():
    assert visible(HOSTILE) == SHOWN
    assert visible(SHOWN) == SHOWN


@pytest.mark.parametrize("text", ["SAU-LN-01", "Máy ép 25 °C ± 1 …", r"a\b", ""])
def test_what_is_visible_stays(text: str):
    assert visible(text) == text


def test_lines_stay_where_asked():
    assert visible("a\nb\r\x1b", keeps_lines=True) == "a\nb\\r\\x1b"


def test_rich_reads_no_markup_and_no_emoji_in_it():
    output = io.StringIO()
    Console(file=output, width=200, force_terminal=True).print(as_text(HOSTILE))
    assert output.getvalue() == SHOWN + "\n"
