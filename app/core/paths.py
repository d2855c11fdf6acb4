"""Where this system keeps what belongs to the user. Nothing is created here."""

from __future__ import annotations

from pathlib import Path

from platformdirs import PlatformDirs

_DIRS = PlatformDirs("caique", appauthor=False)


def settings_file() -> Path:
    return Path(_DIRS.user_config_dir) / "settings.json"


def profanity_file() -> Path:
    """The user's own list of words to hide."""
    return words_file().with_name("profanity.txt")


def words_file() -> Path:
    """The words that captions should know; the user may edit it at any time."""
    return data_folder() / "words.txt"


def data_folder() -> Path:
    """What the user added: models, lists."""
    return Path(_DIRS.user_data_dir)


def shared_data_folder() -> Path:
    """Where programs put what is for all of this user's programs, as entries in menus."""
    return Path(PlatformDirs().user_data_dir)


def shared_config_folder() -> Path:
    return Path(PlatformDirs().user_config_dir)


def cache_folder() -> Path:
    """What can be made again."""
    return Path(_DIRS.user_cache_dir)


def log_file() -> Path:
    return Path(_DIRS.user_state_dir) / "caique.log"


def last_session_file() -> Path:
    """Text of the last session, kept only where the user asked for it."""
    return Path(_DIRS.user_state_dir) / "last-session.txt"
