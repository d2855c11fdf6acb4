"""Sound in: microphones, what the computer plays, and files, all as 80 ms chunks of 16 kHz mono.

Nothing heavy is imported here; every sound library is loaded by the source that needs it, when it starts.
"""
