"""The track of attention models: voice activity opens a window, and it is decoded again and again as it grows.

Each pass begins with the settled tokens as forced prefix and finds what follows them, up to the newest frames:
a token is left out as long as the decoder would look too near the end of the sound for it (AlignAtt,
Papi et al. 2023). A token settles when passes agree on it and it lies far enough back that more sound no longer
changes it, further back where the model doubts it; how many and how far, `engine.stability` says. A pause closes the
window with a last pass that settles all. Passes happen at fixed counts of samples, so the result does not depend on
how the sound was cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import takewhile
from math import inf
from typing import TypeVar

import numpy as np

from engine.alternatives import Choice, choice, dropped
from engine.decoding.attention import Search, Spoken, beam, greedy, n_best, revise
from engine.decoding.guard import Chooser
from engine.decoding.guidance import ATTENTION_SHARE, Guidance
from engine.models.attention import AttentionModel
from engine.models.window_encoder import WindowEncoder
from engine.stability import STABILITY
from engine.text.words import LAST_PIECE_SECONDS, opens_word
from engine.track import Hypothesis, Track
from engine.types import SAMPLE_RATE, Frames, Samples, Token
from engine.vad import BLOCK, BLOCK_SECONDS, Voice
from engine.window import Window, WindowRules, common


class WindowTrack(Track):
    """One stream through an attention model; an `engine.track.Track`."""

    def __init__(
        self,
        model: AttentionModel,
        voice: Voice,
        rules: WindowRules | None = None,
        guidance: Guidance | None = None,
    ) -> None:
        """
        Args:
            voice: judges this stream's sound and no other's.
            guidance: boost list and language model, and how widely the last pass of a window searches; the passes
                before it are greedy, under the boost list.
        """
        self._model = model
        self._voice = voice
        self._rules = rules or WindowRules()
        self.guide(guidance or Guidance())
        self._undecoded: deque[Samples] = deque()
        self._pending: Samples = np.zeros(0, np.float32)
        """Decoded but for what makes no block."""
        self._heard = 0
        self._recent: deque[Samples] = deque(maxlen=_blocks(self._rules.pre_roll) + self._rules.onset_blocks)
        self._onset = 0
        self._closed_until = 0
        self._window: Window | None = None
        self._spoken: WindowEncoder | None = None
        """Of the last window in which somebody spoke."""
        self._settled: list[Token] = []
        self._choices: list[Choice] = []
        self._decoded = 0.0

    @property
    def hypothesis(self) -> Hypothesis:
        shown = self._window.shown if self._window else []
        return Hypothesis((*self._settled, *shown), len(self._settled), self._decoded, tuple(self._choices))

    @property
    def foreseen(self) -> tuple[Token, ...]:
        """A pass sees up to the newest sound by itself."""
        return ()

    @property
    def encoder(self) -> None:
        """Windows are encoded when they are decoded."""

    def hear(self, samples: Samples) -> None:
        """Take in a piece of sound, of any length."""
        self._undecoded.append(samples)

    def advance(self) -> bool:
        """Decode the oldest piece that is not decoded; True when a pass was made or silence went on."""
        sound = np.concatenate([self._pending, self._undecoded.popleft()])
        whole = len(sound) // BLOCK * BLOCK
        moved = False
        for start in range(0, whole, BLOCK):
            moved = self._block(sound[start : start + BLOCK]) or moved
        self._pending = sound[whole:].copy()
        return moved

    def finish(self) -> None:
        """The sound has ended: close the window, if one is open."""
        self._heard += len(self._pending)
        if self._window:
            self._window.extend(self._pending)
            self._close(self._window, self._window.end)
        self._pending = self._pending[:0]
        self._decoded = self._heard / SAMPLE_RATE

    def drop(self, tokens: int) -> None:
        """Forget the first `tokens` tokens; the window keeps the ones it needs as prefix.

        Where none is left and a pause followed, an utterance has ended, and nothing may go on with its last word.
        """
        del self._settled[:tokens]
        self._choices = dropped(self._choices, tokens)
        window = self._window
        if window and window.prefix and not self.hypothesis.tokens:
            window.ended = self._decoded - window.prefix[-1].time >= self._rules.pause

    def guide(self, guidance: Guidance) -> None:
        """From the next pass on, decode under other lists, models or width, or less often."""
        self._chooser = Chooser(guidance.boost) if guidance.boost else None
        self._fusion = guidance.scores(self._model.pieces, ATTENTION_SHARE)
        self._branches = guidance.branches
        self._stability = STABILITY[guidance.steadiness]
        self._alternatives = 0 if guidance.hurried or guidance.beam == 1 else guidance.alternatives
        self._stride = self._rules.strides[guidance.hurried]

    def _block(self, block: Samples) -> bool:
        self._heard += BLOCK
        self._recent.append(block)
        probability = self._voice.probability(block)
        window = self._window
        if window is None:
            self._onset = self._onset + 1 if probability >= self._rules.speech else 0
            if self._onset == self._rules.onset_blocks:
                self._open()
                return False
            self._decoded = max(self._decoded, self._heard / SAMPLE_RATE - self._rules.pre_roll / 2)
            return True
        window.extend(block)
        self._listen(window, probability)
        if self._pause_is_over(window):
            # Of the silence, this window has the first half, and the next one finds its pre-roll in the other.
            self._close(window, (window.spoken_until + window.end) // 2)
            return True
        if not self._pass_is_due(window):
            return False
        self._pass(window)
        if window.seconds > self._rules.longest_window:
            self._shorten(window)
        return True

    def _open(self) -> None:
        """Speech has begun: a window over it and some sound before, but none that another window had."""
        sound = np.concatenate(self._recent)
        start = max(self._heard - len(sound), self._closed_until)
        spoken_from = self._heard - self._onset * BLOCK
        self._window = Window(
            encoder=self._model.window(self._spoken),
            start=start,
            end=start,
            spoken_from=spoken_from,
            spoken_until=self._heard,
            decoded=self._heard,
            voiced_blocks=self._onset,
            earliest=self._decoded,
        )
        self._window.extend(sound[len(sound) - (self._heard - start) :])
        self._onset = 0

    def _listen(self, window: Window, probability: float) -> None:
        if probability >= self._rules.speech:
            window.silent_blocks = 0
            window.voiced_blocks += 1
        elif probability < self._rules.no_speech or window.silent_blocks:
            window.silent_blocks += 1
        if not window.silent_blocks:
            window.spoken_until = self._heard

    def _pause_is_over(self, window: Window) -> bool:
        long = window.seconds > self._rules.long_window
        return window.silent_blocks >= _blocks(self._rules.short_pause if long else self._rules.pause)

    def _pass_is_due(self, window: Window) -> bool:
        new = (self._heard - window.decoded) / SAMPLE_RATE
        glance = _blocks(self._rules.glance)
        if window.silent_blocks >= glance:
            return window.silent_blocks == glance and new > 2 * BLOCK_SECONDS
        return new >= self._stride * (self._rules.step + self._rules.step_growth * window.seconds)

    def _pass(self, window: Window) -> None:
        """Decode what is not settled, up to the newest frames, and settle what has become certain."""
        frames = window.frames(window.end)
        before = len(frames) - round(self._stability.newest / self._model.frame)
        search = Search(_ids(window.prefix), _ids(window.guess), before, window.seconds, window.kept)
        revision = revise(self._model, frames, search, self._chooser)
        found, loss = self._after_prefix(window, revision.spoken), revision.loss
        window.decoded, window.kept = window.end, revision.state
        if window.ended and found and not opens_word(found[0].text):
            self._begin_anew(window, found[0])
            return
        if not self._believable(window, found):
            found, loss = [], inf
        window.redraft(found)
        self._settle(window, _count(partial(self._lasts, window.end), window.agreed(self._rules.agreeing)))
        window.show(self._stability.shown_after, keep=loss <= self._stability.loyalty)
        if window.prefix or window.draft:
            hidden = window.draft[common(window.draft, window.shown) :]
            complete = window.end / SAMPLE_RATE - self._stability.newest
            self._decoded = max(self._decoded, min([complete, *(token.time for token in hidden[:1])]))

    def _close(self, window: Window, end: int) -> None:
        """A last pass over the window up to `end`, and little of its silence; everything in it is settled."""
        end = min(end, window.spoken_until + round(self._rules.tail * SAMPLE_RATE))
        if end - window.start >= self._model.shortest:
            frames = window.frames(end)
            seconds = (end - window.start) / SAMPLE_RATE
            search = Search(_ids(window.prefix), _ids(window.guess), None, seconds, window.kept)
            found = self._after_prefix(window, self._search(frames, search))
            if window.ended and found and not opens_word(found[0].text):
                self._begin_anew(window, found[0])
                self._close(window, end)
                return
            if self._believable(window, found):
                window.redraft(found)
                self._settle(window, len(found))
                self._remember(window, frames, seconds)
                self._spoken = window.encoder if window.prefix else self._spoken
        self._window, self._closed_until = None, end
        self._decoded = max(self._decoded, end / SAMPLE_RATE)

    def _begin_anew(self, window: Window, continued: Token) -> None:
        """Hear what follows an ended utterance without it: "It's good", where "'s good" went on with its last word.

        Somebody else, or music, kept the window open while the one who was heard paused.
        """
        middle = (window.prefix[-1].time + continued.time) / 2
        start = max(middle, continued.time - _BEFORE_WORD)
        window.begin_anew(max(window.start, round(start * SAMPLE_RATE)), self._decoded)

    def _search(self, frames: Frames, search: Search) -> list[Spoken]:
        if self._branches > 1:
            return beam(self._model, frames, search, self._branches, self._fusion)
        return greedy(self._model, frames, search, self._chooser)

    def _remember(self, window: Window, frames: Frames, seconds: float) -> None:
        """Where others are asked for, search the whole window for readings of it that were not shown."""
        if not self._alternatives:
            return
        width = max(self._branches, self._alternatives + 1)
        found = n_best(self._model, frames, Search(seconds=seconds), width, self._fusion)
        first, shown = len(self._settled) - len(window.prefix), _ids(window.prefix)
        for branch in found:
            tokens = self._tokens(window, branch.spoken, window.earliest)
            if _ids(tokens) != shown:
                cost = (found[0].merit - branch.merit) * (len(tokens) + 1)
                self._choices.append(choice(first, shown, tokens, cost))

    def _after_prefix(self, window: Window, found: Sequence[Spoken]) -> list[Token]:
        """What was found after the prefix."""
        return self._tokens(window, found, window.prefix[-1].time if window.prefix else window.earliest)

    def _tokens(self, window: Window, new: Sequence[Spoken], earliest: float) -> list[Token]:
        """Tokens of a window with times that never run backwards, from `earliest` on."""
        if self._model.tells_attention:
            looked = [window.start / SAMPLE_RATE + (spoken.frame or 0) * self._model.frame for spoken in new]
        else:
            begun = max(earliest, window.spoken_from / SAMPLE_RATE)
            looked = list(np.linspace(begun, max(begun, window.spoken_until / SAMPLE_RATE), len(new) + 1)[:-1])
        # For a final full stop the decoder looks at the silence behind it.
        latest = window.spoken_until / SAMPLE_RATE - LAST_PIECE_SECONDS
        tokens: list[Token] = []
        for spoken, time in zip(new, looked, strict=True):
            earliest = max(earliest, min(float(time), latest))
            tokens.append(Token(spoken.id, self._model.pieces[spoken.id], earliest, spoken.confidence))
        return tokens

    def _believable(self, window: Window, found: Sequence[Token]) -> bool:
        """Whether it is speech that was decoded. Once something has settled, it is."""
        voiced = window.voiced_blocks * BLOCK_SECONDS
        if window.prefix or not found:
            return True
        if voiced < self._rules.least_voice:
            return False
        sure = np.mean([np.log(max(token.confidence, 1e-9)) for token in found])
        return voiced >= self._rules.short_window or bool(sure >= self._rules.doubtful)

    def _lasts(self, end: int, token: Token) -> bool:
        """Whether a token lies so far before sample `end` that more sound will hardly change it."""
        stability = self._stability
        age = end / SAMPLE_RATE - token.time
        return age >= (stability.settles if token.confidence >= stability.sure else stability.doubted)

    def _settle(self, window: Window, tokens: int) -> None:
        """Settle the first `tokens` tokens of the draft."""
        self._settled += window.settle(tokens)

    def _shorten(self, window: Window) -> None:
        """Nobody pauses: the oldest sound leaves the window, up to where a settled word begins."""
        latest = window.end / SAMPLE_RATE - self._rules.kept
        self._settle(window, _count(lambda token: token.time <= latest, window.draft))
        leaving, time = _count(lambda token: token.time <= latest, window.prefix), latest
        for k in range(leaving - 1, 0, -1):
            if opens_word(window.prefix[k].text):
                leaving, time = k, window.prefix[k].time - _BEFORE_WORD
                break
        window.move_start(max(window.start, round(time * SAMPLE_RATE)), leaving)


_BEFORE_WORD = 0.1
"""Seconds kept in front of a word at which a window is shortened."""


_T = TypeVar("_T")


def _count(holds: Callable[[_T], bool], items: Iterable[_T]) -> int:
    """How many of the first items it holds for, up to the first for which it does not."""
    return sum(1 for _ in takewhile(holds, items))


def _blocks(seconds: float) -> int:
    return round(seconds / BLOCK_SECONDS)


def _ids(tokens: Sequence[Token]) -> tuple[int, ...]:
    return tuple(token.id for token in tokens)
