"""What is heard, and that anything is, stays on the computer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.helpers.starter import starter_folder

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from engine.recognizer import Recognizer
stream = Recognizer.load(Path(sys.argv[1])).stream()
stream.push(np.zeros(16_000, np.float32))
stream.finish()
"""

SUPPRESS = ("ORT_DISABLE_TELEMETRY", "CI", "GITHUB_ACTIONS", "TF_BUILD", "PYTEST_CURRENT_TEST")
"""Under these ONNX Runtime reports nothing anyway."""


def test_onnx_runtime_keeps_no_number_for_the_machine(tmp_path: Path) -> None:
    """It writes one, and a database of what it is going to send, into the cache of whoever did not opt out."""
    environment = {name: value for name, value in os.environ.items() if name not in SUPPRESS}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", PROGRAM, str(starter_folder())], env=environment, check=True)
    assert [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name] == []
