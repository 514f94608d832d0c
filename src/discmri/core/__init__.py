"""Shared basics: names of levels, geometry, findings, settings, files and text."""
