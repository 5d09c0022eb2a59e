// Labels: of a text, of each of its words, of both, of each frame, of an image with a question.

import { greatest, idsOf, rounded, row, softmax, stacked } from "./arrays.js";
import { bestTags, chainOf, spans } from "./chain.js";
import { ArtefactError } from "./errors.js";
import { Task, arrayOf, imageAndQuestion, kindOf } from "./task.js";
import { BLANK, END } from "./tokenizer.js";

const NOT_BLANK = new RegExp(`[^${BLANK}]`);

// A text in, one label out.
export class ClassifyText extends Task {
  arrays(asked) {
    return { ids: idsOf([...this.tokenizer.ids(asked).slice(0, this.fields.max_length - 1), END]) };
  }

  answer(asked, found) {
    const shares = softmax(found.data);
    const probabilities = Object.fromEntries(this.names.map((name, place) => [name, rounded(shares[place], 6)]));
    return { label: this.names[greatest(shares)], probabilities };
  }
}

// A sentence in, a tag for each word out.
export class Tag extends Task {
  constructor(...parts) {
    super(...parts);
    const tags = this.names.length;
    const { constraints = null, transitions, end } = this.labels;
    const fits = (values, rows, width) => !values || (values.length === rows && values.every((own) => own.length === width));
    if (!fits(constraints, tags + 1, tags + 1) || !fits(transitions, tags + 1, tags) || !fits(end && [end], 1, tags)) {
      throw new ArtefactError(`labels.json: its ${tags} labels and the scores between them don't go together.`);
    }
    if (this.fields.decoding === "crf" && !(transitions && end)) {
      throw new ArtefactError("labels.json has no transitions, without which a CRF can't be decoded: export it again.");
    }
    this._chain = chainOf(this.labels);
  }

  read(value, where) {
    const isToken = (token) => typeof token === "string" && NOT_BLANK.test(token);
    if (typeof value === "string" || (Array.isArray(value) && value.every(isToken))) return value;
    throw new ArtefactError(`${where} is ${kindOf(value)}, where a text or a list of tokens is expected.`);
  }

  arrays(asked) {
    const [, ids, characters] = this.tokenizer.sentence(asked);
    const ended = { ids: idsOf([...ids, END]) };
    if (!characters) return ended;
    const nothing = Array(this.tokenizer.width).fill(0); // of the end token
    return { ...ended, characters: stacked([...characters, nothing].map(idsOf)) };
  }

  answer(asked, { shape: [words, tags], data }) {
    const scores = { shape: [words - 1, tags], data: data.subarray(0, (words - 1) * tags) }; // the end has no tag
    const found = bestTags(scores, this._chain).map((tag) => this.names[tag]);
    const tokens = typeof asked === "string" ? this.tokenizer.sentence(asked)[0] : asked;
    const { scheme } = this.labels;
    if (!scheme) return { tokens, tags: found };
    const marked = spans(found, scheme).map(([label, begin, end]) => ({
      ...{ label, begin, end },
      text: tokens.slice(begin, end).join(" "),
    }));
    return { tokens, tags: found, spans: marked };
  }
}

// A sentence in, a tag for each word and a label for the whole out: at the end, where a tagger has none, a graph has the scores of
// the labels, which stand behind the tags among the names.
export class TagAndLabel extends Tag {
  constructor(...parts) {
    super(...parts);
    const { tags } = this.fields;
    if (tags > 0 && tags < this.names.length) return;
    throw new ArtefactError(`manifest.json: ${tags} of ${this.names.length} names are said to be tags: export it again.`);
  }

  answer(asked, found) {
    const { tags } = this.fields;
    const labels = this.names.slice(tags);
    const shares = softmax(row(found, found.shape[0] - 1).slice(tags));
    const probabilities = Object.fromEntries(labels.map((name, place) => [name, rounded(shares[place], 6)]));
    return { label: labels[greatest(shares)], probabilities, ...super.answer(asked, found) };
  }
}

// Frames in, a label for each out.
export class LabelFrames extends Task {
  read(value, where) {
    const frames = arrayOf(value, where);
    const expected = this.fields.shape;
    if (!frames.shape.length || (frames.shape[0] && frames.shape.slice(1).join() !== expected.join())) {
      throw new ArtefactError(`${where} is of shape [${frames.shape}], the model reads frames of [${expected}].`);
    }
    if (frames.data.every(Number.isFinite)) return frames;
    throw new ArtefactError(`${where} has values that are no numbers: repair it, or cut the frames out.`);
  }

  arrays(asked) {
    const steps = asked.shape[0];
    return { frames: asked, mask: { shape: [steps], data: new Uint8Array(steps).fill(1) } };
  }

  async found(asked) {
    const some = asked.filter(({ shape }) => shape[0]);
    const outputs = await super.found(some);
    return asked.map((one) => (one.shape[0] ? outputs[some.indexOf(one)] : { shape: [0, this.names.length], data: [] }));
  }

  answer(asked, found) {
    const shares = Array.from({ length: found.shape[0] }, (_, place) => softmax(row(found, place)));
    const labels = shares.map((own) => this.names[greatest(own)]);
    const starts = labels.map((_, place) => place).filter((place) => labels[place] !== labels[place - 1]);
    return {
      segments: starts.map((start, place) => ({ label: labels[start], start, end: starts[place + 1] ?? labels.length })),
      labels,
      confidence: shares.map((own) => rounded(Math.max(...own), 4)),
    };
  }
}

// An image and a question in, one of the known answers out.
export class ClassifyImage extends Task {
  read(value, where) {
    return imageAndQuestion(value, this.fields, where);
  }

  arrays(asked) {
    return { ids: idsOf([...this.tokenizer.ids(asked.question), END]), image: asked.image };
  }

  answer(asked, found) {
    const shares = softmax(found.data);
    const best = greatest(shares);
    return { question: asked.question, answer: this.names[best], confidence: rounded(shares[best], 4) };
  }
}
