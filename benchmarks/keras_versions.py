"""Which versions of Keras, on which backends, open Keras artefacts and answer their test vectors as the run did.

    .venv/bin/python benchmarks/keras_versions.py saved_models/*/export/keras --versions 3.4.0 --backends tensorflow jax

Each version is installed by pip into a folder of its own; backends are those that are installed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

RUNNER = Path(__file__).parents[1] / "runners" / "python"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artefacts", nargs="+")
    parser.add_argument("--versions", nargs="+", default=["3.4.0", "3.12.0", "3.14.0"])
    parser.add_argument("--backends", nargs="+", default=["tensorflow"])
    given = parser.parse_args()
    for version in given.versions:
        with tempfile.TemporaryDirectory() as folder:
            pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, f"keras=={version}"]
            subprocess.run(pip, check=True)
            for backend in given.backends:
                paths = os.pathsep.join([folder, str(RUNNER), *filter(None, [os.environ.get("PYTHONPATH")])])
                environment = os.environ | {"PYTHONPATH": paths, "KERAS_BACKEND": backend}
                for path in given.artefacts:
                    verify = [sys.executable, "-m", "seqkit_runner", "verify", path]
                    done = subprocess.run(verify, env=environment, capture_output=True, text=True, check=False)
                    said = (done.stdout or done.stderr).strip().splitlines() or ["nothing"]
                    print(version, backend, path, "verified" if not done.returncode else said[-1], flush=True)


if __name__ == "__main__":
    main()
