"""How far a chunk lies from the reference, column by column or several columns at once."""
