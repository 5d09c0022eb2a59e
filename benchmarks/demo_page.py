"""A run's page in headless Chromium: what it shows beside what the run answers, and what it asks for elsewhere.

    python benchmarks/demo_page.py saved_models/reviews "a gorgeous film" "two hours I won't get back"

For runs that are asked by one text, and language models. Needs chromium, and Playwright to lead it (pip install
'seqkit[benchmarks]').
Each text is typed and answered; a page that shows something else, or that asks for anything of another machine, fails.
"""

import argparse
import shutil
import sys
import time

import gradio
from playwright.sync_api import sync_playwright

import seqkit

PATIENCE = 60_000  # milliseconds that an answer may take
SHOWN = "document.body.innerText + [...document.querySelectorAll('textarea')].map((one) => one.value).join('\\n')"


def expected(run, text):
    """Words that have to be on the page once the text is answered."""
    if hasattr(run.task, "generate"):
        return ["".join(run.generate(text, length=200, temperature=0.8, seed=0))]
    (answer,) = run.predict([text])
    if "label" in answer:
        return [answer["label"], f"{100 * answer['probabilities'][answer['label']]:.0f}%"]
    if "tags" in answer:
        return [span["label"] for span in answer["spans"]] if "spans" in answer else answer["tags"]
    return [value for value in answer.values() if isinstance(value, str)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("texts", nargs="+")
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    parser.add_argument("--picture", help="where a picture of the page goes, with the last answer")
    given = parser.parse_args()
    run = seqkit.load(given.run)
    _, address, _ = seqkit.demo_page(run).launch(prevent_thread_lock=True, quiet=True)
    abroad, right = [], 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        page.on(
            "request", lambda one: None if one.url.startswith((address, "data:", "blob:")) else abroad.append(one.url)
        )
        page.goto(address)
        for text in given.texts:
            page.fill("textarea >> nth=0", text)
            page.click("button.primary")
            words = expected(run, text)
            until = time.monotonic() + PATIENCE / 1000
            while missing := [word for word in words if word not in page.evaluate(SHOWN)]:
                if time.monotonic() > until:
                    break
                page.wait_for_timeout(100)
            right += not missing
            print(f"{text!r}: {'shown' if not missing else f'not shown: {missing}'}")
        if given.picture:
            page.screenshot(path=given.picture)
    gradio.close_all()
    print(f"{right} of {len(given.texts)} answers are the run's; {len(abroad)} requests to elsewhere {abroad[:3]}")
    sys.exit(right < len(given.texts) or bool(abroad))


if __name__ == "__main__":
    main()
