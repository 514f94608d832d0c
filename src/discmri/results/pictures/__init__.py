"""Pictures of a measured study, drawn from its results alone."""
