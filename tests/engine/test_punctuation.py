"""The punctuation model against sherpa-onnx on the same files, and its words in streams: what is settled stays."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.endpoint import EndpointRules
from engine.errors import ModelError, ModelFileBroken, ModelFileMissing, ModelMismatch
from engine.models.punctuation import PunctuationModel, load_punctuation, punctuation_in
from engine.recognizer import Recognizer, Stream
from engine.text.pipeline import TextOptions, show
from engine.text.punctuation import LOOK_AHEAD
from engine.types import Final, Partial, Word
from tests.helpers.punctuation import write_model
from tests.helpers.reference import recording
from tests.helpers.scripted import ScriptedTrack, Spoken

WORDS = ["hello", "the", "what", "is", "it", "you", "anding", "i'll", "zanzibar", "x\u2082y", "he", "llo"]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "sherpa-onnx-online-punct-en-2024-08-06")


@pytest.fixture(scope="module")
def model(folder: Path) -> PunctuationModel:
    return load_punctuation(folder)


def test_words_are_written_as_sherpa_onnx_writes_them(folder: Path, model: PunctuationModel) -> None:
    sherpa_onnx = pytest.importorskip("sherpa_onnx", reason="sherpa-onnx has no package for every system")
    config = sherpa_onnx.OnlinePunctuationModelConfig(str(folder / "model.int8.onnx"), str(folder / "bpe.vocab"))
    oracle = sherpa_onnx.OnlinePunctuation(sherpa_onnx.OnlinePunctuationConfig(model_config=config))
    random = np.random.default_rng(1)
    seen = set()
    for count in [*range(1, 30), 150, 400]:  # the last ones do not fit into one row
        words = [str(word) for word in random.choice(WORDS, count)]
        written = model.punctuated(words)
        assert " ".join(written) == oracle.add_punctuation_with_case(" ".join(words))
        seen |= {word[-1] for word in written} | {_case(word) for word in written}
    assert {",", ".", "?", "upper", "capital", "lower"} <= seen


def _case(word: str) -> str:
    return "upper" if word.isupper() else "capital" if word[0].isupper() else "lower"


def test_letters_beyond_ascii_are_capitalised_too(model: PunctuationModel) -> None:
    """sherpa-onnx looks at single bytes, and leaves them small."""
    written = {model.punctuated([word, other])[0].rstrip(",.?") for word in ("\u00e9t\u00e9",) for other in WORDS}
    assert written <= {"\u00e9t\u00e9", "\u00c9t\u00e9", "\u00c9T\u00c9"}
    assert written & {"\u00c9t\u00e9", "\u00c9T\u00c9"}


def said(words: Sequence[str]) -> list[Word]:
    return [Word(word, i, i + 0.5, 0.9, i + 1.0) for i, word in enumerate(words)]


@settings(max_examples=60)
@given(texts, st.booleans())
def test_what_is_settled_stays_and_two_words_are_held_back(
    model: PunctuationModel, heard: list[str], numbers: bool
) -> None:
    options = TextOptions(numbers, punctuator=model)
    words = said(heard)
    end = show(words, len(words), options, final=True)
    assert [word.text for word in end.words] == list(model.punctuated(heard)) or len(heard) > LOOK_AHEAD + 1
    for settled in range(len(words) + 1):
        now = show(words, settled, options, final=False)
        assert now.settled <= max(0, settled - LOOK_AHEAD)
        assert now.words[: now.settled] == end.words[: now.settled]
        # An utterance may be ended behind its settled words: what was shown of them is what it ends with.
        if now.settled:
            cut = show(words[: now.used], now.used, options, final=True, after=words[now.used :])
            assert cut.words == now.words[: now.settled]


def test_a_stream_never_takes_back_what_it_settled(model: PunctuationModel) -> None:
    """Also where long utterances are cut."""
    script = [Spoken(f"\u2581{WORDS[i * 5 % 12]}", 0.5 + 0.4 * i) for i in range(20)]
    rules = EndpointRules(longest_utterance=2.0)
    stream = Stream(ScriptedTrack(script), rules, text=TextOptions(punctuator=model))
    settled: dict[int, tuple[str, ...]] = {}
    ended: list[Final] = []
    for _ in range(100):
        for update in stream.push(np.zeros(1_600, np.float32)):
            assert isinstance(update, Partial | Final)
            now = [word.text for word in update.words]
            before = settled.get(update.utterance, ())
            assert tuple(now[: len(before)]) == before
            if isinstance(update, Final):
                ended.append(update)
            else:
                settled[update.utterance] = tuple(now[: update.settled])
    ended += [update for update in stream.finish() if isinstance(update, Final)]
    assert len(ended) > 2
    assert any(word.text[0].isupper() for final in ended for word in final.words)


def test_it_is_found_in_the_folder_of_a_model_that_needs_it(folder: Path, models: Path, tmp_path: Path) -> None:
    plain, with_it = models / "ctc-sherpa-80ms", tmp_path / "model"
    shutil.copytree(plain, with_it)
    assert punctuation_in(with_it) is None
    shutil.copytree(folder, with_it / folder.name)
    bare, written = ([final.text for final in heard(where)] for where in (plain, with_it))
    assert [text.lower() for text in bare] == [re.sub("[,.?]", "", text).lower() for text in written]
    assert any(mark in text for mark in ",.?" for text in written)


def heard(model: Path) -> list[Final]:
    stream = Recognizer.load(model, text=TextOptions(numbers=False)).stream()
    updates = stream.push(recording("a5_real.flac")) + stream.finish()
    return [update for update in updates if isinstance(update, Final)]


@pytest.mark.parametrize(
    ("break_it", "error", "says"),
    [
        (lambda folder: (folder / "bpe.vocab").write_text("hello\n"), ModelFileBroken, "line 1"),
        (lambda folder: (folder / "bpe.vocab").write_text(""), ModelFileBroken, "no pieces"),
        (lambda folder: (folder / "bpe.vocab").unlink(), ModelFileMissing, "bpe.vocab"),
        (lambda folder: (folder / "model.int8.onnx").unlink(), ModelFileMissing, "model.int8.onnx"),
        (lambda folder: _forget_meanings(folder / "model.int8.onnx"), ModelMismatch, "COMMA"),
    ],
)
def test_a_damaged_folder_is_named(
    folder: Path, tmp_path: Path, break_it: object, error: type[ModelError], says: str
) -> None:
    broken = tmp_path / "punctuation"
    shutil.copytree(folder, broken)
    break_it(broken)  # type: ignore[operator]
    with pytest.raises(error, match=says):
        load_punctuation(broken)


def _forget_meanings(path: Path) -> None:
    graph = onnx.load(path)
    del graph.metadata_props[:]
    onnx.save(graph, path)
