"""The sliders of the book's page on gates in headless Chromium: what they show beside the equations in NumPy.

    python benchmarks/widgets.py [--moves 50] [--picture gates.png]

Sliders of either cell are set at random. The state, the output and the steps until half of it is left have to be those that
the equations give, the curve has to start at the state, and nothing may be asked of another machine. Needs chromium, and
Playwright to lead it (pip install 'seqkit[benchmarks]').
"""

import argparse
import re
import shutil

import numpy as np
from playwright.sync_api import sync_playwright

from seqkit.learn.widgets import gates

SET = "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }"
LAST = re.compile(r"(−?[\d.]+)$")  # the number that ends a line
HALF = re.compile(r"left after (?:more than )?([\d.]+) steps")


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def lstm(i, f, g, o, c):
    """The lines' last numbers, the state, and the share that a step keeps."""
    kept = sigmoid(f)
    state = kept * c + sigmoid(i) * np.tanh(g)
    return [state, sigmoid(o) * np.tanh(state)], state, kept


def gru(z, r, x, h):
    candidate, kept = np.tanh(x + sigmoid(r) * h), sigmoid(z)
    state = kept * h + (1 - kept) * candidate
    return [candidate, state], state, kept


def wrong(page, cell, values):
    """What the page says otherwise."""
    lines, state, kept = cell(*values)
    said = page.inner_text(".seqkit-gates pre").splitlines()
    shown = [float(LAST.search(line)[1].replace("−", "-")) for line in said[:2]]
    found = [
        f"{line}, not {value:.4f}"
        for line, value, own in zip(said, lines, shown, strict=False)
        if abs(value - own) > 0.0051
    ]
    half = min(np.log(0.5) / np.log(kept), 1000)
    if abs(float(HALF.search(said[2])[1]) - half) > 0.051:
        found.append(f"{said[2]}, not {half:.2f}")
    first = float(page.get_attribute(".seqkit-gates polyline", "points").split()[0].split(",")[1])
    if abs(first - (70 - 30 * state)) > 1e-6:
        found.append(f"the curve starts at {first}, not at {70 - 30 * state}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=50, help="of each cell's sliders")
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    parser.add_argument("--picture", help="where a picture goes, after the last move")
    given = parser.parse_args()
    random, abroad, complaints = np.random.default_rng(0), [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 760, "height": 520})
        page.on("request", lambda one: abroad.append(one.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.set_content(gates()._repr_html_())
        for name, cell in (("lstm", lstm), ("gru", gru)):
            page.check(f"input[value={name}]")
            for _ in range(given.moves):
                values = []
                for slider in page.query_selector_all("input[type=range]"):
                    low, high = float(slider.get_attribute("min")), float(slider.get_attribute("max"))
                    values.append(round(float(random.uniform(low, high)) * 20) / 20)  # sliders go by twentieths
                    slider.evaluate(SET, values[-1])
                complaints += [f"{name} at {values}: {what}" for what in wrong(page, cell, values)]
        if given.picture:
            page.screenshot(path=given.picture)
        browser.close()
    for line in [*complaints, *(f"asked for {url}" for url in abroad)]:
        print(line)
    print(f"{2 * given.moves} moves, {len(complaints)} shown otherwise, {len(abroad)} asked of others")
    raise SystemExit(bool(complaints or abroad))


if __name__ == "__main__":
    main()
