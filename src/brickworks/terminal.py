"""Shows what others wrote as text, and as nothing but text.

Device ids, payloads and what the database says of them are hostile input: their
brackets are no markup, and their control characters no commands to the terminal.
"""

from __future__ import annotations

import unicodedata

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
