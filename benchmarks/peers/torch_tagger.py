"""Tags of words in plain PyTorch: embedding, a bidirectional LSTM on packed sequences, a linear layer.

Of `time_to_quality.py`.
"""

import collections
import json
import sys
import time

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

EPOCHS, BATCH = 20, 32


def read(path: str) -> list[tuple[list[str], list[str]]]:
    """Lower-cased words and their universal parts of speech, sentence by sentence."""
    sentences = []
    with open(path, encoding="utf-8") as file:
        for block in file.read().split("\n\n"):
            lines = [line.split("\t") for line in block.splitlines() if line[:1].isdigit()]
            rows = [(columns[1].lower(), columns[3]) for columns in lines if columns[0].isdigit()]
            if rows:
                sentences.append(tuple(map(list, zip(*rows, strict=True))))
    return sentences


class Tagger(torch.nn.Module):
    def __init__(self, words: int, tags: int):
        super().__init__()
        self.embedding = torch.nn.Embedding(words, 128, padding_idx=0)
        self.lstm = torch.nn.LSTM(128, 128, bidirectional=True, batch_first=True)
        self.tags = torch.nn.Linear(256, tags)

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(self.embedding(ids), lengths, batch_first=True, enforce_sorted=False)
        said, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.tags(said)


def main(train: str, valid: str) -> None:
    torch.manual_seed(0)
    rows, others = read(train), read(valid)
    counts = collections.Counter(word for words, _ in rows for word in words)
    ids = {word: place for place, word in enumerate((word for word in counts if counts[word] > 1), start=2)}
    tags = {tag: place for place, tag in enumerate(sorted({tag for _, own in rows for tag in own}))}

    def batches(sentences, order):
        for start in range(0, len(order), BATCH):
            some = [sentences[place] for place in order[start : start + BATCH]]
            words = [torch.tensor([ids.get(word, 1) for word in own]) for own, _ in some]
            truth = [torch.tensor([tags.get(tag, -100) for tag in own]) for _, own in some]
            lengths = torch.tensor([len(own) for own in words])
            yield pad_sequence(words, True), lengths, pad_sequence(truth, True, padding_value=-100)

    model = Tagger(len(ids) + 2, len(tags))
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(EPOCHS):
        model.train()
        for words, lengths, truth in batches(rows, torch.randperm(len(rows)).tolist()):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(words, lengths).flatten(0, 1), truth.flatten()).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
        model.eval()
        right = total = 0
        with torch.no_grad():
            for words, lengths, truth in batches(others, range(len(others))):
                right += int((model(words, lengths).argmax(-1) == truth).sum())
                total += int((truth != -100).sum())
        print(json.dumps({"figure": right / total, "processor": time.process_time()}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
