"""The command line: which command, with what, and what becomes of errors. The commands are in `app.commands`.

Exit codes: 0 done; 1 something could not be done (one sentence on standard error says what); 2 the command line asks
for something that does not exist; 130 interrupted. Nothing heavy is imported before a command is known.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from app.core import logs
from app.core.errors import AppError, OutputError, UsageError
from engine.errors import EngineError, UnsupportedDecoder

if TYPE_CHECKING:
    from engine.stability import Steadiness
    from engine.text.profanity import Profanity

DECODERS = ("ctc", "transducer", "attention")
MOST_READINGS = 64
FORMATS = ("txt", "json", "srt", "vtt")

_EPILOG = """\
Without a command the caption window opens.

examples:
  caique                                     captions in a window
  caique demo                                caption the bundled recording
  caique live --source system                caption what the computer is playing, in the terminal
  caique transcribe talk.mp4 --format srt > talk.srt
  caique transcribe *.wav --format json > all.jsonl

Everything happens on this computer: no sound and no text leaves it.
"""


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(f"caique {importlib.metadata.version('caique')}")
        parser.exit()


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"caique: {message.rstrip('.')} (see {self.prog} --help).\n")


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    parser = make_parser()
    _refuse_a_file_for_a_command(parser, arguments)
    args = parser.parse_args(arguments)
    logs.start(verbose=args.verbose)
    _make_output_safe()
    try:
        return _run(args)
    except (UsageError, UnsupportedDecoder) as error:
        return _tell(error, 2)
    except OutputError as error:
        _discard_output()
        return _tell(error, 1)
    except (AppError, EngineError) as error:
        return _tell(error, 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _discard_output()
        return 1


def _refuse_a_file_for_a_command(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Whoever names a recording only is told the command."""
    if arguments and Path(arguments[0]).suffix and Path(arguments[0]).is_file():
        file = shlex.quote(arguments[0])
        parser.exit(
            2, f"caique: {arguments[0]} is no command; caique transcribe {file} writes down what is said in it.\n"
        )


def _run(args: argparse.Namespace) -> int:
    match args.command:
        case "transcribe":
            from app.commands import transcribe
            from app.core.guide import Guide
            from app.core.text_choice import TextChoice

            guide = Guide(args.boost, args.lm, args.beam, args.steadiness, args.alternatives)
            text = TextChoice(args.numbers, args.profanity)
            return transcribe.run(args.files, args.model, args.decoder, args.latency, args.format, guide, text)
        case "live":
            from app.commands import live
            from app.core.guide import Guide
            from app.core.text_choice import TextChoice

            guide = Guide(args.boost, args.lm, args.beam, args.steadiness)
            text = TextChoice(args.numbers, args.profanity)
            return live.run(args.source or "mic", args.model, args.decoder, args.latency, guide, text)
        case "lm":
            from app.commands import lm

            return lm.run(args.texts, args.out, args.order, sys.stdout)
        case "devices":
            from app.commands import devices

            return devices.run(sys.stdout)
        case "selftest":
            from app.commands import selftest

            return selftest.run(args.model, sys.stdout)
        case "demo":
            from app.commands import demo

            return demo.run(args.model, args.decoder, args.latency, terminal=args.terminal)
        case _:
            from app.commands import window

            return window.run(args.source, args.model, args.decoder, args.latency)


def make_parser() -> argparse.ArgumentParser:
    """Every command and option there is."""
    parser = _Parser(
        prog="caique",
        description="Live captions on your own computer: from the microphone, from whatever is playing, "
        "or from a file.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the program's log on standard error")
    parser.set_defaults(source=None, model=None, decoder=None, latency=None)
    _add_source(parser, default="as last time")
    _add_model(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    transcribe = commands.add_parser(
        "transcribe",
        help="write down what is said in recordings",
        description="Write down what is said in recordings, through the same streaming captions as the window. The "
        "result goes to standard output, everything else to standard error. A recording that cannot be read is named "
        "there; the others are still done, and the exit code is 1.",
    )
    transcribe.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a recording: WAV, FLAC, OGG, MP3, or anything ffmpeg reads where that is installed; "
        '"demo" is the bundled recording',
    )
    transcribe.add_argument(
        "--format",
        choices=FORMATS,
        default="txt",
        help="txt: one utterance a line (default); json: one object a line for each file, with times in seconds; "
        "srt, vtt: subtitles of one recording",
    )
    _add_model(transcribe)
    _add_guide(transcribe, "FILE of words to know, one a line (the README describes it)")
    transcribe.add_argument(
        "--alternatives",
        type=_count,
        metavar="N",
        default=0,
        help="with --format json: up to N other readings of each utterance, the most probable first",
    )
    _add_text(transcribe)

    live = commands.add_parser(
        "live",
        help="captions in the terminal",
        description="Captions in the terminal until Ctrl-C. Piped, each finished utterance is one line.",
    )
    _add_source(live, default="mic")
    _add_model(live)
    _add_guide(live, "FILE of words to know, followed while you edit it (default: words.txt among the program's data)")
    _add_text(live)

    lm = commands.add_parser(
        "lm",
        help="make a language model of your own texts",
        description="Make an n-gram language model of your own texts: notes, minutes, articles of your field. Give it "
        "to --lm, or put it into a model's folder as lm.arpa or lm.arpa.gz, where it is found by itself.",
    )
    lm.add_argument("texts", nargs="+", type=Path, metavar="TEXT", help="a plain text, UTF-8")
    lm.add_argument("--out", type=Path, metavar="FILE", required=True, help="the ARPA file; gzipped if it ends in .gz")
    lm.add_argument(
        "--order", type=int, choices=(2, 3, 4, 5), default=3, help="words that are looked at together (default: 3)"
    )

    commands.add_parser(
        "devices",
        help="list inputs and outputs",
        description="List what can be captioned: the ID to give to --source, what it is, and its name. "
        "* marks the system's default input and output.",
    )

    selftest = commands.add_parser(
        "selftest",
        help="see which models this computer keeps up with",
        description="Caption a spoken clip with each installed model, in about ten seconds, and say what share of a "
        "processor core it takes and whether captions keep up. * marks what the window captions with where no model "
        "was chosen.",
    )
    selftest.add_argument(
        "--model", type=Path, metavar="DIR", default=argparse.SUPPRESS, help="a model folder to try as well"
    )

    demo = commands.add_parser(
        "demo",
        help="caption the bundled recording",
        description="Caption the bundled recording in real time: in the window, or in the terminal where there is "
        "no display.",
    )
    demo.add_argument("--terminal", action="store_true", help="caption in the terminal even if there is a display")
    _add_model(demo)
    return parser


def _add_source(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--source",
        metavar="mic|system|both|DEVICE",
        default=argparse.SUPPRESS,  # a command's default must not hide what was given before the command
        help="what to caption: the default microphone, what the computer is playing, both with a label each, or a "
        f"device by its ID or name as `caique devices` lists it (default: {default})",
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model")
    group.add_argument(
        "--model",
        type=Path,
        metavar="accurate|fast|DIR",
        default=argparse.SUPPRESS,
        help="accurate: Moonshine tiny-en, adapted (default); fast: its decoder behind our streaming encoder, "
        "fewer changes on the way, a few more errors; or a model folder: a sherpa-onnx streaming CTC or "
        "transducer model, "
        "a NeMo or onnx-asr export, or Moonshine's .ort files",
    )
    group.add_argument(
        "--decoder",
        choices=DECODERS,
        default=argparse.SUPPRESS,
        help="which of the model's decoders to use (default: the model's best)",
    )
    group.add_argument(
        "--latency",
        type=_milliseconds,
        metavar="MS",
        default=argparse.SUPPRESS,
        help="delay in milliseconds, for a model that offers several: 80, 160, ... (default: the model's smallest)",
    )


def _add_guide(parser: argparse.ArgumentParser, boost: str) -> None:
    group = parser.add_argument_group("words")
    group.add_argument("--boost", type=Path, metavar="FILE", help=boost)
    group.add_argument("--lm", type=Path, metavar="FILE", help="an n-gram language model: ARPA, gzipped or not")
    group.add_argument(
        "--beam",
        type=_width,
        metavar="N",
        help="readings followed at once: 1 is fastest, more is better with words to know (default: 1, or 4 with them)",
    )
    group.add_argument(
        "--steadiness",
        type=_steadiness,
        metavar="responsive|balanced|steady",
        default="balanced",
        help="show words at once, or only when they do not change any more (default: balanced)",
    )


def _add_text(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("text")
    group.add_argument(
        "--numbers",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="write English numbers in figures, or as the model writes them (default)",
    )
    group.add_argument(
        "--profanity",
        type=_profanity,
        metavar="off|mask|drop",
        default="off",
        help="what becomes of profane words (default: off, they stay); the list is profanity.txt among the program's "
        "data, or the program's own where there is none",
    )


def _profanity(text: str) -> Profanity:
    from engine.text.profanity import Profanity

    if text not in list(Profanity):
        raise argparse.ArgumentTypeError(f"{text!r} is none of off, mask and drop")
    return Profanity(text)


def _steadiness(text: str) -> Steadiness:
    from engine.stability import Steadiness

    if text not in list(Steadiness):
        raise argparse.ArgumentTypeError(f"{text!r} is none of responsive, balanced and steady")
    return Steadiness(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_READINGS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to {MOST_READINGS}")
    return int(text)


def _width(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= MOST_READINGS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MOST_READINGS}")
    return value


def _milliseconds(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of milliseconds")
    return value


def _make_output_safe() -> None:
    """Results are UTF-8 on every system, and a file name in no valid encoding cannot stop them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def _discard_output() -> None:
    """Nobody reads standard output any more, or it cannot be written: let the interpreter's last flush go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell(error: Exception, code: int) -> int:
    print(f"caique: {error}", file=sys.stderr)
    return code
