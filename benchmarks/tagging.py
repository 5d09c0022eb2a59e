"""Parts of speech: seqkit's tagger beside Flair's, both trained from scratch on the same treebank in one run.

    python benchmarks/tagging.py --data ud_en_ewt/en_ewt-ud [--epochs 6] [--turns seqkit flair]

--data is the prefix of -train.conllu, -dev.conllu and -test.conllu. seqkit trains with the recipe's defaults. Flair has
word vectors of 128, characters composed to 2 x 50, a BiLSTM of 256, a softmax for each word, Adam, batches of 32;
its characters are those of the training data, for its own list comes from the network. Seconds are those of training, each
epoch's validation in them, and for Flair one test. Needs `pip install flair==0.15.1`, which is in no extra: it wants older
releases of what other peers use.
"""

import argparse
import tempfile
import time
from pathlib import Path

SYSTEMS = ("seqkit", "flair")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--epochs", type=int, default=6, help="of Flair")
    parser.add_argument("--turns", nargs="+", choices=SYSTEMS, default=SYSTEMS)
    options = parser.parse_args()
    parts = {name: Path(f"{options.data}-{name}.conllu") for name in ("train", "dev", "test")}
    results = {}
    for name in options.turns:
        with tempfile.TemporaryDirectory() as folder:
            results[name] = ours(parts, folder) if name == "seqkit" else flairs(parts, folder, options.epochs)
        accuracy, seconds = results[name]
        print(f"{name:8}{accuracy:8.2%} of the test's tokens after {seconds:6.0f} s", flush=True)
    if len(results) == len(SYSTEMS):
        print(f"Flair takes {results['flair'][1] / results['seqkit'][1]:.1f} times as long")


def ours(parts: dict[str, Path], folder: str) -> tuple[float, float]:
    """Token accuracy on the test data, seconds of training."""
    from seqkit.recipes import tagging

    run = tagging(parts["train"], valid=parts["dev"], test=parts["test"], out=Path(folder) / "run")
    return run.report["metrics"]["token_accuracy"]["value"], run.info["training_seconds"]


def flairs(parts: dict[str, Path], folder: str, epochs: int) -> tuple[float, float]:
    """The same of Flair."""
    import torch
    from flair.data import Dictionary
    from flair.datasets import UniversalDependenciesCorpus
    from flair.embeddings import CharacterEmbeddings, OneHotEmbeddings, StackedEmbeddings
    from flair.models import SequenceTagger
    from flair.trainers import ModelTrainer

    torch.manual_seed(0)
    files = {f"{name}_file": path.name for name, path in parts.items()}
    corpus = UniversalDependenciesCorpus(parts["train"].parent, **files)
    characters = Dictionary()
    for symbol in sorted(set(parts["train"].read_text(encoding="utf-8"))):
        characters.add_item(symbol)
    embeddings = StackedEmbeddings(
        [
            OneHotEmbeddings.from_corpus(corpus, min_freq=1, embedding_length=128),
            CharacterEmbeddings(characters, hidden_size_char=50),
        ]
    )
    tags = corpus.make_label_dictionary(label_type="upos")
    tagger = SequenceTagger(embeddings, tags, "upos", hidden_size=256, use_crf=False)
    start = time.perf_counter()
    ModelTrainer(tagger, corpus).train(
        folder, learning_rate=1e-3, mini_batch_size=32, max_epochs=epochs, optimizer=torch.optim.Adam,
        save_final_model=False, use_final_model_for_eval=True,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    return tagger.evaluate(corpus.test, gold_label_type="upos").classification_report["accuracy"], seconds


if __name__ == "__main__":
    main()
