"""Tables that clients send: CSV of truths and of references."""
