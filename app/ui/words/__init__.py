"""The window in which the list of words to know is edited."""
