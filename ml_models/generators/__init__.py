"""Documented random processes that stand in for the users' CSV files."""
