"""A small streaming FastConformer of our own, in NeMo's form: taught at which step Moonshine hears each piece.

python -m training.fastconformer training/runs/fastconformer.toml WORK RUN_FOLDER [--minutes 40]

Runs where nemo_toolkit[asr] is installed; needs what training.align and training.pieces wrote. RUN_FOLDER gets
`checkpoint.pt`, `log.jsonl` and `student.nemo`, of which training.nemo_export makes a folder for the program and for
sherpa-onnx.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from torch import Tensor

from training.ctc import ctc_loss, piece_rows, step_loss
from training.ctc_model import STACK, best_path
from training.data import Batch
from training.errors import TrainingError, run
from training.model import FRAME, SAMPLE_RATE
from training.pieces import TimedPieces
from training.run_file import RunOptions, StudentOptions, read_run
from training.score import WordErrors
from training.store import ClipStore
from training.teacher import LONGEST_S, batches
from training.trainer import Stop, Trainer

STEP = SAMPLE_RATE * 80 // 1000  # samples of an encoder frame
LEFT_STEPS = 70
MEL = 80


class Imitation:
    """The task: each piece at the step where Moonshine's decoder hears it, and CTC, which is free to move it."""

    def __init__(self, model: Any, options: RunOptions, work: Path) -> None:
        self.module, self.options = model, options
        self.store, self.pieces = ClipStore(work), TimedPieces(work)
        speech = self.store.select("speech", split="train", longest_s=LONGEST_S)
        self.clips = [c for c in speech if c.id in self.pieces and c.corpus not in options.without]

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": list(self.module.parameters()), "lr": learning_rate}]

    def loss(self, batch: Batch, chunk: int, look_ahead: int) -> tuple[Tensor, dict[str, float]]:
        """Chunk and look-ahead are left to the encoder, which draws one of its own for each batch."""
        del chunk, look_ahead
        self.module.train()
        log_probs = logits(self.module, batch.sound, torch.full((len(batch.sound),), batch.sound.shape[1]))
        rows = [
            # `step_loss` counts steps of the CTC head on Moonshine's frames; ours are a little longer
            (ids, [STACK * (FRAME * frame // STEP) for frame in frames])
            for ids, frames in piece_rows(batch, self.pieces)
        ]
        placed, ctc = step_loss(log_probs, rows, self.options.ctc.delay_steps), ctc_loss(log_probs, rows)
        total = self.options.ctc.placed * placed + self.options.ctc.ctc * ctc
        return total, {"placed": placed.item(), "ctc": ctc.item()}

    @torch.no_grad()
    def judge(self, weights: dict[str, Tensor]) -> dict[str, Any]:
        """Word errors of greedy decoding on the dev split, by look-ahead and corpus."""
        before = {name: w.clone() for name, w in self.module.state_dict().items()}
        self.module.load_state_dict(weights)
        self.module.eval()
        found = {}
        for ahead in self.options.student.look_aheads:
            self.module.encoder.set_default_att_context_size([LEFT_STEPS, ahead])
            found[f"{80 * (ahead + 1)} ms"] = self._word_errors()
        self.module.load_state_dict(before)
        return found

    def _word_errors(self) -> dict[str, float]:
        found: dict[str, WordErrors] = {}
        for batch in batches(self.store.select("speech", split="dev", longest_s=LONGEST_S), 120.0):
            sound = torch.nn.utils.rnn.pad_sequence([self.store.read(c) for c in batch], batch_first=True)
            heard = logits(self.module, sound, torch.tensor([c.samples for c in batch]))
            for clip, row in zip(batch, heard, strict=True):
                ids = best_path(row[: clip.samples // STEP + 1])
                found.setdefault(clip.corpus, WordErrors()).add(clip.text, self.pieces.text(ids))
        return {corpus: round(e.percent, 1) for corpus, e in sorted(found.items())}

    def describe(self) -> dict[str, Any]:
        return {"student": {"layers": len(self.module.encoder.layers), "width": self.module.encoder.d_model}}


def logits(model: Any, sound: Tensor, lengths: Tensor) -> Tensor:
    """Log-probabilities float32 [rows, steps, pieces + 1] of sound [rows, N]."""
    with torch.autocast("cpu", enabled=False):  # a spectrum in 16 bits is another spectrum
        features, frames = model.preprocessor(input_signal=sound, length=lengths)
    encoded, _ = model.encoder(audio_signal=features, length=frames)
    log_probs: Tensor = model.decoder(encoder_output=encoded)
    return log_probs.float()


def student(options: StudentOptions, pieces: Path, folder: Path) -> Any:
    """A streaming FastConformer with a CTC head and fresh weights, as NeMo builds it.

    NeMo reads its tokenizer from `folder` when it is built and again when the model is saved.
    """
    try:
        from nemo.collections.asr.models import EncDecCTCModelBPE
        from omegaconf import OmegaConf
    except ImportError:
        raise TrainingError("the student is built by NeMo; install it: pip install 'nemo_toolkit[asr]'") from None
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(pieces, folder / "tokenizer.model")
    model = sentencepiece.SentencePieceProcessor(model_file=str(pieces))
    names = (model.id_to_piece(n) for n in range(1, model.vocab_size()))
    (folder / "vocab.txt").write_text("".join(f"{name}\n" for name in names), "utf8")
    return EncDecCTCModelBPE(cfg=OmegaConf.create(_config(options, model.vocab_size(), str(folder))))


def _config(options: StudentOptions, size: int, tokenizer: str) -> dict[str, Any]:
    return {
        "sample_rate": SAMPLE_RATE, "tokenizer": {"dir": tokenizer, "type": "bpe"},
        "preprocessor": {
            "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
            "sample_rate": SAMPLE_RATE, "normalize": "NA", "window_size": 0.025, "window_stride": 0.01,
            "window": "hann", "features": MEL, "n_fft": 512, "pad_to": 0,
        },
        "encoder": {
            "_target_": "nemo.collections.asr.modules.ConformerEncoder",
            "feat_in": MEL, "feat_out": -1, "n_layers": options.layers, "d_model": options.width,
            "n_heads": options.heads, "subsampling": "dw_striding", "subsampling_factor": 8,
            "subsampling_conv_channels": options.channels, "causal_downsampling": True, "ff_expansion_factor": 4,
            "self_attention_model": "rel_pos", "att_context_style": "chunked_limited",
            "att_context_size": [[LEFT_STEPS, ahead] for ahead in options.look_aheads], "xscaling": True,
            "untie_biases": True, "conv_kernel_size": 9, "conv_norm_type": "layer_norm",
            "conv_context_size": "causal", "dropout": 0.1, "dropout_pre_encoder": 0.1, "dropout_emb": 0.0,
            "dropout_att": 0.1,
        },
        "decoder": {
            "_target_": "nemo.collections.asr.modules.ConvASRDecoder",
            "feat_in": options.width, "num_classes": size, "vocabulary": [],
        },
        "decoding": {"strategy": "greedy"},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a file of training/runs")
    parser.add_argument("work", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop by itself after so long")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    settings = read_run(options.run)
    model = student(settings.student, options.work / "pieces.model", options.folder / "tokenizer")
    print(f"{sum(w.numel() for w in model.parameters()) / 1e6:.1f} million weights")
    trainer = Trainer(Imitation(model, settings, options.work), settings, options.folder)
    trainer.run(Stop(options.minutes))
    trainer.judge()
    model.load_state_dict(trainer.average.weights)
    model.save_to(str(options.folder / "student.nemo"))


if __name__ == "__main__":
    run(main)
