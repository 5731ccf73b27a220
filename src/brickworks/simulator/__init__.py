"""A simulated factory that knows the truth."""
