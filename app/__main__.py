"""The program's entry: `caique`, `python -m app`."""

from __future__ import annotations

import sys

from app import cli


def main() -> int:
    """Run the command line of this process; the exit code is the result."""
    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
