"""How good a model probably is on a chunk whose truth has not come yet, with what that guess cannot see."""
