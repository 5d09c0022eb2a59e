// Texts that a decoder writes of what an encoder read.

import { idsOf, mapped, rounded, row } from "./arrays.js";
import { ArtefactError } from "./errors.js";
import { batched, batches } from "./graphs.js";
import { rowKey } from "./random.js";
import { checkSampling } from "./sampling.js";
import { search } from "./search.js";
import { Task, imageAndQuestion, imageOf } from "./task.js";
import { BEGIN, END, MARK, PADDING, UNKNOWN } from "./tokenizer.js";

const STATE = "state_"; // begins the names of what a decoder hands on
const ROOM = 10; // symbols that an answer may have beyond the search's ratio
const LEAST = { beam: 1, longest: 1, n_best: 1, no_repeat: 0, shortest: 0, ratio: 0, length_penalty: 0 };

// A text in, a text out.
export class Write extends Task {
  constructor(...parts) {
    super(...parts);
    this.checkWidth("logits", this.target.vocabulary.length);
    const found = this.fields.search;
    checkSampling({ ...found, length: found.longest, seed: found.seed ?? 0 });
    const wrong = Object.keys(LEAST).find((name) => !(found[name] >= LEAST[name]));
    if (wrong || !(found.temperature || found.n_best <= found.beam) || found.beam > 1000) {
      throw new ArtefactError(`manifest.json: the search has ${wrong ?? "beam"} ${found[wrong ?? "beam"]}.`);
    }
  }

  arrays(asked) {
    return { ids: idsOf([...this.tokenizer.ids(asked), END]) };
  }

  // Texts with their scores, the best first.
  async found(asked) {
    const { encoder } = this.graphs;
    const rows = asked.map((one) => this.arrays(one));
    const found = [];
    for (const places of batches(encoder, rows)) {
      const best = await this._searched(places.map((place) => rows[place]));
      places.forEach((place, number) => {
        found[place] = best[number].map((one) => [this._text(asked[place], one), one.score]);
      });
    }
    return found;
  }

  // What a search finds for rows of the encoder's inputs.
  async _searched(rows) {
    const { encoder, decoder } = this.graphs;
    const settings = this.fields.search;
    const names = Object.keys(encoder.inputs);
    const symbols = rows.map(({ ids }) => (ids ? ids.data.filter((id) => id !== PADDING).length : 0));
    const longest = symbols.map((count) => {
      if (names.join() === "ids" && count <= 1) return 0; // nothing but its end is answered by nothing
      if (!names.includes("ids") || !settings.ratio) return settings.longest;
      return Math.min(settings.longest, Math.floor(Math.fround(count * Math.fround(settings.ratio))) + ROOM);
    });
    const encoded = Object.entries(await encoder.run(batched(encoder, rows)));
    const ask = async (ids, state, memory) => {
      const answer = await decoder.run({ before: idsOf(ids), ...state, ...memory });
      return { logits: answer.logits, weights: answer.weights, state: mapped(state, (_, name) => answer[name]) };
    };
    const state = Object.fromEntries(encoded.filter(([name]) => name.startsWith(STATE)));
    const memory = Object.fromEntries(encoded.filter(([name]) => !name.startsWith(STATE)));
    const drawn = settings.temperature > 0;
    return search(ask, state, memory, {
      ...{ settings, begin: BEGIN, end: END, longest },
      words: symbols.map((count) => Math.max(count - 1, 0)),
      excluded: [PADDING, BEGIN, ...(settings.replace_unknown ? [] : [UNKNOWN])],
      keys: rows.map((one) => drawn && rowKey(names.map((name) => one[name]), settings.seed ?? 0)),
    });
  }

  _text(asked, best) {
    if (!this.fields.search.replace_unknown) return this.target.text(best.ids);
    const words = this.tokenizer.tokens(asked);
    return this.target.text(
      best.ids,
      best.looked.map((place) => words[place] ?? `${MARK}<unknown>`), // where nothing was looked at
    );
  }

  answer(asked, found) {
    const answers = found.map(([text, score]) => ({ [this.fields.answer]: text, score: rounded(score, 6) }));
    const several = this.fields.search.n_best > 1 && this.fields.answer === "translation";
    return { ...answers[0], ...(several ? { others: answers.slice(1) } : {}) };
  }
}

// An image in, a text out.
export class Caption extends Write {
  read(value, where) {
    return imageOf(value, this.fields, where);
  }

  arrays(asked) {
    return { image: asked };
  }
}

// An image and a question in, a text out.
export class WriteAnswer extends Write {
  read(value, where) {
    return imageAndQuestion(value, this.fields, where);
  }

  arrays(asked) {
    return { ...super.arrays(asked.question), image: asked.image };
  }

  answer(asked, found) {
    return { question: asked.question, ...super.answer(asked, found) };
  }
}
