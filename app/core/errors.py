"""What can go wrong outside the engine, each with the one sentence a person is shown.

AppError
  SourceError           a microphone, an output or a file cannot be captured from
  SettingsError         a settings file cannot be read or written
  WordListError         a list of words to know cannot be read or written
  LauncherError         an entry in the applications menu cannot be written or removed
  TextError             a text to learn from cannot be used
  ModelNotFound         there is no model where one was looked for
  NoDisplay             no window can be opened
  OutputError           results cannot be written
  UsageError            what was asked for on the command line does not exist
"""

from __future__ import annotations


class AppError(Exception):
    """Base of all errors the program raises on purpose; `str(error)` is a full sentence for the user."""


class SourceError(AppError):
    """A sound source cannot be opened or read."""


class SettingsError(AppError):
    """Settings cannot be read or written."""


class WordListError(AppError):
    """A list of words to know cannot be read or written."""


class LauncherError(AppError):
    """An entry in the applications menu, or among what starts at login, cannot be written or removed."""


class TextError(AppError):
    """A text to make a language model from cannot be read, or is too short."""


class ModelNotFound(AppError):
    """There is no model where one was looked for."""


class NoDisplay(AppError):
    """No window can be opened."""


class OutputError(AppError):
    """Results cannot be written, as on a full disk."""


class UsageError(AppError):
    """The command line asks for something that does not exist, as argparse could not know."""
