"""Training: the two phases, once, and one recipe for each application."""
