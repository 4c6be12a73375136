"""Detectors of anomalies: pure, arrays in and scores out; they know no store, no web and no jobs."""
