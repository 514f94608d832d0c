"""Results compared with a known truth, and the qualification of an installation."""
