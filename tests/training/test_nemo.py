"""NeMo's own streaming encoder against what we export of its checkpoint, on small models with random weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the training tools need torch: pip install '.[training]'")
pytest.importorskip("nemo", reason="needs NeMo, in an environment of its own: pip install 'nemo_toolkit[asr]'")


import numpy as np
import onnxruntime
import sentencepiece
import soundfile as sf
import torch
from omegaconf import OmegaConf

from engine.recognizer import Recognizer
from training import fastconformer, nemo_finetune
from training.customer import decode
from training.data import BatchOptions
from training.errors import TrainingError
from training.nemo_export import export
from training.pieces import make_pieces
from training.run_file import RunOptions, StudentOptions
from training.store import ClipStore
from training.trainer import Trainer

PIECES, WIDTH, LAYERS, MEL = 32, 32, 2, 80


def hybrid_config(tokenizer: Path) -> Any:
    """The architecture of NVIDIA's stt_en_fastconformer_hybrid_large_streaming_multi, a thousandth of its size."""
    decoding = {"strategy": "greedy_batch", "greedy": {"max_symbols": 10}}
    return OmegaConf.create(
        {
            "sample_rate": 16_000, "log_prediction": False, "model_defaults": {"enc_hidden": WIDTH, "pred_hidden": 24},
            "tokenizer": {"dir": str(tokenizer), "type": "bpe"},
            "preprocessor": {
                "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
                "sample_rate": 16_000, "normalize": "NA", "window_size": 0.025, "window_stride": 0.01,
                "window": "hann", "features": MEL, "n_fft": 512, "dither": 0.0, "pad_to": 0,
            },
            "encoder": {
                "_target_": "nemo.collections.asr.modules.ConformerEncoder",
                "feat_in": MEL, "feat_out": -1, "n_layers": LAYERS, "d_model": WIDTH, "n_heads": 4,
                "subsampling": "dw_striding", "subsampling_factor": 8, "subsampling_conv_channels": 16,
                "causal_downsampling": True, "ff_expansion_factor": 2, "self_attention_model": "rel_pos",
                "att_context_size": [[70, 6], [70, 1]], "att_context_style": "chunked_limited", "xscaling": True,
                "untie_biases": True, "conv_kernel_size": 9, "conv_norm_type": "layer_norm",
                "conv_context_size": "causal", "dropout": 0.0, "dropout_pre_encoder": 0.0, "dropout_emb": 0.0,
                "dropout_att": 0.0,
            },
            "decoder": {
                "_target_": "nemo.collections.asr.modules.RNNTDecoder", "normalization_mode": None,
                "random_state_sampling": False, "blank_as_pad": True, "vocab_size": PIECES,
                "prednet": {"pred_hidden": 24, "pred_rnn_layers": 1, "t_max": None, "dropout": 0.0},
            },
            "joint": {
                "_target_": "nemo.collections.asr.modules.RNNTJoint", "log_softmax": None, "fuse_loss_wer": False,
                "preserve_memory": False, "num_classes": PIECES, "vocabulary": [],
                "jointnet": {"joint_hidden": 24, "activation": "relu", "dropout": 0.0,
                             "encoder_hidden": WIDTH, "pred_hidden": 24},
            },
            "decoding": decoding, "loss": {"loss_name": "default"},
            "aux_ctc": {
                "ctc_loss_weight": 0.3, "use_cer": False, "ctc_reduction": "mean_batch",
                "decoder": {"_target_": "nemo.collections.asr.modules.ConvASRDecoder", "feat_in": WIDTH,
                            "num_classes": PIECES, "vocabulary": []},
                "decoding": {"strategy": "greedy"},
            },
            "optim": {"name": "adamw", "lr": 1e-3},
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from nemo.collections.asr.models import EncDecHybridRNNTCTCBPEModel

    folder = tmp_path_factory.mktemp("nemo")
    text = folder / "text.txt"
    text.write_text("we opened the door and he read the paper while she sang\n" * 40, "utf8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(folder / "tokenizer"), vocab_size=PIECES, model_type="bpe",
        bos_id=-1, eos_id=-1, minloglevel=2,
    )  # fmt: skip
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    (folder / "vocab.txt").write_text("".join(f"{pieces.id_to_piece(n)}\n" for n in range(1, PIECES)), "utf8")
    torch.manual_seed(0)
    model = EncDecHybridRNNTCTCBPEModel(cfg=hybrid_config(folder)).eval()
    path = folder / "small.nemo"
    model.save_to(str(path))
    return path


def windows(model: Any, look_ahead: int) -> list[torch.Tensor]:
    """Features of two seconds of noise, cut as a stream is: 9 frames of the last window before each shift."""
    shift, before = 8 * (look_ahead + 1), 9
    sound = 0.1 * torch.randn(1, 32_000, generator=torch.Generator().manual_seed(1))
    features, _ = model.preprocessor(input_signal=sound, length=torch.tensor([sound.shape[1]]))
    padded = torch.nn.functional.pad(features, (before, 0))
    count = (padded.shape[2] - before) // shift
    return [padded[:, :, n * shift : n * shift + before + shift] for n in range(count)]


@torch.no_grad()
def nemo_frames(model: Any, cut: list[torch.Tensor]) -> np.ndarray:
    """NeMo's own streaming: frames [T, D] that its encoder gives step by step."""
    channel, time, length = model.encoder.get_initial_cache_state(batch_size=1)
    out = []
    for window in cut:
        frames, _, channel, time, length = model.encoder.cache_aware_stream_step(
            processed_signal=window,
            processed_signal_length=torch.tensor([window.shape[2]]),
            cache_last_channel=channel,
            cache_last_time=time,
            cache_last_channel_len=length,
            keep_all_outputs=False,
            drop_extra_pre_encoded=model.encoder.streaming_cfg.drop_extra_pre_encoded,
        )
        out.append(frames[0].T)
    return torch.cat(out).numpy()


def graph_outputs(path: Path, cut: list[torch.Tensor]) -> list[np.ndarray]:
    """The first output of an exported graph, step by step with its caches."""
    session = onnxruntime.InferenceSession(str(path))
    names = [i.name for i in session.get_inputs()]
    caches = [
        np.zeros((1, LAYERS, 70, WIDTH), np.float32),
        np.zeros((1, LAYERS, WIDTH, 8), np.float32),
        np.zeros(1, np.int64),
    ]
    out = []
    for window in cut:
        feed = [window.numpy(), np.array([window.shape[2]]), *caches]
        first, _, *caches = session.run(None, dict(zip(names, feed, strict=True)))
        out.append(first[0])
    return out


@pytest.mark.parametrize("look_ahead", [6, 1])
def test_an_exported_encoder_equals_nemos_own_stream(checkpoint: Path, tmp_path: Path, look_ahead: int) -> None:
    from nemo.collections.asr.models import ASRModel

    folder = export(checkpoint, tmp_path, look_ahead)
    model = ASRModel.restore_from(str(checkpoint), map_location="cpu").eval()
    model.encoder.set_default_att_context_size([70, look_ahead])
    cut = windows(model, look_ahead)
    wanted = nemo_frames(model, cut)
    frames = np.concatenate(graph_outputs(folder / "encoder-model.onnx", cut), axis=1).T
    np.testing.assert_allclose(frames, wanted, atol=1e-4)


def test_an_exported_ctc_graph_gives_nemos_log_probabilities(checkpoint: Path, tmp_path: Path) -> None:
    from nemo.collections.asr.models import ASRModel

    folder = export(checkpoint, tmp_path, look_ahead=1, head="ctc")
    model = ASRModel.restore_from(str(checkpoint), map_location="cpu").eval()
    model.encoder.set_default_att_context_size([70, 1])
    cut = windows(model, 1)
    with torch.no_grad():
        wanted = model.ctc_decoder(encoder_output=torch.from_numpy(nemo_frames(model, cut)).T[None])[0].numpy()
    np.testing.assert_allclose(np.concatenate(graph_outputs(folder / "model.onnx", cut)), wanted, atol=1e-4)


@pytest.mark.parametrize("head", ["ctc", "transducer"])
@pytest.mark.filterwarnings("ignore")
def test_the_engine_opens_the_folder_and_streams(checkpoint: Path, tmp_path: Path, head: str) -> None:
    recognizer = Recognizer.load(export(checkpoint, tmp_path, look_ahead=1, head=head))
    stream = recognizer.stream()
    stream.push(0.1 * np.random.default_rng(0).standard_normal(32_000).astype(np.float32))
    assert stream.finish()


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder of eight noises with texts, two of them to judge on."""
    folder = tmp_path_factory.mktemp("spoken")
    random, texts = np.random.default_rng(4), ("he read", "we opened", "the paper", "she sang")
    for n in range(8):
        sf.write(folder / f"{n}.wav", 0.1 * random.standard_normal(20_000 + 2_000 * n), 16_000)
        (folder / f"{n}.txt").write_text(texts[n % 4], "utf8")
    decode(folder, folder / "store")
    return folder / "store"


@pytest.mark.filterwarnings("ignore")
def test_finetuning_runs_on_a_checkpoint(checkpoint: Path, spoken: Path, work: Path, tmp_path: Path) -> None:
    (tmp_path / "customer").symlink_to(spoken)
    options = RunOptions(learning_rate=1e-3, warm_steps=1, batch=BatchOptions(batch_seconds=6.0, row_seconds=3.0))
    model = nemo_finetune.adapt(tmp_path, checkpoint, work, options, AfterSteps(2))
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text("utf8").splitlines()]
    assert log[-1]["step"] == 2
    assert set(log[-1]["wer"]["whole utterance"]) == {"customer"}
    sound = 0.1 * np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    for folder in (model, tmp_path / "start"):
        stream = Recognizer.load(folder).stream()
        stream.push(sound)
        assert stream.finish()
    before, after = ((f / "encoder-model.onnx").read_bytes() for f in (tmp_path / "start", model))
    assert before != after


@pytest.mark.filterwarnings("ignore")
def test_a_student_learns_and_loads_in_sherpa_onnx_too(work: Path, tmp_path: Path) -> None:
    work = Path(shutil.copytree(work, tmp_path / "work"))
    align_by_hand(work)
    sizes = StudentOptions(layers=2, width=32, heads=2, channels=16)
    options = RunOptions(batch=BatchOptions(batch_seconds=6.0, row_seconds=3.0), warm_steps=1, student=sizes)
    model = fastconformer.student(sizes, work / "pieces.model", tmp_path / "tokenizer")
    task = fastconformer.Imitation(model, options, work)
    trainer = Trainer(task, options, tmp_path / "run")
    trainer.run(AfterSteps(3))
    assert set(trainer.judge()) == {"560 ms", "160 ms"}
    model.save_to(str(tmp_path / "student.nemo"))
    folder = export(tmp_path / "student.nemo", tmp_path / "model", look_ahead=1)
    sound = 0.1 * np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    stream = Recognizer.load(folder).stream()
    stream.push(sound)
    stream.finish()
    sherpa = pytest.importorskip("sherpa_onnx")
    peer = sherpa.OnlineRecognizer.from_nemo_ctc(str(folder / "tokens.txt"), str(folder / "model.onnx"))
    heard = peer.create_stream()
    heard.accept_waveform(16_000, sound)
    steps = 0
    while peer.is_ready(heard):
        peer.decode_stream(heard)
        steps += 1
    assert steps > 5


def align_by_hand(work: Path) -> None:
    """What training.align and training.pieces would write, without a decoder that hears anything."""
    clips = ClipStore(work).select("speech")
    rows = [{"id": c.id, "text": "one two", "frames": [3 + n for n in range(7)]} for c in clips]
    (work / "teacher" / "times.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf8")
    make_pieces(["one two three four five six"] * 20, 24, work / "pieces.model")


class AfterSteps:
    """True from the given time on that it is asked; the loop asks twice a step."""

    def __init__(self, steps: int) -> None:
        self._left = 2 * steps

    def __bool__(self) -> bool:
        self._left -= 1
        return self._left < 1


def test_an_unknown_look_ahead_is_refused_in_one_sentence(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="look-ahead of 3 frames; it knows 6, 1"):
        export(checkpoint, tmp_path, look_ahead=3)
