"""dbt's `adapter`, as far as models and their macros use it to make text."""

from typing import ClassVar


def quote(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


class device_day:
    """What a tested model reads: nothing beside a day."""

    beside: ClassVar[dict] = {}

    def __init__(self, *_: object) -> None:
        """Take what the macros tell."""
