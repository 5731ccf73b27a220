"""Messages of hand-made sensors, random ones, and the order in which they arrive."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from psycopg2.extras import Json

PLANT = ZoneInfo("Asia/Ho_Chi_Minh")
FIRST_DAY = datetime(2026, 3, 2, tzinfo=PLANT)
MINUTE = timedelta(minutes=1)


def at(clock: str, day: int = 0) -> datetime:
    """A time of the plant's wall clock, on a calendar day counted from the first."""
    hours, minutes = clock.split(":")
    return FIRST_DAY + timedelta(days=day, hours=int(hours), minutes=float(minutes))


@dataclass(frozen=True)
class Message:
    """A row of the raw table; without an id it gets the next one on arrival."""

    device_id: str | None
    timestamp: datetime | str | None
    data: object
    created_at: datetime | str | None = None
    sensor_type: str | None = "brick_counter"
    id: int | None = None

    def row(self) -> tuple:
        return (
            self.id,
            self.device_id,
            self.sensor_type,
            self.timestamp,
            None if self.data is None else Json(self.data),
            self.created_at,
        )


def readings(
    device_id: str,
    start: datetime,
    counts: Iterable[int],
    every: timedelta = MINUTE,
) -> list[Message]:
    """Readings at equal intervals, each written two seconds after it was taken."""
    moments = ((start + i * every, count) for i, count in enumerate(counts))
    return [
        Message(device_id, moment, {"count": count}, moment + timedelta(seconds=2))
        for moment, count in moments
    ]


def steady(device_id: str, clock: str, day: int, count: int, n: int = 20) -> list:
    """Readings a minute apart, ten pieces each."""
    return readings(device_id, at(clock, day), range(count, count + 10 * n, 10))


def reading(device_id: str, moment: datetime, count: int, late: timedelta) -> Message:
    """One reading that was written `late`."""
    return Message(device_id, moment, {"count": count}, moment + late)


def health(device_id: str, moment: datetime) -> Message:
    """A message that says nothing of bricks."""
    return Message(device_id, moment, {"status": "online", "battery": 80}, moment)


# --- random messages ------------------------------------------------------------

DEVICES = ("SAU-ME-01", "SAU-LN-01", "NEW-01")
"""Two of the registry, whose fastest rates differ, and one it does not know."""

SENSORS = {
    "AM-SAY-01": "moisture",
    "AM-NEW-01": "moisture",
    "QUAT-LO-01": "machine_monitoring",
    "MAY-NEW-01": "machine_monitoring",
    "NHIET-01": "temperature",
}
"""Those of other kinds; nobody told the unit of the new probe, nor what the new machine
and the thermometer stand at."""

BURSTS = (
    "05:30", "05:50", "05:56", "05:59", "06:00", "06:00.02", "06:01", "06:10", "11:40",
    "17:50", "23:55",
)  # fmt: skip
"""When readings start, most of them about the change of day."""

EVENTS = ("dip", "spike", "jitter", "reset", "stop", "silence", "rollback")


def as_text(data: dict) -> dict:
    """The same numbers as text with zeros at their end."""
    return {
        name: value if isinstance(value, str) else f"{value:.6f}"
        for name, value in data.items()
    }


ODD = {
    "health": lambda m: replace(m, data={"status": "online", "battery": 70}),
    "broken payload": lambda m: replace(m, data={"count": "many"}),
    "numbers as text": lambda m: replace(m, data=as_text(m.data)),
    "no object": lambda m: replace(m, data=[1, 2]),
    "unknown sensor type": lambda m: replace(m, sensor_type="noise_level"),
    "sensor type missing": lambda m: replace(m, sensor_type=None),
    "device id missing": lambda m: replace(m, device_id=None),
    "device id blank": lambda m: replace(m, device_id="  "),
    "spelling": lambda m: replace(m, device_id=f" {m.device_id.lower()} "),
    "clock of 1970": lambda m: replace(
        m, timestamp=datetime(1970, 1, 1, tzinfo=PLANT) + timedelta(seconds=7)
    ),
    "clock ahead": lambda m: replace(m, timestamp=m.timestamp + timedelta(days=400)),
    "clock infinite": lambda m: replace(m, timestamp="infinity"),
    "clock missing": lambda m: replace(m, timestamp=None),
    "arrival unknown": lambda m: replace(m, created_at=None),
    "clock minus infinite": lambda m: replace(m, timestamp="-infinity"),
    "clock of the year 9998": lambda m: replace(m, timestamp="9998-12-31 23:59+00"),
    "clock of the year 200000": lambda m: replace(m, timestamp="200000-01-01 00:00+00"),
    "arrival infinite": lambda m: replace(m, created_at="infinity"),
    "arrival minus infinite": lambda m: replace(m, created_at="-infinity"),
    "arrival in the year 200000": lambda m: replace(
        m, created_at="200000-01-01 00:00+00"
    ),
    "nothing but a clock of 9998": lambda m: replace(
        m, timestamp="9998-12-31 23:59+00", created_at="infinity"
    ),
    "device id of 300 characters": lambda m: replace(m, device_id="long " * 60),
    "device id of 6400 characters": lambda m: replace(m, device_id="endless " * 800),
    "nested payload": lambda m: replace(m, data={"metrics": m.data}),
}
"""What a reading is turned into: other verdicts, other spellings, other clocks."""


class Device:
    """A counter that goes up, and what happens to it."""

    def __init__(self, device_id: str, rng: random.Random, features: Counter) -> None:
        self.device_id, self.rng, self.features = device_id, rng, features
        self.count, self.errors, self.uptime = rng.choice([0, 50, 4_000, 90_000]), 0, 0

    def burst(self, start: datetime, events: Sequence[str]) -> list[Message]:
        rng, moment, messages = self.rng, start, []
        every = timedelta(seconds=rng.choice([5, 30, 60, 60, 120, 400]))
        length = rng.randint(1, 14)
        happening = {rng.randrange(length): event for event in events}
        hidden, away = 0, 0
        for i in range(length):
            event = happening.get(i)
            self.features[event or "plain reading"] += 1
            rate = 0 if event == "stop" else rng.uniform(0.1, 0.5)
            self.count += round(every.total_seconds() * rate)
            self.errors += rng.choice([0, 0, 0, 1])
            self.uptime += int(every.total_seconds())
            if event == "reset":
                self.count, self.errors, self.uptime = rng.randint(0, 9), 0, 0
            if event == "rollback":
                self.count = max(0, self.count - self.count // 300 - 3)
            if event in ("dip", "spike"):
                hidden = rng.randint(1, 3)
                away = rng.randint(0, 5) if event == "dip" else self.count + 50_000
            shown = away if hidden else self.count
            hidden = max(0, hidden - 1)
            if event == "jitter":
                shown -= rng.randint(1, 2)
            moment += every * (12 if event == "silence" else 1)
            data = {"count": max(0, shown), "err_count": self.errors}
            if rng.random() < 0.5:
                data["uptime"] = self.uptime
            written = moment + timedelta(seconds=rng.choice([0, 2, 2, 400]))
            messages.append(Message(self.device_id, moment, data, written))
        return messages


class Sensor:
    """A sensor that measures, now and then outside of what it should."""

    def __init__(self, device_id: str, rng: random.Random, features: Counter) -> None:
        self.device_id, self.rng, self.features = device_id, rng, features
        self.sensor_type = SENSORS[device_id]

    def burst(self, start: datetime, events: Sequence[str]) -> list[Message]:
        rng, moment, messages = self.rng, start, []
        every = timedelta(seconds=rng.choice([60, 300, 300, 600, 1200]))
        for i in range(rng.randint(1, 14)):
            is_odd = i < len(events) or rng.random() < 0.2
            self.features[f"{self.sensor_type} {'odd' if is_odd else 'usual'}"] += 1
            moment += every
            written = moment + timedelta(seconds=rng.choice([0, 2, 2, 400]))
            data = getattr(self, f"_{self.sensor_type}")(is_odd)
            messages.append(
                Message(self.device_id, moment, data, written, self.sensor_type)
            )
        return messages

    def _moisture(self, is_odd: bool) -> dict:
        usual, odd = (0.13, 0.15, 0.16), (0.05, 0.23, 0.27, 14.5)
        data = {"moisture": self.rng.choice(odd if is_odd else usual)}
        if self.rng.random() < 0.5:
            data["temperature"] = self.rng.choice([40, 41, 999])
        return data

    def _machine_monitoring(self, is_odd: bool) -> dict:
        usual, odd = (2.5, 3.0, 3.1), (4.3, 4.6, 7.5, 12, -1)
        data = {"vibration": self.rng.choice(odd if is_odd else usual)}
        if self.rng.random() < 0.7:
            data["status"] = self.rng.choice(["running", "running", "stopped", "odd"])
        if self.rng.random() < 0.5:
            data["rpm"] = self.rng.choice([0, 200, 2900])
        return data

    def _temperature(self, is_odd: bool) -> dict:
        return {"temperature": self.rng.choice((90, 250) if is_odd else (60, 61))}


def spoil(
    messages: list[Message], odd: list[str], rng: random.Random, features: Counter
) -> list[Message]:
    """Turn some readings into odd messages, now and then all of a day's."""
    result = []
    spoilt_day = rng.choice(messages).timestamp.date() if messages and odd else None
    is_whole_day = rng.random() < 0.3
    for message in messages:
        if odd and (
            (is_whole_day and message.timestamp.date() == spoilt_day)
            or rng.random() < 0.15
        ):
            kind = rng.choice(odd)
            features[kind] += 1
            # Beside the reading or in its place.
            if rng.random() < 0.3:
                result.append(message)
            message = ODD[kind](message)
        result.append(message)
        if rng.random() < 0.04:
            features["duplicate"] += 1
            result.append(message)
        if rng.random() < 0.04:
            features["conflict"] += 1
            result.append(replace(message, data={"count": rng.randint(0, 5_000)}))
    if is_whole_day and spoilt_day:
        features["a day spoilt"] += 1
    return result


def arrive(
    messages: list[Message],
    runs: int,
    disorder: float,
    rng: random.Random,
    features: Counter,
) -> list[list[Message]]:
    """Deal the messages out to the runs: in the order of events, but for some."""
    messages = sorted(messages, key=lambda message: _moment(message, at("00:00")))
    cuts = sorted(rng.randint(0, len(messages)) for _ in range(runs - 1))
    arrivals: list[list[tuple[float, Message]]] = [[] for _ in range(runs)]
    for position, message in enumerate(messages):
        own = sum(position >= cut for cut in cuts)
        batch = own
        if rng.random() < disorder:
            batch = rng.randint(own, runs - 1) if disorder < 1 else rng.randrange(runs)
        if batch > own and isinstance(message.created_at, datetime):
            how = rng.choice(["replayed as if on time", "seconds late", "months late"])
            late = {"seconds late": timedelta(seconds=rng.randint(1, 900)),
                    "months late": timedelta(days=rng.randint(1, 90))}  # fmt: skip
            features[how] += 1
            message = replace(
                message, created_at=message.created_at + late.get(how, timedelta())
            )
        # A second writer drew its ids earlier than it committed.
        is_slow = rng.random() < 0.1
        features["committed after higher ids"] += is_slow
        arrivals[batch].append((batch - 1.5 * is_slow, message))
    ranks = sorted(
        (rank, rng.random(), batch, i)
        for batch, arrived in enumerate(arrivals)
        for i, (rank, _) in enumerate(arrived)
    )
    result: list[list[Message]] = [[] for _ in range(runs)]
    for number, (_, _, batch, i) in enumerate(ranks, 1):
        result[batch].append(replace(arrivals[batch][i][1], id=number))
    return result


def _moment(message: Message, otherwise: datetime) -> datetime:
    for found in (message.timestamp, message.created_at):
        if isinstance(found, datetime):
            return found
    return otherwise
