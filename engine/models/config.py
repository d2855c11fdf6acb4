"""Reads config.json, where folders whose graphs carry no metadata keep their sizes.

The keys are those of onnx-asr (`model_type`, `features_size`, `subsampling_factor`, `max_tokens_per_step`)
and, for what a stream needs besides, `att_context_size`, `blank_id`, `durations` and `ctc_head`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from engine.errors import ModelFileBroken


class Config:
    """The values of one folder's config.json; empty where there is no such file."""

    def __init__(self, path: Path, values: Mapping[str, object], exists: bool) -> None:
        self.path = path
        self.exists = exists
        self._values = values

    @classmethod
    def read(cls, folder: Path) -> Config:
        """Raises ModelFileBroken where the file is there and is no JSON object."""
        path = folder / "config.json"
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls(path, {}, exists=False)
        except OSError as error:
            raise ModelFileBroken(path, f"it cannot be read ({error.strerror})") from error
        except ValueError as error:
            raise ModelFileBroken(path, f"it is no JSON ({error})") from error
        if not isinstance(values, dict):
            raise ModelFileBroken(path, "it holds no JSON object")
        return cls(path, values, exists=True)

    def integer(self, key: str) -> int | None:
        """A whole number, or None where the key is absent."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise ModelFileBroken(self.path, f'"{key}" must be a whole number, not {value!r}')
        return value

    def integers(self, key: str) -> tuple[int, ...] | None:
        """A list of whole numbers, or None where the key is absent."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(type(item) is int for item in value):
            raise ModelFileBroken(self.path, f'"{key}" must be a list of whole numbers, not {value!r}')
        return tuple(value)

    def text(self, key: str) -> str | None:
        """A string, or None where the key is absent."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise ModelFileBroken(self.path, f'"{key}" must be a text, not {value!r}')
        return value
