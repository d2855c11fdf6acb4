"""Opens a model folder of any layout; the registry of layouts.

A layout is a module with `matches(folder)`, which looks at file names only and is quick, and
`load(folder, options)`, which opens everything and raises ModelError with one sentence for whatever is wrong.
The first layout that matches is the one; those that claim unfinished folders come last.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from engine.errors import ModelUnknown, UnsupportedDecoder
from engine.models import (
    layout_canary,
    layout_ctc,
    layout_moonshine,
    layout_nemo_transducer,
    layout_sherpa_transducer,
    layout_streaming_moonshine,
)
from engine.models.options import ModelOptions
from engine.models.parts import Bundle


class Layout(Protocol):
    """What a layout module offers."""

    def matches(self, folder: Path) -> bool: ...

    def load(self, folder: Path, options: ModelOptions) -> Bundle: ...


LAYOUTS: tuple[Layout, ...] = (
    layout_ctc,
    layout_moonshine,
    layout_streaming_moonshine,
    layout_canary,
    layout_nemo_transducer,
    layout_sherpa_transducer,
)


def open_bundle(folder: Path, options: ModelOptions | None = None) -> Bundle:
    """Load the model in `folder`.

    Raises:
        ModelError: the folder is no usable model; its sentence names the file at fault.
        UnsupportedDecoder: the model lacks the decoder that `options` ask for.
    """
    options = options or ModelOptions()
    if not folder.is_dir():
        raise ModelUnknown(folder, "it is a file, not a folder" if folder.exists() else "there is no such folder")
    try:
        layout = _layout(folder, options)
    except OSError as error:
        raise ModelUnknown(folder, f"it cannot be read ({error.strerror})") from error
    if layout is None:
        raise ModelUnknown(folder, _what_it_holds(folder))
    bundle = layout.load(folder, options)
    if options.decoder is not None and options.decoder not in bundle.info.decoders:
        raise UnsupportedDecoder(bundle.info.name, options.decoder, bundle.info.decoders)
    return bundle


def _layout(folder: Path, options: ModelOptions) -> Layout | None:
    if options.borrowed is not None:
        whole = layout_moonshine.matches(folder, options.borrowed.folder)
        return layout_moonshine if whole else layout_streaming_moonshine
    return next((layout for layout in LAYOUTS if layout.matches(folder)), None)


def _what_it_holds(folder: Path) -> str:
    graphs = sorted(path.name for path in folder.iterdir() if path.suffix in (".onnx", ".ort"))
    if not graphs:
        return "it holds no .onnx or .ort file"
    shown = ", ".join(graphs[:4]) + (", ..." if len(graphs) > 4 else "")
    return f"its files ({shown}) belong to no known layout"
