"""All benchmarks, one after the other, each by its own command; every one writes its tables itself.

    python -m tests.benchmarks SPEECH NOISE NAMES GRAPHS [--whisper DIR ...] [--only NAME ...]

The arguments are those of the single benchmarks. One that fails is named at the end, the others are still run.
Takes some hours; nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path


def commands(speech: Path, noise: Path, names: Path, graphs: Path, whisper: list[Path]) -> dict[str, list[str]]:
    """Name of a benchmark -> its arguments, those that measure time first."""
    rewritten = [str(graphs / "work" / form / "114m-0") for form in ("fp32", "int8-blocks")]
    return {
        "application": [],
        "throttled": [],
        "streaming": [str(graphs)],
        "serve": rewritten,  # streaming has written these
        "live_loops": [str(speech), *(part for folder in whisper for part in ("--whisper", str(folder)))],
        "captions": [str(speech), str(noise)],
        "calls": [str(speech), str(noise), "--webrtc"],
        "boosting": [str(speech), str(noise), str(names)],
        "phases": [],
        "soak": [],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("speech", "noise", "names", "graphs"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--whisper", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--only", nargs="+", metavar="NAME")
    args = parser.parse_args()
    every = commands(args.speech, args.noise, args.names, args.graphs, args.whisper)
    chosen = args.only or list(every)
    if unknown := [name for name in chosen if name not in every]:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(every)}")
    failed = [
        name
        for name in chosen
        if subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}", *every[name]], check=False).returncode
    ]
    for name in failed:
        print(f"failed: {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
