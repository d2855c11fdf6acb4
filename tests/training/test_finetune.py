"""Adapting to a customer: what is set aside, what is read back, and a run in miniature."""

from __future__ import annotations

import copy
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training tools need torch: pip install '.[training]'")

import numpy as np
import onnx
import soundfile as sf
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.augment import Augment
from training.blend import blend
from training.customer import Mixture, apart, decode, mixed, new_words
from training.data import BatchOptions, batches
from training.decoder_file import PUBLISHED, grids, read_layers, write_layers
from training.errors import TrainingError
from training.export import export
from training.finetune import WORDS_RUN, Adaptation, Adapted, packaged
from training.graph_weights import exported_encoder, opened
from training.labels import write_labels
from training.learned import Watched
from training.model import Carried, Encoder, EncoderShape
from training.run_file import FinetuneOptions, RunOptions, read_run
from training.store import Clip, ClipStore
from training.teacher import Lessons, Teacher, teach
from training.trainer import Trainer
from training.weights import decoder_weights

OPTIONS = RunOptions(
    learning_rate=1e-3,
    warm_steps=1,
    batch=BatchOptions(batch_seconds=4.0, row_seconds=3.0, empty_chance=0.0),
    finetune=FinetuneOptions(decoder="cross"),
)
SENTENCES = ("w1 w2 w3", "w4 w1", "w2 w2 w5", "w7 w9", "w3 w8 w1")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten recordings with a .txt beside each, every sentence twice."""
    folder = tmp_path_factory.mktemp("recordings")
    random = np.random.default_rng(5)
    for n in range(10):
        sf.write(folder / f"take {n}.wav", 0.05 * random.standard_normal(24_000 + 1_000 * n), 16_000)
        (folder / f"take {n}.txt").write_text(SENTENCES[n % 5], "utf8")
    return folder


@pytest.fixture(scope="module")
def customer(recordings: Path, teacher: Teacher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("customer")
    decode(recordings, folder)
    teach(folder, teacher)
    # the small vocabulary spells none of the texts: what is heard is learned
    write_labels(folder, teacher)
    (folder / "teacher" / "labels.jsonl").write_text("", "utf8")
    return folder


def clip(n: int, text: str, split: str = "train", samples: int = 16_000) -> tuple[Clip, Path]:
    return Clip(str(n), "speech", "", split, text, samples=samples), Path(f"{n}.wav")


@given(st.lists(st.sampled_from(["a b", "A b!", "c", "d e", "f", "g"]), min_size=4))
def test_no_sentence_is_both_learned_and_judged(texts: list[str]) -> None:
    found = [c for c, _ in apart(clip(n, text) for n, text in enumerate(texts))]
    learned, judged = ({c.text.lower().strip("!") for c in found if c.split == split} for split in ("train", "dev"))
    assert not learned & judged
    assert len(found) == len(texts)


def test_a_manifest_that_sets_recordings_aside_is_obeyed() -> None:
    found = [c for c, _ in apart([clip(0, "a"), clip(1, "b", "dev"), clip(2, "c"), clip(3, "d"), clip(4, "e")])]
    assert [c.split for c in found] == ["train", "dev", "train", "train", "train"]


def test_the_customer_makes_up_the_share_asked_for() -> None:
    own = [clip(0, "a", samples=160_000)[0]]
    replay = [clip(n, "b", samples=160_000)[0] for n in range(1, 31)]
    found = mixed(own, replay, share=0.4)
    assert sum(c in own for c in found) / len(found) == pytest.approx(0.4)


def test_new_words_are_those_never_heard_of() -> None:
    assert new_words(["Open Zentrivex, please"], ["please open the door"]) == ["zentrivex"]


def test_watched_words_are_counted_where_they_stand_together() -> None:
    watched = Watched.of(["Calvora Desk", "Ovindra"])
    watched.add("Calvora Desk and Ovindra", "calvora and desk and Ovindra, Ovindra.")
    assert (watched.said, watched.missed, watched.invented) == (2, 1, 1)
    assert watched.missed_by_phrase == {"calvora desk": 1}


@pytest.mark.parametrize("precision", ["encoder.onnx", "encoder.int8.onnx"])
def test_an_exported_encoder_can_be_trained_on(tmp_path: Path, precision: str) -> None:
    torch.manual_seed(2)
    encoder = Encoder(EncoderShape(width=32, heads=2, layers=3, rotary=8), Carried(decay_s=4.0)).eval()
    encoder.prior.copy_(torch.tensor([0.02, 0.3]))
    for name, weight in encoder.named_parameters():
        if "norm" in name:  # as trained ones do, each differs from the others
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    export(encoder, 96, tmp_path)
    found, left = exported_encoder(tmp_path / precision)
    sound = 0.1 * torch.randn(1, 384 * 96)
    with torch.no_grad():
        own, read = (e.streaming(sound, 12, left, 12) for e in (encoder, found))
    assert left == 96
    assert torch.cosine_similarity(own, read, -1).min() > (0.99999 if precision == "encoder.onnx" else 0.995)


def test_what_is_no_exported_encoder_is_named(tmp_path: Path) -> None:
    graph = onnx.helper.make_graph([], "nothing", [], [])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "encoder.onnx")
    with pytest.raises(TrainingError, match=r"training\.export"):
        exported_encoder(tmp_path / "encoder.onnx")


def test_a_step_moves_encoder_and_cross_attention_and_nothing_else(
    customer: Path, work: Path, teacher: Teacher, tmp_path: Path
) -> None:
    module = Adapted(copy.deepcopy(teacher.encoder).requires_grad_(True), copy.deepcopy(teacher.decoder), "cross", {})
    before = {name: w.clone() for name, w in module.state_dict().items()}
    task = Adaptation(OPTIONS, customer, work, teacher, module)
    trainer = Trainer(task, OPTIONS, tmp_path)
    trainer.run(StopAfterOne(trainer))
    moved = {name for name, w in module.state_dict().items() if not torch.equal(w, before[name])}
    assert any(name.startswith("encoder.") for name in moved)
    assert {name for name in moved if name.startswith("decoder.")} == {
        name for name in before if name.startswith("decoder.") and "cross_attention" in name
    }


def test_words_are_learned_by_the_decoder_alone(customer: Path, work: Path, teacher: Teacher, tmp_path: Path) -> None:
    learns = read_run(WORDS_RUN).finetune
    encoder = copy.deepcopy(teacher.encoder).requires_grad_(learns.encoder)
    module = Adapted(encoder, copy.deepcopy(teacher.decoder), learns.decoder, {})
    before = {name: w.clone() for name, w in module.state_dict().items()}
    trainer = Trainer(Adaptation(OPTIONS, customer, work, teacher, module), OPTIONS, tmp_path)
    trainer.run(StopAfterOne(trainer))
    moved = {name for name, w in module.state_dict().items() if not torch.equal(w, before[name])}
    assert moved == {
        name for name in before if "decoder.layers" in name and name.endswith("weight") and "norm" not in name
    }


def test_the_replay_keeps_what_the_model_heard_before(customer: Path, work: Path, teacher: Teacher) -> None:
    """Not what Moonshine heard: a model may hear better than it by now."""
    torch.manual_seed(7)
    before = replace(teacher, encoder=copy.deepcopy(teacher.encoder))
    for weight in before.encoder.parameters():
        weight.add_(0.1 * torch.randn_like(weight))
    losses = {}
    for name, encoder in (("as before", before.encoder), ("as Moonshine", teacher.encoder)):
        module = Adapted(copy.deepcopy(encoder), copy.deepcopy(teacher.decoder), "cross", {})
        task = Adaptation(OPTIONS, customer, work, before, module)
        task.clips = [c for c in task.clips if c.corpus != "customer"]
        batch = next(batches(task.clips, task.store, Augment(task.store, OPTIONS.augment), OPTIONS.batch, seed=0))
        losses[name] = task.loss(batch, 12, 12)[1]
    assert losses["as before"]["states"] == pytest.approx(0, abs=1e-6)
    assert losses["as Moonshine"]["states"] > 0.01
    # nothing is nearer to a distribution than itself
    assert losses["as before"]["tokens"] < losses["as Moonshine"]["tokens"]


def test_what_learns_on_a_grid_stays_on_it(teacher: Teacher) -> None:
    name = "layers.0.cross_attention.o.weight"
    decoder = copy.deepcopy(teacher.decoder)
    module = Adapted(
        copy.deepcopy(teacher.encoder), decoder, "cross", {name: (torch.tensor([[0.05]]), torch.tensor([[128.0]]))}
    )
    reader = decoder.layers[0].cross_attention.o
    optimiser = torch.optim.SGD([w for w in decoder.parameters() if w.requires_grad], lr=0.02)
    before = reader.weight.detach().clone()
    for _ in range(3):  # each moves by less than a step, together they reach the next one
        optimiser.zero_grad()
        reader.weight.sum().backward()
        optimiser.step()
    module.settle()
    assert torch.allclose(reader.weight / 0.05, (reader.weight / 0.05).round(), atol=1e-4)
    assert (before - reader.weight).mean().item() == pytest.approx(0.06, abs=0.01)


def test_layers_are_read_as_they_were_rounded(tmp_path: Path) -> None:
    if find_spec("moonshine_voice") is None:
        pytest.skip("needs the weights in the package moonshine-voice")
    weights = decoder_weights(packaged() / PUBLISHED)
    torch.manual_seed(6)
    weights |= {n: w + 0.01 * torch.randn_like(w) for n, w in weights.items() if n != "embedding.weight"}
    write_layers(weights, packaged(), tmp_path / "layers.npz")
    found = read_layers(tmp_path / "layers.npz", packaged())
    assert set(weights) - set(found) == {"embedding.weight"}
    for name, (step, _) in grids(weights).items():
        assert ((found[name] - weights[name]).abs() <= 0.51 * step).all(), name
    exact = set(found) - set(grids(weights))
    assert all(torch.equal(found[name], weights[name]) for name in exact)
    write_layers(found, packaged(), tmp_path / "again.npz", grids(weights))
    torch.testing.assert_close(read_layers(tmp_path / "again.npz", packaged()), found)


class StopAfterOne:
    def __init__(self, run: Trainer) -> None:
        self._run = run

    def __bool__(self) -> bool:
        return self._run.progress.step >= 1


def test_lessons_of_both_are_found(customer: Path, work: Path) -> None:
    mixture = Mixture(Lessons(customer / "teacher"), Lessons(work / "teacher"))
    store = ClipStore(work, customer)
    for c in store.select("speech"):
        assert c.id in mixture
        assert len(mixture.frames(c)) == c.frames == len(store.read(c)) // 384


def test_recordings_without_texts_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"neither a manifest\.jsonl nor recordings with a \.txt"):
        decode(tmp_path, tmp_path / "work")
    sf.write(tmp_path / "a.wav", np.zeros(16_000), 16_000)
    (tmp_path / "a.txt").write_text(" \n", "utf8")
    with pytest.raises(TrainingError, match="no transcript"):
        decode(tmp_path, tmp_path / "work")


def test_a_blend_lies_between_two_encoders(tmp_path: Path) -> None:
    torch.manual_seed(4)
    shape = EncoderShape(width=32, heads=2, layers=1, rotary=8)
    one, other = Encoder(shape), Encoder(shape, Carried(decay_s=3.0))
    between = blend(one, other, 0.25)
    assert between.carried == other.carried
    for name, weight in between.state_dict().items():
        torch.testing.assert_close(weight, 0.75 * one.state_dict()[name] + 0.25 * other.state_dict()[name])
    with pytest.raises(TrainingError, match="other sizes"):
        blend(one, Encoder(replace(shape, layers=2)), 0.5)
    for n, encoder in enumerate((one, other)):
        export(encoder, 96, tmp_path / str(n))
    command = [
        sys.executable,
        "-m",
        "training.blend",
        tmp_path / "b.pt",
        tmp_path / "0",
        tmp_path / "1",
        "--share",
        "0",
    ]
    subprocess.run(command, check=True)
    sound = 0.1 * torch.randn(1, 384 * 96)
    with torch.no_grad():
        found = opened(tmp_path / "b.pt").streaming(sound, 12, 96, 12)
    assert found.shape == (1, 96, 32)
