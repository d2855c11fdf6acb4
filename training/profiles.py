"""Word errors of exported encoders at each of their latencies, utterance by utterance, and of Moonshine itself.

python -m training.profiles WORK MODEL_FOLDER                              Moonshine on whole utterances
python -m training.profiles WORK MODEL_FOLDER --encoder encoder.int8.onnx  our frames, Moonshine's decoder
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime

from training.decoder import BOS, EOS, TOKENS_A_SECOND
from training.errors import run
from training.export import PROFILES, OnnxEncoder
from training.judge import latency
from training.model import FRAME, PAD, SAMPLE_RATE
from training.score import WordErrors
from training.store import Clip, ClipStore
from training.teacher import LONGEST_S
from training.weights import read_tokens, text_of

Hear = Callable[[np.ndarray], str]
"""Sound, float32 [N], to text."""


class ShippedMoonshine:
    """The packaged graphs, each utterance at once."""

    def __init__(self, folder: Path) -> None:
        self._encoder = _session(folder / "encoder_model.ort")
        self._decoder = _session(folder / "decoder_model_merged.ort")
        self._tokens = read_tokens(folder / "tokenizer.bin")
        inputs = self._decoder.get_inputs()
        self._past = {i.name: i.shape for i in inputs if i.name.startswith("past")}
        self._outputs = [o.name for o in self._decoder.get_outputs()]

    def hear(self, sound: np.ndarray) -> str:
        padded = np.pad(sound, (PAD, 0))[None]
        counted = np.ones(padded.shape, np.int64)
        return self.read(self._encoder.run(None, {"input_values": padded, "attention_mask": counted})[0])

    def read(self, frames: np.ndarray) -> str:
        """What the decoder spells from frames [1, T, width], greedily."""
        past = {name: np.zeros((1, shape[1], 0, shape[3]), np.float32) for name, shape in self._past.items()}
        # the graph derives the number of frames from a mask that counts samples, without the padding in front
        counted = np.ones((1, (frames.shape[1] - 1) * FRAME + FRAME + PAD), np.int64)
        ids = [BOS]
        for step in range(int(frames.shape[1] * FRAME / SAMPLE_RATE * TOKENS_A_SECOND) + 6):
            logits, *present = self._decoder.run(
                self._outputs,
                {
                    "input_ids": np.array([ids[-1:]], np.int64),
                    "encoder_hidden_states": frames,
                    "encoder_attention_mask": counted,
                    "use_cache_branch": np.array([step > 0]),
                    **past,
                },
            )
            for name, value in zip(self._outputs[1:], present, strict=True):
                if step == 0 or ".decoder." in name:  # keys and values of the frames are computed once
                    past[name.replace("present", "past_key_values")] = value
            ids.append(int(logits[0, -1].argmax()))
            if ids[-1] == EOS:
                break
        return text_of(self._tokens, [i for i in ids[1:] if i != EOS])


def word_errors(store: ClipStore, clips: list[Clip], hear: Hear, known: set[str]) -> dict[str, WordErrors]:
    """By corpus, and once more without the recordings whose texts are known to training."""
    found: dict[str, WordErrors] = {}
    for clip in clips:
        text = hear(store.read(clip).numpy())
        names = [clip.corpus] if clip.id in known or not known else [clip.corpus, f"{clip.corpus}, new texts"]
        for name in names:
            found.setdefault(name, WordErrors()).add(clip.text, text)
    return found


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _systems(options: argparse.Namespace) -> Iterator[tuple[str, Hear]]:
    moonshine = ShippedMoonshine(options.model_folder)
    if not options.encoder:
        yield "Moonshine, whole utterance", moonshine.hear
    for path in options.encoder:
        encoder = OnnxEncoder(path)
        for chunk, ahead in options.profiles:
            yield f"{path.name}, {latency(chunk, ahead)}", reader(moonshine, encoder, chunk, ahead)


def reader(moonshine: ShippedMoonshine, encoder: OnnxEncoder, chunk: int, look_ahead: int) -> Hear:
    """Moonshine's decoder at the end of an utterance whose frames our encoder made as it was spoken."""
    return lambda sound: moonshine.read(encoder.encode(sound, chunk, look_ahead)[None])


def _profile(text: str) -> tuple[int, int]:
    chunk, _, ahead = text.partition("+")
    return int(chunk), int(ahead or 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("model_folder", type=Path)
    parser.add_argument("--encoder", type=Path, nargs="+", default=[])
    parser.add_argument(
        "--profiles", type=_profile, nargs="+", default=PROFILES, help="chunk+look-ahead in frames of 24 ms: 12+12 24+0"
    )
    parser.add_argument("--leave-out", type=Path, help="JSON list of ids whose texts training knows in other voices")
    parser.add_argument("--every", type=int, default=1, help="judge on every so manieth recording only")
    options = parser.parse_args()
    store = ClipStore(options.work)
    known = set(json.loads(options.leave_out.read_text("utf8"))) if options.leave_out else set()
    clips = store.select("speech", split="dev", longest_s=LONGEST_S)[:: options.every]
    for name, hear in _systems(options):
        found = word_errors(store, clips, hear, known)
        print(f"{name:36}", "  ".join(f"{c} {e.percent:.1f} %" for c, e in sorted(found.items())), flush=True)


if __name__ == "__main__":
    run(main)
