// The review: its verdict, and the verdict behind each of its words.

import { byId, element, kilobytes, newestOnly, size } from "./parts.js";

const EXAMPLES = [
  "A feast from beginning to end.",
  "I expected a dud, and it was a triumph.",
  "The cast was marvellous, but nothing could save the tiresome plot.",
  "Was I annoyed? Not for a minute.",
];
const MOST = 80; // words that are coloured

export async function startSentiment(artefact) {
  const field = byId("review");
  const show = newestOnly(() => answer(artefact, field.value));
  field.addEventListener("input", show);
  for (const example of EXAMPLES) {
    const button = element("button", example);
    button.type = "button";
    button.addEventListener("click", () => {
      field.value = example;
      show();
    });
    byId("reviews").append(button);
  }
  await show();
}

async function answer(artefact, text) {
  const begun = performance.now();
  const [{ label, probabilities }] = await artefact.predict([text]);
  const took = performance.now() - begun;
  byId("verdict").textContent = `${label}, ${(100 * probabilities[label]).toFixed(1)}%`;
  byId("verdict").style.color = `var(--${label === "positive" ? "good" : "bad"})`;
  byId("needle").style.left = `${100 * probabilities.positive}%`;
  byId("sentiment-facts").textContent = `${kilobytes(size(artefact))} of weights, ${took.toFixed(1)} ms for this review`;
  await colour(artefact, text.match(/\S+/g)?.slice(0, MOST) ?? []);
}

async function colour(artefact, words) {
  const answers = await artefact.predict(words.map((_, place) => words.slice(0, place + 1).join(" ")));
  const shown = words.flatMap((word, place) => {
    const { positive } = answers[place].probabilities;
    const style = { "--tone": `var(--${positive > 0.5 ? "good" : "bad"})`, "--strength": Math.abs(2 * positive - 1).toFixed(3) };
    return [element("span", word, style), " "];
  });
  byId("words").replaceChildren(...shown);
}
