"""Starts and stops the whole platform on one machine, without Docker."""
