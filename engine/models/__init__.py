"""Model folders and their graphs; the only package that loads ONNX Runtime."""

import os

# From 1.29 on ONNX Runtime reports to its makers on Linux and macOS as soon as it is loaded, and keeps a number for the
# machine in the user's cache. What is said on a computer, and that something is said at all, stays on it.
# It reads this once, when it is loaded: https://github.com/microsoft/onnxruntime/pull/27379
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
