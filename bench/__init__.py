"""What a build costs, beside what other ways to the same numbers cost.

`make bench` runs it; docs/performance.md says what came out. Modules:

- `meter`: CPU, wall clock and memory of a command and of the server it works on;
- `factory`: the messages, and those of them that come later;
- `scenarios`: what is measured, in which order;
- `peers`: the other ways, one module each;
- `plans`: the heaviest statements of a run, explained;
- `report`: the tables and the targets.

And whether the numbers are what they were, which `make compare` asks:

- `compare`: a commit and the working tree, built from the same messages;
- `differences`: of two relations, row for row.
"""
