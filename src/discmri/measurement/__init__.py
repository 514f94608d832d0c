"""From a study to a measured study: find, name, trace, measure."""
