// The sentence: each word goes through the model once. Where the text is changed, the session goes back to the state before that.

import { byId, element, kilobytes, newestOnly, size } from "./parts.js";

const NAMES = {
  ...{ ADJ: "adjective", ADP: "preposition", ADV: "adverb", AUX: "auxiliary", CCONJ: "conjunction", DET: "determiner" },
  ...{ NOUN: "noun", NUM: "number", PART: "particle", PRON: "pronoun", PROPN: "name", PUNCT: "punctuation" },
  ...{ SCONJ: "subordinating conjunction", VERB: "verb" },
};

export async function startTagger(artefact) {
  const session = await artefact.stream();
  const answered = []; // each: the token, its answer, and the state behind it
  const beginning = session.state;
  const hues = new Map(artefact.task.names.map((name, place, all) => [name, (205 + (360 * place) / all.length) % 360]));
  const show = newestOnly(async () => {
    const tokens = artefact.task.tokenizer.split(byId("sentence").value);
    let same = 0;
    while (same < tokens.length && same < answered.length && answered[same].token === tokens[same]) same++;
    answered.length = same;
    session.state = same ? answered[same - 1].state : beginning;
    const begun = performance.now();
    for (const token of tokens.slice(same)) {
      const answer = await session.feed(token);
      answered.push({ ...answer, state: session.state });
    }
    if (same < tokens.length) tell(artefact, (performance.now() - begun) / (tokens.length - same));
    byId("tokens").replaceChildren(...answered.map((one) => word(one, hues.get(one.tag))));
  });
  byId("sentence").addEventListener("input", show);
  await show();
}

function word({ token, tag, confidence }, hue) {
  const shown = element("span", token, { "--hue": hue });
  const label = element("b", tag, { opacity: 0.35 + 0.65 * confidence });
  shown.title = `${NAMES[tag] ?? tag}, ${(100 * confidence).toFixed(0)}%`;
  shown.append(label);
  return shown;
}

function tell(artefact, milliseconds) {
  byId("tagger-facts").textContent = `${kilobytes(size(artefact))} of weights, ${milliseconds.toFixed(1)} ms a word`;
}
