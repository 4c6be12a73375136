"""What a client of the monitor has yet to send: rows, a queue on disk, and the thread that empties it."""
