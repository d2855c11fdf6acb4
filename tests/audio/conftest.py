"""Fixtures shared by the tests of sound."""

from tests.helpers.sound_server import sound_server

__all__ = ["sound_server"]
