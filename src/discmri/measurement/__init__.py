"""Measurement of a study: segmentation, naming, borders, values."""
