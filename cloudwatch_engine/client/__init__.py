"""Scripts for people and for the machines that are watched: they call the engine over HTTP and draw what it says."""
