"""Alert rules, the book of alerts, and how people are told of them."""
