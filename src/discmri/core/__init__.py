"""What every part stands on: names of levels, geometry, findings, settings, files and text."""
