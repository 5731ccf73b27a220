"""Labelled measurements through the project's own models, and how well they did.

A directory holds measurements and what is strange in them (docs/backtest.md). They
go through the same dbt models as the plant's, on a server of their own, and what is
flagged is held against the labels. Modules, from the ground up:

- `scoring`: flags against labels, pure functions;
- `labels`: the file that says what is strange;
- `simulated`: such a directory made by the simulator;
- `run`: server, messages, models, flags;
- `report`: scores beside their targets, as a table and as JSON.
"""
