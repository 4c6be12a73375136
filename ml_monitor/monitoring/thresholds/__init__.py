"""The bounds of a metric - learnt, set by hand or from a false-alarm budget - and whether a value is beyond them."""
