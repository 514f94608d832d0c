"""A measured study as data, and the files it is written to."""
