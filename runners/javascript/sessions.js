// Sessions: an input is answered as it comes, by what came before.

import { greatest, idsOf, logSoftmax, mapped, rounded, row, softmax } from "./arrays.js";
import { ArtefactError } from "./errors.js";
import { fitting, textOf } from "./task.js";
import { BEGIN, END, UNKNOWN } from "./tokenizer.js";

const LIKELIEST = 5; // symbols that a language model tells
const STREAMED = ["tag", "label_frames", "language_model"];

// A stream, of one step's graph. A tagger is fed a token at a time and answers by "token", "tag" and "confidence", where each tag
// stands for itself; a frame is answered by "label" and "confidence"; a language model is fed text of any length and answers by
// its "log_probability" after what it was fed before, and by what comes "next".
export class Session {
  constructor(task, step) {
    Object.assign(this, { _task: task, _step: step, _turn: Promise.resolve() });
  }

  // A session at its beginning. Throws an ArtefactError if the artefact has no streaming step.
  static async begun(task, step) {
    if (!step || !STREAMED.includes(task.kind)) {
      throw new ArtefactError("The artefact has no streaming step: export one with --step.");
    }
    const session = new Session(task, step);
    await session.reset();
    return session;
  }

  // Begin anew.
  reset() {
    return this._inTurn(async () => {
      this._state = this._step.zeros(1);
      if (this._task.kind === "language_model") this._state.next = await this._ask({ ids: idsOf([BEGIN]) });
    });
  }

  // All that is known of what was fed, to go on from in another session: arrays by name.
  get state() {
    return mapped(this._state, ({ shape, data }) => ({ shape: [...shape], data: data.slice() }));
  }

  set state(state) {
    const told = (arrays) => Object.keys(arrays).sort().map((name) => `${name} [${arrays[name].shape}]`).join(", ");
    if (told(state) !== told(this._state)) {
      throw new ArtefactError(
        `The state is ${told(state)}, where ${told(this._state)} is expected: take it from a session of this artefact.`,
      );
    }
    mapped(state, (array, name) => fitting(array, `The state ${name}`));
    this._state = mapped(this._state, ({ shape, data }, name) => ({ shape, data: data.constructor.from(state[name].data) }));
  }

  // Answer what comes next. Throws an ArtefactError if it is none of this artefact's inputs.
  feed(value) {
    return this._inTurn(() => this._answer(value));
  }

  // What is asked while something is being answered waits.
  _inTurn(work) {
    const done = this._turn.then(work);
    this._turn = done.catch(() => {});
    return done;
  }

  async _answer(value) {
    if (this._task.kind === "language_model") return this._symbols(textOf(value, "The text"));
    const isTag = this._task.kind === "tag";
    const arrays = isTag
      ? this._task.arrays([textOf(value, "The token")]) // with an end that isn't fed
      : { frames: this._task.read(framesOf(value), "The frame") };
    const shares = softmax((await this._ask(mapped(arrays, first))).data);
    const best = greatest(shares);
    const answer = { [isTag ? "tag" : "label"]: this._task.names[best], confidence: rounded(shares[best], 4) };
    return isTag ? { token: value, ...answer } : answer;
  }

  // One step: (1, outputs).
  async _ask(given) {
    const more = "mask" in this._step.inputs ? { mask: { shape: [1], data: new Uint8Array([1]) } } : {};
    const answer = await this._step.run({ ...given, ...more, ...this._state });
    for (const name of this._step.states) this._state[name] = answer[name];
    return answer.outputs;
  }

  async _symbols(text) {
    const { fields, tokenizer } = this._task;
    const lines = fields.lines ? text.split("\n") : [text];
    const ids = lines.flatMap((line) => [END, ...tokenizer.ids(line)]).slice(1);
    let nats = 0;
    for (const id of ids) {
      nats += logSoftmax(this._state.next.data)[id];
      this._state.next = await this._ask({ ids: idsOf([id]) });
    }
    const shares = softmax(this._state.next.data);
    const likeliest = Array.from(shares.keys()).sort((one, other) => shares[other] - shares[one]).slice(0, LIKELIEST);
    const names = tokenizer.vocabulary;
    return {
      log_probability: rounded(nats, 6),
      symbols: ids.length,
      unknown: ids.filter((id) => id === UNKNOWN).length,
      next: likeliest.map((id) => ({ symbol: names[id], probability: rounded(shares[id], 6) })),
    };
  }
}

// One frame as frames.
function framesOf(value) {
  return value?.shape && value.data ? { shape: [1, ...value.shape], data: value.data } : [value];
}

// The first row, with its axis.
const first = (array) => ({ shape: [1, ...array.shape.slice(1)], data: row(array, 0) });
