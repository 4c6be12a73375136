"""Cron-driven jobs that train, forecast and push what they found into the store."""
