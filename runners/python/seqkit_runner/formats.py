"""The formats of artefacts that a runner answers, for who lists them without the runtimes, or NumPy."""

FORMATS = ("onnx", "litert", "keras", "savedmodel")
