"""What a script tracks of a model: metrics of single predictions, what became known of them later, and aggregates."""
