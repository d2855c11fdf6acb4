"""The workshop that makes the streaming models; never shipped with the program (see README.md)."""

import os

# As engine.models does: the workshop may import ONNX Runtime first, whose packages send telemetry unless told not to.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
