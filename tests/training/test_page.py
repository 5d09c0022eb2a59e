"""docs/training.md: its example trains, as it stands there, and goes on from its checkpoint."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")


def test_the_example_trains_a_model_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example, loss = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names = {}
    exec(example, names)
    history = names["history"]
    assert [row["epoch"] for row in history] == [*range(1, 9)]
    assert history[-1]["val_loss"] < 0.8 * history[0]["loss"]
    assert names["trainer"].fit(names["rows"], names["rows"], resume=True) == history
    own = eval(
        loss[loss.index("Objective(") :], names | dict(vars(__import__("seqkit.training.objectives", fromlist=["*"])))
    )
    assert own.loss(names["np"].array([2]), names["np"].array([[2.5]], "float32")).numpy().tolist() == [0.5]
