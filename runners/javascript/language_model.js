// A language model: how likely a text is, and text that is drawn.

import { idsOf, logSoftmax, rounded, row } from "./arrays.js";
import { ArtefactError } from "./errors.js";
import { checkSampling, drawn } from "./sampling.js";
import { Task, textOf } from "./task.js";
import { BEGIN, BLANK, END, MARK, PADDING, Tokenizer, UNKNOWN } from "./tokenizer.js";

const WORDS = ["word", "whitespace"];
const SUBWORDS = ["subword", "unigram"];
const BLANK_LAST = new RegExp(`[${BLANK}]$`);

// A text in, its log-probability out; and text that is drawn.
export class LanguageModel extends Task {
  constructor(...parts) {
    super(...parts);
    this.checkWidth("outputs", this.tokenizer.vocabulary.length);
  }

  // The symbols that the model has to predict.
  predicted(text) {
    const lines = this.fields.lines ? Tokenizer.lines(text) : [text];
    const end = this.fields.ends ? [END] : [];
    return lines.flatMap((line) => [...this.tokenizer.ids(line), ...end]);
  }

  arrays(asked) {
    return { ids: idsOf([BEGIN, ...this.predicted(asked)].slice(0, -1)) };
  }

  // The log-probability of each symbol.
  async found(asked) {
    const targets = asked.map((one) => this.predicted(one));
    const some = asked.map((_, place) => place).filter((place) => targets[place].length);
    const outputs = await super.found(some.map((place) => asked[place]));
    const found = targets.map(() => []);
    some.forEach((place, number) => {
      found[place] = targets[place].map((id, step) => logSoftmax(row(outputs[number], step))[id]);
    });
    return found;
  }

  answer(asked, found) {
    const unknown = this.predicted(asked).filter((id) => id === UNKNOWN).length;
    const log_probability = rounded(found.reduce((all, nats) => all + nats, 0), 6);
    return { log_probability, symbols: found.length, unknown };
  }

  // See `Artefact.generate`.
  async *generate(prompt = "", { length = 200, temperature = 0.8, top_k = 0, top_p = 1, stop = null, seed = 0 } = {}) {
    const settings = { length, temperature, top_k, top_p, seed };
    checkSampling(settings);
    const { step } = this.graphs;
    if (!step) throw new ArtefactError("It has no streaming step, with which text is drawn: export it again.");
    let states = step.zeros(1);
    const ask = async (id) => {
      const answer = await step.run({ ids: idsOf([id]), ...states });
      states = Object.fromEntries(step.states.map((name) => [name, answer[name]]));
      return answer.outputs.data;
    };
    const before = this._prompt(textOf(prompt, "The prompt"));
    const last = before.pop();
    for (const id of before) await ask(id);
    const excluded = [PADDING, UNKNOWN, BEGIN, ...(this.fields.ends ? [] : [END])];
    const symbols = drawn(ask, last, { ...settings, excluded });
    yield* until(this._written(symbols, !prompt || BLANK_LAST.test(prompt)), stop);
  }

  // The symbols before the first that is drawn; the last line goes on.
  _prompt(prompt) {
    const lines = this.fields.lines && this.fields.contiguous ? prompt.split("\n") : [prompt];
    const ids = lines.map((line) => this.tokenizer.ids(line));
    const unknown = new Set(lines.flatMap((line, at) => this.tokenizer.tokens(line).filter((_, place) => ids[at][place] === UNKNOWN)));
    if (unknown.size) {
      const listed = [...unknown].sort().map((token) => JSON.stringify(token)).join(", ");
      if (!this.fields.met_unknown) {
        throw new ArtefactError(`The prompt holds ${listed}, which the training text does not: leave it out.`);
      }
      console.warn(`The prompt holds ${listed}, which the vocabulary does not: read as unknown.`);
    }
    return [BEGIN, ...ids.flatMap((own) => [...own, END])].slice(0, -1);
  }

  // Ids as text, lines ended by the end token; texts by themselves end with it. `fresh`: whether what stands before is empty or
  // a blank, so that no space is needed.
  async *_written(symbols, fresh) {
    for await (const symbol of symbols) {
      if (symbol === END) {
        if (!this.fields.contiguous) return;
        yield "\n";
        fresh = true;
        continue;
      }
      let token = this.tokenizer.vocabulary[symbol];
      if (WORDS.includes(this.tokenizer.unit)) token = ` ${token}`;
      else if (SUBWORDS.includes(this.tokenizer.unit)) token = token.replaceAll(MARK, " ");
      yield fresh && this.fields.lines && token.startsWith(" ") ? token.slice(1) : token;
      fresh = false;
    }
  }
}

// The pieces up to `stop`; what may be its beginning is held back until it is known.
async function* until(pieces, stop) {
  if (!stop) {
    yield* pieces;
    return;
  }
  let held = "";
  for await (const piece of pieces) {
    held += piece;
    if (held.includes(stop)) {
      yield held.slice(0, held.indexOf(stop));
      return;
    }
    let begun = stop.length - 1;
    while (begun > 0 && !held.endsWith(stop.slice(0, begun))) begun--;
    const safe = held.length - begun;
    if (safe) yield held.slice(0, safe);
    held = held.slice(safe);
  }
  yield held;
}
