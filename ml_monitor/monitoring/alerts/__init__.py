"""What the verdicts on a rule's chunks make of its alert, and what of it is to be told now. Pure: times come in."""
