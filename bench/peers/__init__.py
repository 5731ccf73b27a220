"""Other ways from the same messages to bricks per hour, shift and production day.

Each is a program of its own, so that its memory and its CPU are its own. All read the
raw table, judge messages and counters by the rules of METRICS and of
`models/brick_production`, and leave `events`, `hours`, `shifts` and `days` in a schema
of theirs:

- `row_by_row`: each message validated with pydantic and inserted on its own;
- `pandas_way`: everything in memory, vectorised where it can be;
- `duckdb_way`: everything in one SQL engine beside the database.

Their increments are the build's, to the brick. Where an increment crosses the border of
an hour they share it out by time alone; the build makes minute steps and states first,
and knows which part of the time the machine stood. So some bricks lie on the other side
of a border, and the sums over all periods are the same.

None of them does what a build does besides: verdicts kept per message, error counters,
states, planned stops, anomalies, tests, an audit log, and starting from what is there.
"""
