"""Cohorts and trials of phantoms, written as the folders and lists that users bring."""
