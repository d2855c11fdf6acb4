"""The window in which all that was said can be read, searched and copied."""
