"""Messages that nobody should send, one by one and drawn at random."""

from __future__ import annotations

import json
import random
from itertools import product

from hypothesis import strategies as st

Row = tuple[str | None, str | None, str | None, str | None, str | None]
"""device_id, sensor_type, timestamp, data, created_at, as the server reads them."""

SENSOR_TYPES = ("brick_counter", "moisture", "machine_monitoring", "temperature")

MOMENTS = (
    None,
    "infinity",
    "-infinity",
    "4713-01-01 00:00:00+00 BC",
    "0001-01-01 00:00:00+00",
    "1970-01-01 00:00:00+00",
    "2020-01-01 05:59:59+07",
    "2020-01-01 06:00:00+07",
    "2026-03-02 08:00:00+07",
    "2026-03-02 08:05:00.000001+07",
    "2026-12-31 23:59:59.999999+00",
    "9998-12-31 23:59:59.999999+00",
    "9999-01-01 00:00:00+00",
    "200000-02-29 00:00:00+00",
    "294276-12-31 23:59:59.999999+00",
)
"""Times, to the edges of the type and of what is believed."""

SPANS = (
    *((0x01, 0x20), (0x7F, 0xA0), (0x1680, 0x1680), (0x2000, 0x200B), (0x2028, 0x2029)),
    *((0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
BLANKS = "".join(chr(code) for first, last in SPANS for code in range(first, last + 1))
"""What an id may carry at its ends without being another one."""


def incompressible(length: int, seed: int = 0) -> str:
    """A text that no compression makes shorter, for what an index cannot hold."""
    rng = random.Random(seed)
    return "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(length))


IDS = (
    None,
    "",
    " ",
    BLANKS,
    "FT-16",
    "ft-16",
    *(f"{blank}Ft-16{blank}" for blank in BLANKS),
    " " * 7_000 + "FT-16",
    "F\u00a0T-16",
    "-",
    "--",
    "(missing)",
    "(MISSING)",
    "Máy-Ép-01",
    "straße-ŉ-ǆ",
    "🧱-01",
    "e\u0301" * 60,
    "\u202eRTL-01",
    "'; drop table raw.measurements; --",
    '"quoted"',
    "back\\slash\\",
    "[bold red]markup[/]",
    "{{ jinja }}",
    "%s %(name)s",
    "{a,b}",
    "null",
    "NaN",
    "A" * 200,
    "A" * 201,
    " " + "A" * 200 + "\u00a0",
    "ß" * 150,
    incompressible(200),
    incompressible(6_400),
    incompressible(6_400, 1) + "-01",
    "x" * 300_000,
)

NUMBERS = (
    *("0", "-0", "-0.0", "1", "12.0", "12.5", "1e2", "1E+2", "1200e-2", "-1", "100.1"),
    *("9007199254740991", "9007199254740992", "9223372036854775808", "1e30", "1e400"),
    *("-1e400", "1e-400", "1e131071", "-1e131071", "1e-16383", "5e-324", "1.7e308"),
    *("1" * 10_000, "0." + "1" * 10_000, "1" + "0" * 5_000 + "." + "0" * 5_000 + "1"),
    *("0.14000000000000001", "99.99999999999999", "1" * 130_000),
)
"""JSON numbers, as they are written."""

TEXTS = (
    *("12\u00a0", "\u00a012", " 12 ", "\t12\n", "12\v", "\u200b12\ufeff", "12\u3000"),
    *("+5", "-5", "5.", ".5", ".", "+", "-", "+-5", "--5", "5-", "1 2", "", " "),
    *("1e5", "1e99", "1e-99", "1e100", "1e999999", "1e-999999", "1e", "e5", "1e+"),
    *("0x10", "0b1", "0o7", "1_000", "1,000", "1.000,5", "1E5", "½"),
    *("\u0661\u0662", "\uff11\uff12", "\u2461", "\u216b"),
    *("NaN", "nan", "Infinity", "-infinity", "inf", "true", "null", "None"),
    *("12 pcs", "12;", "12'", '12"', "\\12", "1\n2", "1" * 30, "1" * 41, "9" * 10_000),
    *("0" * 200_000 + "12", " " * 200_000 + "12", "1." + "0" * 200_000, "[b]12[/b]"),
)
"""What may be taken for a number, and may not be one."""

CLOCKS = (
    *("2026-03-02T08:00:00", "2026-03-02 08:00:00Z", "2026-03-02T08:00:00.5+07:00"),
    *("2026-06-31T08:00:00", "2026-02-30T08:00:00", "2026-03-02T24:00:00"),
    *("2026-12-31T23:59:60Z", "294276-12-31T23:59:59", "0000-01-01T00:00:00"),
    *("1000-01-01T00:00:00+14:59", "2999-12-31T23:59:59-14:59", "9999-12-31T23:59:59"),
    *("-4713-01-01T00:00:00", "infinity", "now", "epoch", "2026-03-02T08:00:00+99:00"),
    *("2026-03-02T08:00:00." + "1" * 9, "2026-03-02T08:00:00." + "1" * 5_000, "T"),
    *("\u0662026-03-02T08:00:00", "2026-03-02T08:00:00\u00a0", "2026-13-01T00:00:00"),
)

BROKEN = (
    *('{"count": 5', '{"count": 5}}', '{"count": "\\u0000"}', "{"),
    *('{"\\u0000": 5}', '{"count": 1e999999}', '{"count": NaN}', ""),
    *("{'count': 5}", '"{}"', "[5]", "\u00a0{}"),
    *('{"a":' * 100_000, '{"count": 1, "a": ' + "[" * 500 + "]" * 500 + "}", "null"),
    *('{"count": "\\ud800"}', '{"count": "\\ud83e\\uddf1"}', "{" + " " * 100_000 + "}"),
)
"""What a text may hold in place of JSON."""

NAMES = (
    *("count", "error_count", "errCount", "rssi", "battery", "temperature", "uptime"),
    *("moisture", "humidity", "vibration", "pressure", "rpm", "status", "ts"),
    *("timestamp", "deviceId", "device_id", "tag", "value", "details"),
)
PLACES = ("metrics", "data", "quality", "details")


def _values() -> list[str]:
    found = [*NUMBERS, *map(json.dumps, (*TEXTS, *CLOCKS, *BROKEN))]
    found += ["null", "true", "false", "[]", "{}", "[1]", '{"count": 1}', '[["x"]]']
    return [*found, '{"": 1}', "[" * 500 + "]" * 500]


VALUES = tuple(_values())
"""JSON of any kind, for any field."""

BIG = json.dumps({f"key {number}": "x" * 50 for number in range(30_000)} | {"count": 1})

PAYLOADS = (
    None,
    *VALUES,
    *(json.dumps(json.dumps(text)) for text in BROKEN),
    *(json.dumps(f'{{"count": {value}}}') for value in NUMBERS),
    '{"": 1, " ": 2, "count\\t": 3}',
    '{"count": 1, "count": "2"}',
    '{"metrics": {"count": []}, "data": "count", "quality": ["battery"]}',
    '{"metrics": null, "data": {"count": {"count": 1}}}',
    '{"data": {"data": {"data": {"count": 1}}}}',
    '{"status": {"a": "\\u0001"}, "deviceId": {"a": [1]}, "ts": {"ts": 1}}',
    '{"status": ["on"], "deviceId": 16, "ts": 1772413620}',
    json.dumps({"status": "\u0001" * 100_000, "temperature": 1, "ts": "x" * 100_000}),
    BIG,
    json.dumps(BIG),
)


def each() -> list[Row]:
    """Every hostile value once at every place it may be in."""
    good = "2026-03-02 08:00:00+07"
    count = '{"count": 5, "moisture": 0.1, "temperature": 20}'
    rows: list[Row] = [
        (device, "brick_counter", moment, count, created)
        for device, moment, created in product(
            ("FT-16", "SAU-ME-01", None), MOMENTS, MOMENTS
        )
    ]
    for name, sensor_type in product(IDS, SENSOR_TYPES):
        rows.append((name, sensor_type, good, count, good))
        rows.append((name, sensor_type, None, count, None))
    rows += [("FT-16", name, good, count, good) for name in IDS]
    rows += [(name, name, good, count, good) for name in IDS]
    rows += [
        (f"P-{sensor_type}-{number}", sensor_type, good, data, good)
        for sensor_type in SENSOR_TYPES
        for number, data in enumerate(PAYLOADS)
    ]
    short = [value for value in VALUES if len(value) <= 20_000]
    for sensor_type, value in product(SENSOR_TYPES, short):
        # All fields at once, and each for itself beside sound ones.
        fields = "".join(f', "{name}": {value}' for name in NAMES[1:])
        rows.append(("V-1", sensor_type, good, f'{{"count": 5{fields}}}', good))
    for number, (name, value) in enumerate(product(NAMES, short)):
        data = f'{{"count": 5, "moisture": 0.1, "rpm": 7, "{name}": {value}}}'
        sensor_type = SENSOR_TYPES[number % len(SENSOR_TYPES)]
        rows.append((f"V-{name}", sensor_type, good, data, good))
    return rows


# --- drawn ----------------------------------------------------------------------

_characters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
_moments = st.one_of(
    st.sampled_from(MOMENTS),
    st.just("2026-03-02 08:00:00+07"),
    st.datetimes().map(lambda moment: f"{moment.isoformat()}+00"),
    st.builds("{:04d}-06-15 12:00:00+00".format, st.integers(1, 294_276)),
)
_ids = st.one_of(
    st.sampled_from(IDS),
    st.sampled_from(["FT-16", "SAU-ME-01", "NEW-01"]),
    st.text(_characters, max_size=8),
    st.builds(
        lambda left, name, right: left + name + right,
        st.text(st.sampled_from(BLANKS), max_size=3),
        st.sampled_from(["ft-16", "Sau-Me-01", "é-1"]),
        st.text(st.sampled_from(BLANKS), max_size=3),
    ),
    st.builds(incompressible, st.integers(1, 7_000), st.integers(0, 9)),
)
_types = st.one_of(*map(st.just, SENSOR_TYPES), _ids)
_scalars = st.one_of(
    st.sampled_from(VALUES),
    st.builds(json.dumps, st.text(_characters, max_size=12)),
    st.builds(
        json.dumps, st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    ),
    st.builds(
        lambda before, digits, after: json.dumps(before + digits + after),
        st.text(st.sampled_from(BLANKS + "+-._eE"), max_size=2),
        st.text(st.sampled_from("0123456789.eE_-"), max_size=45),
        st.text(st.sampled_from(BLANKS + "%_.eE"), max_size=2),
    ),
)


def _object(fields: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{json.dumps(k)}: {v}" for k, v in fields) + "}"


_names = st.sampled_from(NAMES + PLACES) | st.text(_characters, max_size=3)
_objects = st.builds(_object, st.lists(st.tuples(_names, _scalars), max_size=6))
_nested = st.builds(
    _object,
    st.lists(
        st.tuples(
            st.sampled_from(PLACES + NAMES),
            _scalars
            | _objects
            | st.builds("[{}]".format, _objects)
            | st.builds('{{"data": {}}}'.format, _objects),
        ),
        max_size=4,
    ),
)
_payloads = st.one_of(
    st.sampled_from(PAYLOADS),
    _objects,
    _objects,
    _nested,
    st.builds(json.dumps, _objects),
    st.builds(lambda text, n: json.dumps(text[:n]), _objects, st.integers(0, 30)),
)


class Drawn(tuple):
    """A row that does not fill the screen when a test fails."""

    def __repr__(self) -> str:
        return "(" + ", ".join(repr(part)[:100] for part in self) + ")"


messages = st.lists(
    st.tuples(_ids, _types, _moments, _payloads, _moments).map(Drawn),
    min_size=30,
    max_size=60,
)
"""Some dozens of messages whose every part may be anything."""
