"""Time and chance: plant days in UTC milliseconds, generators named by what they do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zlib import crc32
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

MINUTE = 60.0
HOUR = 3600.0


@dataclass(frozen=True)
class Day:
    """One calendar day of the plant, midnight to midnight on its own clock.

    The simulator's unit of work. It is not the production day (06:00 to 06:00) on
    purpose: that way faults, stops and late messages lie across the 06:00 border.

    Attributes:
        date: The local date.
        start_ms: Midnight as UTC milliseconds since 1970.
        seconds: Length of the day: 86,400 but where the clocks change.
        offsets: UTC offset in seconds for each started hour since midnight.
    """

    date: date
    start_ms: int
    seconds: float
    offsets: tuple[int, ...]

    @property
    def end_ms(self) -> int:
        """The next midnight as UTC milliseconds."""
        return self.start_ms + int(self.seconds * 1000)

    def local_ms(self, utc_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Wall-clock milliseconds of instants within this day."""
        hours = np.clip((utc_ms - self.start_ms) // 3_600_000, 0, len(self.offsets) - 1)
        return utc_ms + 1000 * np.array(self.offsets, dtype=np.int64)[hours]

    def second_of(self, hour: int, minute: int = 0) -> float:
        """Seconds since midnight at which the wall clock shows `hour`:`minute`."""
        naive = (hour * 60 + minute) * MINUTE
        return naive - (
            self.offsets[min(hour, len(self.offsets) - 1)] - self.offsets[0]
        )


@lru_cache(maxsize=64)
def plant_day(local_date: date, timezone: str) -> Day:
    """The calendar day of a time zone."""
    zone = ZoneInfo(timezone)
    start = datetime.combine(local_date, datetime.min.time(), zone).astimezone(UTC)
    after = datetime.combine(
        local_date + timedelta(days=1), datetime.min.time(), zone
    ).astimezone(UTC)
    seconds = (after - start).total_seconds()
    offsets = tuple(
        int((start + timedelta(hours=h)).astimezone(zone).utcoffset().total_seconds())
        for h in range(int(-(-seconds // 3600)))
    )
    return Day(local_date, to_ms(start), seconds, offsets)


def to_ms(instant: datetime) -> int:
    """UTC milliseconds since 1970 of an aware datetime."""
    return round(instant.timestamp() * 1000)


def to_datetime(ms: int) -> datetime:
    """The aware UTC datetime of milliseconds since 1970, exact."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(ms))


_CLOCK_TIMES = np.array(
    [
        f"{h:02d}:{m:02d}:{s:02d}"
        for h in range(24)
        for m in range(60)
        for s in range(60)
    ],
    dtype="S8",
)
_MILLISECONDS = np.array([f".{ms:03d}Z" for ms in range(1000)], dtype="S5")


def iso_text(ms: NDArray[np.int64], naive: bool = False) -> NDArray[np.str_]:
    """Milliseconds since 1970 as ISO 8601 text, `2025-11-10T06:00:00.123Z`.

    Put together from looked-up parts: five times as fast as `np.datetime_as_string`.

    Args:
        ms: Milliseconds since 1970.
        naive: Leave out the milliseconds and the Z.
    """
    seconds, ms = np.divmod(ms, 1000)
    days, seconds = np.divmod(seconds, 86400)
    different, which = np.unique(days, return_inverse=True)
    dates = np.datetime_as_string(different.astype("M8[D]")).astype("S10")
    text = np.empty(
        len(ms), dtype=[("d", "S10"), ("t", "S1"), ("s", "S8"), ("z", "S5")]
    )
    text["d"], text["t"], text["s"] = dates[which], b"T", _CLOCK_TIMES[seconds]
    text["z"] = b"" if naive else _MILLISECONDS[ms]
    return text.view("S24").astype("U24")


def chance(seed: int, *names: str | int) -> np.random.Generator:
    """A random generator of its own for every purpose.

    Streams are keyed by name (device, day, what for), never by order of use, so a
    subset of devices, days or faults sees the same numbers as the whole factory.
    """
    key = [n if isinstance(n, int) else crc32(n.encode()) for n in names]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *key])))
