"""Adapts a model to a customer's voices and words, and shows what was learned and what was kept.

python -m training.finetune OUT START REPLAY --recordings FOLDER
python -m training.finetune OUT START REPLAY --text FILE --voices FOLDER

START is a model folder of the program (resources/models/whole is "Accurate", resources/models/streaming "Fast"), an
exported encoder, a checkpoint of training.distil or, where NeMo is installed, a NeMo checkpoint (.nemo). What takes
whole windows learns and is written in that form, all else in chunks. REPLAY is a folder in which training.prepare and
training.teacher have run: what the model should not forget. FOLDER holds recordings with a `.txt` of the same name
beside each, or a manifest.jsonl; FILE has a word or sentence a line, which training.synthesis speaks. OUT/model is a
folder that the program opens.
"""

from __future__ import annotations

import argparse
import json
import shutil
from copy import deepcopy
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization, remove_parametrizations

from engine.models.decoder_layers import FILE
from training import nemo_finetune
from training.customer import Mixture, decode, describe, let_hear, mixed, new_words, read_words
from training.data import Batch, Targets, targets
from training.decoder import Decoder
from training.decoder_file import PUBLISHED, Grid, grids, on_grid, read_layers, write_layers
from training.errors import TrainingError, run
from training.export import export, export_whole
from training.graph_weights import opened, takes_whole_windows
from training.judge import encoding, latency, word_errors
from training.learned import judge_folders
from training.losses import state_loss, token_loss
from training.model import WHOLE, Encoder
from training.run_file import RunOptions, read_run
from training.store import Clip, ClipStore
from training.synthesis import kokoro, plan, read_text, synthesise, voices_in
from training.teacher import LONGEST_S, Lessons, Teacher, load_teacher
from training.trainer import Stop, SupportsBool, Trainer
from training.weights import Weights

RUNS = Path(__file__).parent / "runs"
VOICES_RUN, WORDS_RUN = RUNS / "finetune.toml", RUNS / "finetune-words.toml"
"""For recordings, and for a text that synthetic voices speak."""
DECODER_PARTS = {"none": (), "cross": ("cross_attention",), "all": ("attention", "fc1.weight", "fc2.weight")}
"""Which of the decoder's matrices learn too, by what their names hold."""


class OnGrid(nn.Module):
    """A matrix as the decoder's file can hold it; learning moves what lies behind, until that reaches the next step.

    Rounded only afterwards, some of what a short run learns is lost: it moves weights by less than a step.
    """

    def __init__(self, of: Grid) -> None:
        super().__init__()
        self._grid = of

    def forward(self, weight: Tensor) -> Tensor:
        step, zero = self._grid
        return weight + ((on_grid(weight, self._grid) - zero) * step - weight).detach()


class Adapted(nn.Module):
    """What learns: the encoder, and as much of the decoder as was asked for.

    on: what the decoder's matrices are rounded to, by state dict key, as `training.decoder_file.grids` finds it.
    """

    def __init__(self, encoder: Encoder, decoder: Decoder, part: str, on: dict[str, Grid]) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        for name, weight in decoder.named_parameters():
            weight.requires_grad_(any(p in name for p in DECODER_PARTS[part]))
        learned = [name for name, weight in decoder.named_parameters() if weight.requires_grad]
        self._on_grid = [decoder.get_submodule(n.removesuffix(".weight")) for n in learned if n in on]
        for name, module in zip((n for n in learned if n in on), self._on_grid, strict=True):
            register_parametrization(module, "weight", OnGrid(on[name]), unsafe=True)

    def settle(self) -> None:
        """Ends learning: the matrices on grids become what they were rounded to."""
        for module in self._on_grid:
            remove_parametrizations(module, "weight", leave_parametrized=True)


class Adaptation:
    """The task: the customer's words as they are written, everything else as the model heard it before."""

    def __init__(self, options: RunOptions, customer: Path, replay: Path, before: Teacher, module: Adapted) -> None:
        """before: the model as it is at the beginning, frozen."""
        self.options, self.before, self.module = options, before, module
        self.store = ClipStore(replay, customer)
        told = (replay / "teacher" / "labels.jsonl").is_file()
        self._lessons = Mixture(Lessons(customer / "teacher", references=True), Lessons(replay / "teacher", told))
        self._customer = {c.id for c in ClipStore(customer).clips}
        known = [c for c in self.store.select("speech", longest_s=LONGEST_S) if c.id in self._lessons]
        train = [c for c in known if c.split == "train" and c.corpus not in options.without]
        own = [c for c in train if c.id in self._customer]
        if not own:
            raise TrainingError(
                f"no recording to learn from is at most {LONGEST_S:.0f} s long; cut the recordings at pauses"
            )
        self.clips = mixed(own, [c for c in train if c.id not in self._customer], options.finetune.share)

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": [w for w in self.module.parameters() if w.requires_grad], "lr": learning_rate}]

    def loss(self, batch: Batch, chunk: int, look_ahead: int) -> tuple[Tensor, dict[str, float]]:
        """Frames count for the replay only: the customer was misheard before, and has the labels' tokens."""
        form = batch.row_frames(), chunk, self.options.left, look_ahead
        frames, wanted = self.module.encoder.encode(batch.sound, *form), targets(batch, self._lessons)
        replayed = torch.tensor([bool(s.clip) and s.clip.id not in self._customer for s in batch.segments])
        if not replayed.any():
            tokens = token_loss(frames, batch, wanted, self.module.decoder)
            return self.options.loss.tokens * tokens, {"tokens": tokens.item()}
        with torch.no_grad():
            heard_before = self.before.encoder.encode(batch.sound, *form)
            wanted = self._as_before(heard_before, batch, wanted, replayed)
        replay = replace(batch, segments=[s for s, again in zip(batch.segments, replayed, strict=True) if again])
        states = state_loss(replay.own_frames(frames).float(), replay.own_frames(heard_before).float())
        tokens = token_loss(frames, batch, wanted, self.module.decoder)
        total = self.options.loss.tokens * tokens + self.options.loss.states * states
        return total, {"tokens": tokens.item(), "states": states.item()}

    def _as_before(self, frames: Tensor, batch: Batch, wanted: Targets, replayed: Tensor) -> Targets:
        """What the model expected at each step of the replay, in place of what the lessons say."""
        decoder = self.before.decoder
        states = decoder(wanted.inputs, *batch.heard(frames))[wanted.steps]
        best = decoder.logits(states).float().log_softmax(-1).topk(wanted.next_ids.shape[1])
        ours = replayed[wanted.steps.nonzero()[:, 0]][:, None]
        return replace(
            wanted,
            next_ids=torch.where(ours, best.indices, wanted.next_ids),
            next_log_probs=torch.where(ours, best.values, wanted.next_log_probs),
        )

    def judge(self, weights: dict[str, Tensor]) -> dict[str, Any]:
        """Word errors of the customer's dev split, in PyTorch."""
        self.module.load_state_dict(weights)
        reader = replace(self.before, decoder=self.module.decoder)
        clips = [c for c in self.store.select("speech", split="dev", longest_s=LONGEST_S) if c.id in self._customer]
        return {
            latency(chunk, ahead): word_errors(
                clips, self.store, encoding(self.module.encoder, chunk, self.options.left, ahead), reader
            )
            for chunk, ahead in self.options.judged_chunks
        }

    def describe(self) -> dict[str, Any]:
        return self.module.encoder.describe()


def adapt(out: Path, start: Path, model_folder: Path, replay: Path, options: RunOptions, stop: SupportsBool) -> Path:
    """Trains on OUT/customer and returns the model folder; OUT/start becomes the folder it began with."""
    if takes_whole_windows(start):
        options = replace(options, chunks=((WHOLE, 0),), judged_chunks=((WHOLE, 0),))
    before = replace(load_teacher(model_folder), encoder=opened(start).requires_grad_(False))
    if layers := learned_layers(start):
        before.decoder.load_state_dict(read_layers(layers, model_folder), strict=False)
    encoder, decoder = opened(start), deepcopy(before.decoder)
    on = grids(decoder.state_dict())
    write_model(out / "start", encoder, options, decoder.state_dict(), on, model_folder)
    encoder.requires_grad_(options.finetune.encoder)
    module = Adapted(encoder.train(), decoder, options.finetune.decoder, on)
    trainer = Trainer(Adaptation(options, out / "customer", replay, before, module), options, out / "run")
    trainer.run(stop)
    trainer.judge()  # leaves the averaged weights in the module
    module.settle()
    return write_model(out / "model", module.encoder.eval(), options, decoder.state_dict(), on, model_folder)


def learned_layers(start: Path) -> Path | None:
    """What the decoder of a model folder learned, if it did; that of the program's own models is beside them."""
    places = start / FILE, start.parent / "decoder" / FILE
    return next((place for place in places if place.is_file()), None)


def write_model(
    folder: Path, encoder: Encoder, options: RunOptions, decoder: Weights, on: dict[str, Grid], model_folder: Path
) -> Path:
    """A model folder of the program: our encoder and the decoder's layers in 8 bits, Moonshine's decoder and tokens."""
    if options.chunks == ((WHOLE, 0),):
        export_whole(encoder, folder)
    else:
        plain, _ = export(encoder, options.left, folder)
        plain.unlink()
    for name in (PUBLISHED, "tokenizer.bin"):
        shutil.copyfile(model_folder / name, folder / name)
    write_layers(decoder, model_folder, folder / FILE, on)
    return folder


def packaged() -> Path:
    """Moonshine tiny's files in the installed package."""
    found = find_spec("moonshine_voice")
    if not (found and found.origin):
        raise TrainingError(
            "the package moonshine-voice is not installed; give --moonshine FOLDER with its tiny-en files"
        )
    return Path(found.origin).parent / "assets" / "tiny-en"


def gathered(options: argparse.Namespace) -> tuple[Path, list[str]]:
    """The folder of recordings, made where only a text was given, and the words to watch."""
    watched = read_words(options.words) if options.words else []
    if options.recordings:
        return options.recordings, watched
    if not (options.text and options.voices):
        raise TrainingError("give --recordings FOLDER, or --text FILE and --voices FOLDER to have it spoken")
    text = read_text(options.text)
    planned = plan(text, voices_in(options.voices), options.per_word, takes=1, warps=0.0)
    return synthesise(options.out / "recordings", planned, kokoro()), watched or list(text.words)


def judged_clips(customer: ClipStore, replay: ClipStore, each: int) -> tuple[list[Clip], list[Clip]]:
    """The customer's dev split, and about so many recordings of each corpus of the replay's."""
    by_corpus: dict[str, list[Clip]] = {}
    for clip in replay.select("speech", split="dev", longest_s=LONGEST_S):
        by_corpus.setdefault(clip.corpus, []).append(clip)
    kept = [c for clips in by_corpus.values() for c in clips[:: max(1, len(clips) // each)]]
    return customer.select("speech", split="dev", longest_s=LONGEST_S), kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("start", type=Path)
    parser.add_argument("replay", type=Path)
    parser.add_argument("--moonshine", type=Path, help="Moonshine tiny's files; else those of its installed package")
    parser.add_argument("--recordings", type=Path, help="the customer's recordings, with transcripts")
    parser.add_argument("--text", type=Path, help="the customer's words or sentences, one a line")
    parser.add_argument("--voices", type=Path, help="voices for --text, see training.synthesis")
    parser.add_argument("--per-word", type=int, default=6, help="sentences spoken around each word of --text")
    parser.add_argument("--words", type=Path, help="words to watch, one a line; else those that the replay never has")
    parser.add_argument("--run", type=Path, help="a run file; else finetune.toml, or finetune-words.toml for --text")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--each", type=int, default=40, help="recordings of each replay corpus to judge on")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    recordings, watched = gathered(options)
    store, replay = decode(recordings, options.out / "customer"), ClipStore(options.replay)
    print(describe(store))
    settings = read_run(options.run or (VOICES_RUN if options.recordings else WORDS_RUN))
    if options.start.suffix == ".nemo":
        model = nemo_finetune.adapt(options.out, options.start, options.replay, settings, Stop(options.minutes))
    else:
        moonshine = options.moonshine or packaged()
        let_hear(options.out / "customer", load_teacher(moonshine))
        model = adapt(options.out, options.start, moonshine, options.replay, settings, Stop(options.minutes))
    watched = watched or new_words((c.text for c in store.clips), (c.text for c in replay.clips))
    own, kept = judged_clips(store, replay, options.each)
    report = judge_folders(
        (options.out / "start", model), ClipStore(options.out / "customer", options.replay), own, kept, watched
    )
    (options.out / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False), "utf8")
    print(f"{model} is what the program opens; the figures are in {options.out / 'report.json'}")


if __name__ == "__main__":
    run(main)
