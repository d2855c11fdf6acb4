"""Builds the program around the window, connects its parts, and shows in which order they end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication

from app.audio.sound_file import FileSource
from app.audio.sources import list_devices, open_sources
from app.core import models, paths, selftest
from app.core.errors import AppError
from app.core.events import SessionEvent
from app.core.manner import MannerChoice, MannerWatch
from app.core.ports import DeviceInfo, Source
from app.core.session import CaptionSession
from app.core.settings import Settings, SettingsFile
from app.core.text_choice import own_profanity_list
from app.core.vocabulary import Entry, WordList
from app.core.word_file import WatchedList
from app.core.word_lesson import learn
from app.core.word_verdict import Verdict, verdicts
from app.core.word_watch import WordWatch
from app.ui.caption_window import CaptionWindow
from app.ui.error_hook import ErrorHook
from app.ui.help_window import Help
from app.ui.live_captions import LiveCaptions
from app.ui.settings_keeper import SettingsKeeper
from app.ui.signals import SignalWatch
from app.ui.tasks import run_in_background
from app.ui.theme import CaptionStyle, load_fonts, palette, program_icon
from app.ui.words.window import WordsWindow
from engine.decoding.guidance import Guidance
from engine.errors import EngineError
from engine.recognizer import Recognizer

RECORDING = "recording"
"""The source that stands for a file; never kept in the settings."""


def run_window(
    source: str | Path | None = None,
    folder: Path | None = None,
    decoder: str | None = None,
    latency: int | None = None,
) -> int:
    """Caption in a window until it is closed; returns the exit code.

    source: "mic", "system", "both", a device, or the path of a recording; the last used one when None.
    folder, decoder, latency: the model, where the command line names one.
    """
    prefer_xwayland(os.environ)
    application = make_application()
    program = Program(source, folder, decoder, latency)
    program.window.show()
    program.start()
    selftest.begin()
    code = application.exec()
    program.end()
    return code


class Program:
    """All parts of the running program, held together."""

    def __init__(
        self,
        source: str | Path | None = None,
        folder: Path | None = None,
        decoder: str | None = None,
        latency: int | None = None,
    ) -> None:
        self._recording = source if isinstance(source, Path) else None
        settings, problem = SettingsFile(paths.settings_file()).load()
        self.keeper = SettingsKeeper(SettingsFile(paths.settings_file()), settings)
        if isinstance(source, str):
            self.keeper.change(source=source)
        self._folder = folder or (Path(settings.model) if settings.model else None)
        self._decoder = decoder or settings.decoder or None
        self._latency = latency or settings.latency or None
        self._choice: selftest.Reading | None = None
        """What the self-test found best, where nobody chose a model."""
        spec = RECORDING if self._recording else self.keeper.settings.source
        self._manner = MannerWatch(MannerChoice.of(self.keeper.settings))
        self.words: WordsWindow | None = None
        self.live = LiveCaptions(self._open_sources, self._make_session, spec)
        self.window = CaptionWindow(self.live, self.keeper, self._find_devices)
        self.help = Help(self.window, self.keeper, str(paths.log_file()))
        self._name_source(spec)
        self.hook = ErrorHook(str(paths.log_file()), self.window)
        self.hook.happened.connect(self.window.show_notice)
        self.live.words_refused.connect(self._on_words_refused)
        self.hook.install()
        self.signals = SignalWatch(self.window.close, self.window)
        self.window.closed.connect(QApplication.quit)
        self.window.models.set_current(str(self._folder or ""))
        self.window.actions_.words.triggered.connect(self._show_words)
        self.window.reading.corrected.connect(self._learn)
        self.window.manner.edit_wanted.connect(self._edit_profanity)
        self.window.delays.chosen.connect(self._choose_delay)
        self.live.list_refused.connect(self.window.show_notice)
        self.keeper.changed.connect(self._on_settings_changed)
        if problem:
            self.window.show_notice(problem)

    def start(self) -> None:
        """Load the model and capture at once: what is heard before the model is ready waits for it."""
        self._begin_loading()
        self.live.start()

    def end(self) -> None:
        """The window has closed, which stopped the sources, had the last words captioned and wrote the settings."""
        for write in (self._save_words, self.window.last_session.close):
            try:
                write()
            except AppError as error:
                print(f"caique: {error}", file=sys.stderr)
        self.signals.remove()
        self.hook.remove()

    def _begin_loading(self) -> None:
        """Sessions that start from now on wait for this model."""
        folder, decoder, latency = self._folder, self._decoder, self._latency
        self._choice = selftest.choose(selftest.Readings().load()) if self._automatic else None
        if self._choice:
            folder, latency = Path(self._choice.model), self._choice.latency

        def load() -> Recognizer:
            recognizer = models.load(folder, decoder, latency)
            models.prepare(recognizer)
            return recognizer

        self.window.delays.offer((), None)

        def loaded(recognizer: Recognizer) -> None:
            if loading is self._loading:  # the user has not chosen another one meanwhile
                self.live.set_model(recognizer.info.name)
                if folders := models.delays(folder):
                    self.window.delays.offer(folders, latency)
                else:
                    self.window.delays.offer(recognizer.info.latencies, recognizer.info.latency)
                if self.words is not None:
                    self.words.judge()

        def failed(error: AppError | EngineError) -> None:
            if loading is self._loading:
                self.live.set_failure(str(error))

        loading = self._loading = run_in_background(self.window, load, loaded, failed)

    def _on_settings_changed(self, old: Settings, new: Settings) -> None:
        if old.model != new.model:
            self._folder, self._decoder, self._latency = Path(new.model) if new.model else None, None, None
            self.keeper.change(latency=0)
            self._reload()
        self._manner.choose(MannerChoice.of(new))
        if (old.numbers, old.profanity) != (new.numbers, new.profanity) and not self.live.resting:
            self.window.show_notice("This counts from the next sentence on.", False)

    def _choose_delay(self, delay: int) -> None:
        """Kept for the model in the settings; another one was only named on the command line."""
        self._latency = delay
        if self._folder == (Path(self.keeper.settings.model) if self.keeper.settings.model else None):
            self.keeper.change(latency=delay)
        self._reload()

    def _reload(self) -> None:
        self.live.set_model("")
        self._begin_loading()
        self.live.restart()

    @property
    def _automatic(self) -> bool:
        """Nobody chose a model."""
        return (self._folder, self._decoder, self._latency) == (None, None, None)

    def _make_session(self, sources: Sequence[Source], on_event: Callable[[SessionEvent], None]) -> CaptionSession:
        if self._loading.done() and self._loading.exception() is not None:
            self._begin_loading()  # the user tries again
        loading = self._loading
        words = WordWatch(WatchedList(paths.words_file()), lambda phrases: loading.result().compile(phrases))
        self._manner = MannerWatch(MannerChoice.of(self.keeper.settings))
        guidance = Guidance(beam=self._choice.beam if self._choice else None)
        return CaptionSession(
            sources,
            lambda: loading.result().stream(guidance),
            on_event,
            words,
            self._manner,
        )

    def _show_words(self) -> None:
        """Open the list of words to know; once open it is kept, with all there is to undo."""
        if self.words is None:
            self.words = WordsWindow(paths.words_file(), self._judge_words, CaptionStyle(), self.window)
            self.words.addAction(self.window.actions_.help)
        self.words.show()
        self.words.raise_()
        self.words.activateWindow()

    def _learn(self, heard: str, word: str) -> None:
        """A correction goes into the list's file, which captions and the window of the list follow."""

        def learnt(entry: Entry) -> None:
            self.window.show_notice(f"Captions listen for “{entry.phrase}” from now on; Ctrl+W shows the list.", False)

        def failed(error: AppError | EngineError) -> None:
            self.window.show_notice(str(error))

        run_in_background(self.window, lambda: learn(paths.words_file(), heard, word), learnt, failed)

    def _edit_profanity(self) -> None:
        """Open the user's list of words to hide in whatever edits text here."""
        try:
            own = own_profanity_list()
        except AppError as error:
            self.window.show_notice(str(error))
            return
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(own))):
            self.window.show_notice(f"No program opens text files here; the list is {own}.")

    def _save_words(self) -> None:
        if self.words is not None:
            self.words.sync.flush()

    def _judge_words(self, words: WordList) -> Sequence[Verdict | None]:
        """On a background thread: waits for the model that is in use by then."""
        return verdicts(words, self._loading.result().compile(words.phrases).report)

    def _on_words_refused(self, sentences: Sequence[str]) -> None:
        if self.words is not None and self.words.isVisible():
            return  # it says so beside each word
        more = f"this and {len(sentences) - 1} more" if len(sentences) > 1 else "the list"
        self.window.show_notice(f"Words to know: {sentences[0]} Ctrl+W shows {more}.")

    def _open_sources(self, spec: str) -> Sequence[Source]:
        if spec == RECORDING and self._recording is not None:
            return [FileSource(self._recording)]
        return open_sources(spec)

    def _find_devices(self, show: Callable[[list[DeviceInfo]], None]) -> None:
        run_in_background(self.window, list_devices, show, lambda error: self.window.show_notice(str(error)))

    def _name_source(self, spec: str) -> None:
        if self._recording is not None:
            self.window.name_source(spec, self._recording.name)
        else:
            self.window.name_source(spec, self.window.sources.name_of(spec))
            if spec not in ("mic", "system", "both"):
                self._find_devices(self._on_devices)

    def _on_devices(self, devices: list[DeviceInfo]) -> None:
        self.window.sources.show_devices(devices)
        spec = self.live.source
        self.window.name_source(spec, self.window.sources.name_of(spec))


def prefer_xwayland(environment: MutableMapping[str, str]) -> None:
    """WORKAROUND: Wayland gives programs no way to stay on top or to choose their place; X11 does.

    Where an X server (XWayland) is there too, Qt is told to try it first, unless the user chose a platform.
    """
    wayland = environment.get("XDG_SESSION_TYPE") == "wayland" or "WAYLAND_DISPLAY" in environment
    if wayland and environment.get("DISPLAY"):
        environment.setdefault("QT_QPA_PLATFORM", "xcb;wayland")


def make_application() -> QApplication:
    """Qt's application object, looking as the captions do; the first thing a program or a script makes."""
    style = CaptionStyle()
    application = QApplication([sys.argv[0]])
    application.setApplicationName("caique")
    application.setApplicationDisplayName("Caique")
    application.setDesktopFileName("caique")
    application.setWindowIcon(program_icon())
    application.setStyle("Fusion")
    application.setPalette(palette(style))
    application.setQuitOnLastWindowClosed(False)
    load_fonts()
    application.setFont(style.control_font())
    translator = QTranslator(application)
    if translator.load(QLocale(), "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        application.installTranslator(translator)
    return application
