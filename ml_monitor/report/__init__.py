"""A report on models over a period: one file of HTML that holds all it shows, also as a mail."""
