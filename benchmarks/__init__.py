"""Accuracy on phantoms, speed and memory as ratios within one run, repeatability."""
