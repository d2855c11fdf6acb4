"""The workshop that makes the streaming models; never shipped with the program (see README.md)."""
