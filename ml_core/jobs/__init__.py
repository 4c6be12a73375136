"""Cron commands that do their work once: slots, leases, a history of runs."""
