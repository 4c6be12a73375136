"""The monitor's JSON API."""
