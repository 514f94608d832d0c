"""The result of a measured study, and the files it is written to."""
