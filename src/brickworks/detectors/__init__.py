"""Anomaly detectors: pure functions from arrays to points, without dbt.

All are causal with a look-back that is finite in time, and bit-identical however much
older history comes with the data. Thresholds are arguments: they live in seed rows.
"""
