"""How long it takes to load, normalise and look up a table of texts: the first time, and from the cache.

python benchmarks/loading.py --data train.tsv.gz
"""

import argparse
import os
import statistics
import tempfile
import time

from seqkit.sources.reading import read
from seqkit.text.tokenizer import Tokenizer, tokenize
from seqkit.text.vocabulary import Vocabulary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="a table of labelled texts")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {"first time": [], "from the cache": []}
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["SEQKIT_CACHE"] = folder
            for name in seconds:
                started = time.perf_counter()
                examples = read(options.data, {"text": "text", "label": "label"})
                tokens = tokenize(examples["text"], Tokenizer())
                ids = Vocabulary.build(tokens, Tokenizer()).encode(tokens)
                seconds[name].append(time.perf_counter() - started)
    print(f"{len(examples):,} rows, {len(ids.values):,} tokens; median of {options.repeats}:")
    for name, values in seconds.items():
        print(f"{name:16}{statistics.median(values):7.2f} s")


if __name__ == "__main__":
    main()
