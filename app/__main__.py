"""The program's entry: `caique`, `python -m app`."""

from __future__ import annotations

import multiprocessing
import sys

from app import cli


def main() -> int:
    """Run the command line of this process; the exit code is the result."""
    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    # A frozen program starts its background processes by starting itself.
    multiprocessing.freeze_support()
    sys.exit(main())
