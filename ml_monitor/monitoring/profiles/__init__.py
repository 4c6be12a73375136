"""What a column looks like, small enough to be kept for every chunk: to draw it, and to say how it changed."""
