"""A web page on which a run is asked: what is typed or dropped in, and what the model makes of it, by Gradio."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from seqkit.core.errors import InputError
from seqkit.lab.inspected_page import attention_pictures
from seqkit.metrics.metric import headlines, metric
from seqkit.report.wording import written
from seqkit.runs.run import Run
from seqkit.runs.samples import read_samples
from seqkit.web.showing import SEGMENTS, Part, parts_of

EXAMPLES = 5  # on a page, of the validation inputs that a run keeps
SHARES = 5  # labels, at most, whose probabilities are drawn


def demo_page(run: Run) -> Any:
    """A page to ask a run on: a text, a picture or a recording in; labels, tags in colour or a text out.

    A language model goes on from what is typed, piece by piece. `demo_page(run).launch()` serves it on this machine, and in
    a notebook shows it; nothing is loaded from elsewhere.

    Returns:
        gradio.Blocks.
    Raises:
        InputError: Gradio isn't installed, or the samples in the run folder, which are the page's examples, are damaged.
    Example:
        >>> seqkit.demo_page(run).launch()  # doctest: +SKIP
    """
    gradio = _gradio()
    with gradio.Blocks(title=run.path.name, analytics_enabled=False) as page:
        gradio.Markdown(f"# {run.path.name}\nA {run.info['recipe']} model of seqkit. {_scores(run)}")
        (_continuing if hasattr(run.task, "generate") else _answering)(gradio, run)
    return page


def serve_demo(run: Run, *, host: str = "127.0.0.1", port: int = 7860) -> None:
    """Serve `demo_page(run)` until it is stopped.

    Args:
        host: The address that is listened on: this machine's own, unless others are to ask.
    Raises:
        InputError: As in `demo_page`, or the port is taken, or none.
    Example:
        >>> seqkit.serve_demo(run, port=8000)  # doctest: +SKIP
    """
    page = demo_page(run)
    try:
        page.launch(server_name=host, server_port=port, share=False, quiet=False)
    except (OSError, OverflowError) as error:  # which a port above 65535 is to a socket
        raise InputError(f"Nothing can listen on {host}, port {port} ({error}): give another --port.") from None


def _gradio() -> Any:
    try:
        import gradio
    except ImportError:
        raise InputError("The page is made by Gradio, which isn't installed: pip install 'seqkit[demo]'.") from None
    return gradio


def _scores(run: Run) -> str:
    """The first headline of the run's own report, where it has one."""
    metrics = run.report.get("metrics", {})
    first = [name for name in headlines(run.task.metrics) if name in metrics][:1]
    return "".join(f"Its report says: {metric(name).words} {written(name, metrics[name]['value'])}." for name in first)


def _answering(gradio: Any, run: Run) -> None:
    """Inputs, a button and the pieces of an answer; which pieces there are, the answer to the first sample says."""
    samples = read_samples(run.path, run.info, run.task.fields)
    rows = list(zip(*(values[:EXAMPLES] for values in samples.values()), strict=True))
    first = parts_of(_answer(run, rows[0]))
    asked = [_input(gradio, field, values[0]) for field, values in samples.items()]
    button = gradio.Button("Answer", variant="primary")
    shown = [_output(gradio, part) for part in first]
    if attends := bool(_pictures(run, rows[0])):
        shown.append(gradio.HTML())
    with gradio.Accordion("The whole answer", open=False):
        shown.append(gradio.JSON(show_label=False))

    def answer(*given: Any) -> list[Any]:
        found = _asked(gradio, lambda: _answer(run, given))
        seen = ["".join(_pictures(run, given))] if attends else []
        return [*(part.value for part in parts_of(found)), *seen, found]

    gradio.on([button.click, *(one.submit for one in asked if hasattr(one, "submit"))], answer, asked, shown)
    if all(isinstance(value, str | tuple) for row in rows for value in row):
        examples = [[_typed(value) for value in row] for row in rows]
        gradio.Examples(examples, asked, shown, answer, cache_examples=False, run_on_click=True)


def _continuing(gradio: Any, run: Run) -> None:
    """A prompt, the settings of drawing, and the text that follows as it is drawn."""
    prompt = gradio.Textbox(label="prompt", lines=3)
    with gradio.Row():
        length = gradio.Slider(10, 1000, 200, step=10, label="symbols")
        temperature = gradio.Slider(0.0, 1.5, 0.8, step=0.1, label="temperature")
        seed = gradio.Number(0, precision=0, label="seed")
    button = gradio.Button("Go on", variant="primary")
    text = gradio.Textbox(label="text", lines=10)

    def draw(prompt: str, length: int, temperature: float, seed: int) -> Iterator[str]:
        so_far = prompt
        try:
            for piece in run.generate(prompt, length=int(length), temperature=temperature, seed=int(seed)):
                so_far += piece
                yield so_far
        except InputError as error:
            raise gradio.Error(str(error), print_exception=False) from None

    gradio.on([button.click, prompt.submit], draw, [prompt, length, temperature, seed], text)


def _pictures(run: Run, given: Sequence[Any]) -> Sequence[str]:
    """Where the run looks as it answers; nothing of recordings, whose frames are read one after the other."""
    if run.task.fields == ("frames",):
        return []
    return attention_pictures(run, tuple(given) if len(given) > 1 else given[0])


def _answer(run: Run, given: Sequence[Any]) -> dict[str, Any]:
    """The run's answer to one value of each field; a recording or a picture is named by its file."""
    missing = [field for field, value in zip(run.task.fields, given, strict=True) if value is None]
    if missing:
        raise InputError(f"There is no {missing[0]} to answer: give one.")
    if len(given) > 1:
        (answer,) = run.predict([tuple(given)])
    elif run.task.fields == ("frames",) and isinstance(given[0], str):
        (answer,) = run.stream(run.inputs_of(given[0]))
    else:
        (answer,) = run.predict([given[0]])
    return answer


def _asked(gradio: Any, answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return answer()
    except (InputError, ValueError) as error:
        raise gradio.Error(str(error), print_exception=False) from None


def _typed(value: Any) -> str:
    return value if isinstance(value, str) else " ".join(value)


def _input(gradio: Any, field: str, sample: Any) -> Any:
    """What takes a field's values, as the kept sample of one shows."""
    if isinstance(sample, str | tuple):
        return gradio.Textbox(label=field, lines=2)
    if np.ndim(sample) == 3 and field == "image":
        return gradio.Image(label=field, type="filepath")
    return gradio.File(label=field, type="filepath")


def _output(gradio: Any, part: Part) -> Any:
    if part.kind == "shares":
        return gradio.Label(label=part.label, num_top_classes=SHARES)
    if part.kind == "tagged":
        return gradio.HighlightedText(label=part.label, combine_adjacent=False, show_legend=True)
    if part.kind == "table":
        return gradio.Dataframe(headers=list(SEGMENTS), label=part.label)
    return gradio.Textbox(label=part.label)
