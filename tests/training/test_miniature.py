"""The whole chain in miniature, one command a step as the README has it, on eight sentences and Moonshine itself."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training tools need torch: pip install '.[training]'")

import soundfile as sf

from engine.models.options import ModelOptions
from engine.recognizer import Recognizer

ROOT = Path(__file__).parents[2]
SPEECH = ROOT / "tests" / "data" / "speech"
SPEC = importlib.util.find_spec("moonshine_voice")
if SPEC is None or SPEC.origin is None:
    pytest.skip("needs the weights in the package moonshine-voice", allow_module_level=True)
MOONSHINE = Path(SPEC.origin).parent / "assets" / "tiny-en"

RUN = """
chunks = [[6, 6]]
warm_steps = 1
references = true
judged_chunks = [[12, 12]]
[batch]
batch_seconds = 8.0
row_seconds = 6.0
[ctc]
layers = 1
[tdt]
width = 32
"""
MINUTES = "0.05"

Step = Callable[..., str]


@pytest.fixture
def step() -> Step:
    """Runs a command of the workshop and gives what it says."""

    def run(command: str, *arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", f"training.{command}", *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"
        return done.stdout

    return run


def said() -> list[list[str]]:
    """Names of the sentences and their words."""
    return [line.split(maxsplit=1) for line in (SPEECH / "transcripts.txt").read_text("utf8").splitlines()]


def collect(folder: Path) -> Path:
    """Manifest of eight sentences, two of them for judging, and of some noise."""
    rows = [
        {"id": name, "path": str(SPEECH / f"{name}.opus"), "corpus": "commonvoice", "text": text}
        | {"split": "dev" if n < 2 else "train"}
        for n, (name, text) in enumerate(said())
    ]
    rows.append({"id": "noise", "path": str(SPEECH / "noise-2.opus"), "kind": "noise"})
    folder.mkdir()
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf8")
    return folder


@pytest.mark.timeout(900)
def test_from_recordings_to_models_that_the_program_streams(tmp_path: Path, step: Step) -> None:
    work, run = tmp_path / "work", tmp_path / "run.toml"
    run.write_text(RUN, "utf8")
    assert "commonvoice" in step("prepare", work, collect(tmp_path / "collection"))
    step("teacher", work, MOONSHINE)
    assert "relabelled" in step("labels", work, MOONSHINE)
    assert "6 clips aligned" in step("align", work, MOONSHINE)
    assert "pieces from 6 texts" in step("pieces", work, "--size", 40)

    encoder = tmp_path / "encoder"
    step("distil", run, work, MOONSHINE, encoder, "--minutes", MINUTES)
    judged = json.loads((encoder / "log.jsonl").read_text("utf8").splitlines()[-1])
    assert judged["step"] >= 1
    # a step or two leave Moonshine what it was: the streaming frames can be read
    assert judged["wer"]["576 ms (288 + 288)"]["commonvoice"] < 60
    recording = SPEECH / "commonvoice-000306.opus"
    assert "mean cosine" in step("export", encoder / "checkpoint.pt", tmp_path / "graphs", "--check", recording)

    start = encoder / "checkpoint.pt"
    for head, decoders in (("ctc", ("ctc",)), ("tdt", ("transducer", "ctc"))):
        folder, model = tmp_path / head, tmp_path / f"{head}-model"
        step(head, run, work, MOONSHINE, folder, "--start", start, "--minutes", MINUTES)
        step("export_heads", folder / "checkpoint.pt", work, model, "--profile", "6+6")
        sound, _ = sf.read(recording, dtype="float32")
        for precision in ("fp32", "int8"):
            recognizer = Recognizer.load(model, ModelOptions(precision=precision))
            assert recognizer.info.decoders == decoders
            stream = recognizer.stream()
            stream.push(sound)
            stream.finish()
        start = folder / "checkpoint.pt"


@pytest.mark.timeout(900)
def test_both_models_of_the_program_adapt_to_recordings(tmp_path: Path, step: Step) -> None:
    work, run, recordings = tmp_path / "work", tmp_path / "run.toml", tmp_path / "recordings"
    run.write_text("chunks = [[24, 24]]\njudged_chunks = [[24, 24]]\n[batch]\nbatch_seconds = 8.0\nrow_seconds = 6.0\n")
    step("prepare", work, collect(tmp_path / "collection"))
    step("teacher", work, MOONSHINE)
    recordings.mkdir()
    for name, text in said():
        (recordings / f"{name}.opus").symlink_to(SPEECH / f"{name}.opus")
        (recordings / f"{name}.txt").write_text(text, "utf8")
    for name, graph in (("whole", "encoder_model.int8.onnx"), ("streaming", "encoder.int8.onnx")):
        out = tmp_path / name
        start = ROOT / "resources" / "models" / name
        step("finetune", out, start, work, "--recordings", recordings, "--run", run, "--minutes", MINUTES, "--each", 1)
        assert (out / "model" / graph).is_file()
        assert Recognizer.load(out / "model").info.streaming == (name == "streaming")
        report = json.loads((out / "report.json").read_text("utf8"))
        # a step or two leave the model what it was
        assert report["learned"]["after"]["word errors"]["customer"] < 40
