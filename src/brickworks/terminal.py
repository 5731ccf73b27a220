"""Shows what others wrote as text, and as nothing but text.

Device ids, payloads and what the database says of them are hostile input: their
brackets are no markup, and their control characters no commands to the terminal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

# Controls, marks that turn the direction of writing, half characters, line separators.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def visible(value: object, *, keeps_lines: bool = False) -> str:
    r"""Return a value as text in which control characters are written out.

    Args:
        value: what to show; `str` says how.
        keeps_lines: whether line feeds stay: for sentences of our own.

    Returns:
        The text; an escape character, say, has become `\x1b`. What is visible already
        stays as it is.
    """
    return "".join(
        character
        if (keeps_lines and character == "\n")
        or unicodedata.category(character) not in INVISIBLE
        else character.encode("unicode_escape").decode("ascii")
        for character in str(value)
    )


def as_text(value: object) -> Text:
    """Return a value for rich, which reads markup and emoji codes in a `str`."""
    return Text(visible(value))


@contextmanager
def progress_bar(
    title: str, *, shows_count: bool = True
) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on stderr; yield what it is told (done, total) with.

    A log file gets none: there, the sentence at the end says it all.

    Args:
        title: what is under way.
        shows_count: whether the numbers are shown, else their percentage.
    """
    console = Console(stderr=True)
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn() if shows_count else TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    with progress:
        task = progress.add_task(visible(title), total=None)

        def report(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield report
