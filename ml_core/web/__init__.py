"""What every Flask app of the suite has in common."""
