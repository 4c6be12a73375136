"""Evaluates models chunk by chunk: what is new is measured, judged against what is normal, and moves the alerts."""
