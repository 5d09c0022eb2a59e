"""The page of examples/browser in headless Chromium: answers beside the runs' own, time to the first answer, transfer size.

    examples/browser/make.sh && node examples/browser/vendor.mjs && python benchmarks/browser.py --rows 200 --starts 5

A check in the browser answers held-out rows of the built-in data with the three artefacts, whole and streamed, and has the
language model write with ten seeds; the same is asked of the runs. Then the page itself is opened by a fresh profile each
time: what it shows is compared too. Times are from the navigation on, the server's of this machine; bytes are those that it
sent, in bodies. Needs chromium, and for the two scripts npm and node.
"""

import argparse
import contextlib
import functools
import http.server
import json
import queue
import shutil
import statistics
import subprocess
import tempfile
import threading
from pathlib import Path

import seqkit
from seqkit.corpora.reviews import reviews
from seqkit.corpora.sentences import sentences
from seqkit.corpora.topics import topics
from seqkit_runner.artefact import alike

SITE = Path(__file__).resolve().parents[1] / "examples" / "browser"
MODELS = ("sentiment", "tagger", "writer")
PATIENCE = 300  # seconds that a page may take
TOLERANCE = 1e-5
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--window-size=1100,1800",
]
CHECK = """<!doctype html><script type="module">
import * as ort from "./vendor/ort.mjs";
import { load } from "./vendor/seqkit-runner/index.js";
const report = (value) => fetch("/report", { method: "POST", body: JSON.stringify(value) });
try {
  ort.env.wasm.numThreads = 1;
  const { body } = await fetch("vendor/ort.wasm.gz");
  ort.env.wasm.wasmBinary = await new Response(body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  const { rows, prompts } = await (await fetch("/questions.json")).json();
  const found = { predicted: {}, streamed: [], written: [] };
  for (const name of Object.keys(rows)) {
    const artefact = await load(new URL(`models/${name}`, location.href), { ort });
    found.predicted[name] = await artefact.predict(rows[name]);
    if (name === "tagger") {
      const session = await artefact.stream();
      for (const tokens of rows[name]) {
        await session.reset();
        const tags = [];
        for (const token of tokens) tags.push((await session.feed(token)).tag);
        found.streamed.push(tags);
      }
    }
    for (const [prompt, settings] of name === "writer" ? prompts : []) {
      let text = "";
      for await (const piece of artefact.generate(prompt, settings)) text += piece;
      found.written.push(text);
    }
  }
  await report(found);
} catch (error) {
  await report({ failed: String(error.stack ?? error) });
}
</script>"""
TELL = """<script>
new MutationObserver(() => {
  const { ready, failed } = document.documentElement.dataset;
  const text = (id) => document.getElementById(id).innerText;
  const tags = [...document.querySelectorAll("#tokens b")].map((tag) => tag.textContent);
  const shown = { verdict: text("verdict"), tags };
  if (ready) fetch("/report", { method: "POST", body: JSON.stringify({ ...JSON.parse(ready), ...shown }) });
  if (failed) fetch("/report", { method: "POST", body: JSON.stringify({ failed }) });
}).observe(document.documentElement, { attributes: true });
</script></head>"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Sends the site, the check and its questions; keeps what is reported, and counts what is sent."""

    def do_GET(self):
        made = {"/check.html": CHECK.encode, "/questions.json": lambda: self.server.questions, "/": self._page}
        if self.path in made:
            content = made[self.path]()
            self.send_response(200)
            self.send_header(
                "Content-Type", "application/json" if self.path.endswith("json") else "text/html; charset=utf-8"
            )
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        else:
            super().do_GET()

    def _page(self):
        page = (SITE / "index.html").read_bytes()
        self.server.sent["/"] = len(page)
        return page.replace(b"</head>", TELL.encode())

    def do_POST(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()
        self.server.reports.put(json.loads(content))

    def copyfile(self, source, outputfile):
        content = source.read()
        self.server.sent[self.path] = len(content)
        outputfile.write(content)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(questions):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=SITE))
    server.questions, server.reports, server.sent = questions, queue.Queue(), {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()


def opened(server, page, chromium):
    """What a page reports, opened by a browser that has seen nothing before."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        address = f"http://127.0.0.1:{server.server_port}/{page}"
        command = [chromium, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", address]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            report = server.reports.get(timeout=PATIENCE)
        finally:
            process.terminate()
            process.wait()
    if "failed" in report:
        raise SystemExit(f"The page failed: {report['failed']}")
    return report


def asked(rows):
    """Rows of the built-in data that no run was trained on, and prompts with settings."""
    texts, tokens = reviews()["test"]["text"], sentences()["test"]["tokens"]
    running = "\n".join(topics()["test"]["text"])
    pieces = [running[start : start + 200] for start in range(0, 200 * (rows // 10), 200)]
    ways = [{}, {"top_k": 5}, {"top_p": 0.8, "temperature": 1.1}, {"temperature": 0}, {"stop": "\n"}]
    prompts = [("The ", {"length": 300, "seed": seed} | ways[seed % len(ways)]) for seed in range(10)]
    rows_of = {"sentiment": texts[:rows], "tagger": [list(row) for row in tokens[:rows]], "writer": pieces}
    return rows_of, prompts


def compare(runs, rows, prompts, found):
    for name in MODELS:
        expected = runs[name].predict(rows[name])
        same = [alike(one, other, TOLERANCE) for one, other in zip(expected, found["predicted"][name], strict=True)]
        print(f"{name}: {sum(same)} of {len(same)} answers are the run's")
        if name == "tagger":
            same = [one["tags"] == tags for one, tags in zip(expected, found["streamed"], strict=True)]
            print(f"{name}: {sum(same)} of {len(same)} sentences have the run's tags, streamed")
    texts = ["".join(runs["writer"].generate(prompt, **settings)) for prompt, settings in prompts]
    same = [one == other for one, other in zip(texts, found["written"], strict=True)]
    print(f"writer: {sum(same)} of {len(same)} texts are the run's, character by character")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    given = parser.parse_args()
    runs = {name: seqkit.load(SITE / "runs" / name) for name in MODELS}
    rows, prompts = asked(given.rows)
    with served(json.dumps({"rows": rows, "prompts": prompts}).encode()) as server:
        compare(runs, rows, prompts, opened(server, "check.html", given.chromium))
        starts = []
        for _ in range(given.starts):
            server.sent.clear()
            starts.append(opened(server, "", given.chromium))
        sent = dict(server.sent)
    page = (SITE / "index.html").read_text(encoding="utf-8")
    review = page.split("<textarea", 1)[1].split(">", 1)[1].split("</textarea>")[0]
    (answer,) = runs["sentiment"].predict([review])
    shown = f"{answer['label']}, {100 * answer['probabilities'][answer['label']]:.1f}%"
    print(f"the page says: {starts[0]['verdict'].strip()}; the run: {shown}")
    sentence = page.split('id="sentence"', 1)[1].split('value="', 1)[1].split('"')[0]
    (answer,) = runs["tagger"].predict([sentence])
    print(f"the page's tags are the run's: {starts[0]['tags'] == answer['tags']}")
    for name, what in (("first", "the first answer"), ("all", "all three models")):
        seconds = [start[name] / 1000 for start in starts]
        listed = ", ".join(f"{one:.2f}" for one in seconds)
        print(f"time to {what}: median {statistics.median(seconds):.2f} s of {listed}")
    groups = {
        "runtime": "/vendor/ort",
        "runner": "/vendor/seqkit-runner/",
        **{name: f"/models/{name}/" for name in MODELS},
    }
    sizes = {
        group: sum(size for path, size in sent.items() if path.startswith(start)) for group, start in groups.items()
    }
    sizes["page"] = sum(sent.values()) - sum(sizes.values())
    listed = ", ".join(f"{group} {size / 1000:,.0f}" for group, size in sizes.items())
    print(f"sent, kB: {sum(sizes.values()) / 1000:,.0f} ({listed})")


if __name__ == "__main__":
    main()
