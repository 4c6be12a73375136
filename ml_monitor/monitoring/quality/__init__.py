"""What is wrong with the data of a chunk itself: missing, unseen, out of range, of another type, doubled, constant."""
