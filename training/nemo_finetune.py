"""Adapts a NeMo checkpoint of the streaming FastConformer family: what training.finetune does with one.

The customer's recordings are learned as their texts say, the replay as the model itself heard it before. Loss, tokens
and decoding are NeMo's; batches, disturbances and the loop are those of every other run here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.customer import mixed
from training.data import Batch, Segment
from training.errors import TrainingError
from training.model import FRAME
from training.nemo_export import export, restored
from training.run_file import RunOptions
from training.score import WordErrors
from training.store import Clip, ClipStore
from training.teacher import LONGEST_S
from training.trainer import SupportsBool, Trainer

REPLAY_S = 1800.0
"""So much of the replay is heard beforehand."""


class NemoAdaptation:
    """The task: rows of joined utterances and their texts, for all heads that the model has."""

    def __init__(self, model: Any, options: RunOptions, customer: Path, replay: Path) -> None:
        self.module, self.options, self.store = model, options, ClipStore(replay, customer)
        own = ClipStore(customer).select("speech", longest_s=LONGEST_S)
        kept = ClipStore(replay).select("speech", split="train", longest_s=LONGEST_S)
        self._judged = [c for c in own if c.split == "dev"]
        learned = [c for c in own if c.split == "train"]
        if not learned:
            raise TrainingError(
                f"no recording to learn from is at most {LONGEST_S:.0f} s long; cut the recordings at pauses"
            )
        before = [c for c in kept if c.corpus not in options.without]
        self.clips = mixed(learned, before, options.finetune.share, REPLAY_S)
        texts = {c.id: c.text for c in learned}
        texts |= self._heard([c for c in self.clips if c.id not in texts])
        self._tokens = {clip_id: list(model.tokenizer.text_to_ids(text)) for clip_id, text in texts.items()}
        _prepare_heads(model)

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": list(self.module.parameters()), "lr": learning_rate}]

    def loss(self, batch: Batch, chunk: int, look_ahead: int) -> tuple[Tensor, dict[str, float]]:
        """Chunk and look-ahead are left to the encoder, which draws one of those that it was trained with."""
        del chunk, look_ahead
        model, rows = self.module, range(len(batch.sound))
        ids = [torch.tensor(self._row_tokens(batch.segments, row)) for row in rows]
        lengths = torch.tensor([_end(batch.segments, row) * FRAME for row in rows])
        targets, target_lengths = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True), torch.tensor([*map(len, ids)])
        with torch.autocast("cpu", enabled=False):  # a spectrum in 16 bits is another spectrum
            features, feature_lengths = model.preprocessor(input_signal=batch.sound, length=lengths)
        encoded, frames = model(processed_signal=features, processed_signal_length=feature_lengths)
        parts = {}
        if hasattr(model, "joint"):
            predicted, _, _ = model.decoder(targets=targets, target_length=target_lengths)
            joint = model.joint(encoder_outputs=encoded, decoder_outputs=predicted)
            parts["transducer"] = model.loss(
                log_probs=joint, targets=targets, input_lengths=frames, target_lengths=target_lengths
            )
        head, ctc_loss = _ctc(model, encoded)
        if head is not None:
            parts["ctc"] = ctc_loss(
                log_probs=head.float(), targets=targets, input_lengths=frames, target_lengths=target_lengths
            )
        weight = getattr(model, "ctc_loss_weight", 1.0 if "ctc" in parts else 0.0)
        weights = {"ctc": weight, "transducer": 1 - weight}
        total = sum((weights[name] * part for name, part in parts.items()), torch.zeros(()))
        return total, {name: part.item() for name, part in parts.items()}

    def judge(self, weights: dict[str, Tensor]) -> dict[str, Any]:
        """Word errors of the customer's dev split, whole utterances."""
        self.module.load_state_dict(weights)
        errors = WordErrors()
        heard = self._heard(self._judged)
        for clip in self._judged:
            errors.add(clip.text, heard[clip.id])
        return {"whole utterance": {"customer": round(errors.percent, 1)}}

    def describe(self) -> dict[str, Any]:
        return {"nemo": type(self.module).__name__}

    def _heard(self, clips: list[Clip]) -> dict[str, str]:
        """What the model hears, by clip id."""
        sounds = [self.store.read(c).numpy() for c in clips]
        found = self.module.transcribe(sounds, batch_size=8, verbose=False) if sounds else []
        self.module.train()
        return {c.id: getattr(h, "text", h) for c, h in zip(clips, found, strict=True)}

    def _row_tokens(self, segments: list[Segment], row: int) -> list[int]:
        return [i for s in segments if s.row == row and s.clip for i in self._tokens[s.clip.id]]


def adapt(out: Path, start: Path, replay: Path, options: RunOptions, stop: SupportsBool) -> Path:
    """Trains on OUT/customer; writes OUT/model.nemo and the model folders OUT/start and OUT/model."""
    export(start, out / "start")
    model = restored(start)
    trainer = Trainer(NemoAdaptation(model, options, out / "customer", replay), options, out / "run")
    trainer.run(stop)
    trainer.judge()  # leaves the averaged weights in the model
    model.save_to(str(out / "model.nemo"))
    return export(out / "model.nemo", out / "model")


def _prepare_heads(model: Any) -> None:
    """Losses apart from the joint, and one that needs no CUDA where there is none."""
    if not hasattr(model, "joint"):
        return
    model.joint.set_fuse_loss_wer(False)
    loss = model.cfg.get("loss", {})
    if loss.get("loss_name") == "tdt" and not torch.cuda.is_available():
        from nemo.collections.asr.losses.rnnt import RNNTLoss

        kwargs = {k: v for k, v in loss.get("tdt_kwargs", {}).items() if k in ("durations", "sigma")}
        model.loss = RNNTLoss(model.joint.num_classes_with_blank - 1, loss_name="tdt_pytorch", loss_kwargs=kwargs)


def _ctc(model: Any, encoded: Tensor) -> tuple[Tensor | None, Any]:
    """Log-probabilities of the CTC head and its loss, where the model has one."""
    if hasattr(model, "ctc_decoder"):
        return model.ctc_decoder(encoder_output=encoded), model.ctc_loss
    if hasattr(model, "joint"):
        return None, None
    return model.decoder(encoder_output=encoded), model.loss


def _end(segments: list[Segment], row: int) -> int:
    """The frame at which a row's last utterance ends, its pause included."""
    return max(s.heard_to for s in segments if s.row == row)
