/** An array: its values row by row. */
export interface Values {
  shape: number[];
  data: ArrayLike<number>;
}

/** What a file's name, and the bytes that are wanted at most, lead to. */
export type Read = ((name: string, most: number) => Promise<Uint8Array>) & { where?: string };

export interface Options {
  /** onnxruntime-web or onnxruntime-node, as imported. */
  ort: { InferenceSession: object; Tensor: object };
  /** A function like fetch, which is the default. */
  get?: (address: string) => Promise<Response>;
  /** Of the runtime's sessions: its InferenceSession.SessionOptions. */
  settings?: object;
}

export interface Sampling {
  /** Symbols at most: 200. */
  length?: number;
  /** 0.8; 0 takes the likeliest. */
  temperature?: number;
  /** Draw from so many of the likeliest; 0, the default, for all. */
  top_k?: number;
  /** Draw from the fewest symbols that have this share: 1. */
  top_p?: number;
  /** Text before which to stop. */
  stop?: string | null;
  /** 0. */
  seed?: number;
}

/** A text; of a tagger also its tokens; frames; an image, also as a canvas has it; an image with a question. */
export type Input = string | string[] | Values | ImageData | number[][] | number[][][] | { image: unknown; question: string };
export type Answer = Record<string, unknown>;

export interface Artefact {
  readonly manifest: Record<string, unknown>;
  readonly tolerance: number;
  predict(inputs: Input[]): Promise<Answer[]>;
  generate(prompt?: string, settings?: Sampling): AsyncGenerator<string>;
  stream(): Promise<Session>;
  tryVectors(count?: number): Promise<number>;
  checkFiles(): Promise<number>;
}

export interface Session {
  /** All that is known of what was fed: arrays by name. */
  state: Record<string, Values>;
  /** A token, a frame, or text for a language model. */
  feed(value: string | Values | number[]): Promise<Answer>;
  reset(): Promise<void>;
}

export class ArtefactError extends Error {}

export function load(place: string | URL | Read, options: Options): Promise<Artefact>;
export function opened(place: string | URL | Read, options: Options): Promise<Artefact>;
/** How many files were compared, and of how many test vectors the answers, the graphs' outputs alone, or nothing. */
export interface Verified {
  files: number;
  answers: number;
  outputs: number;
  uncompared: number;
}

export function verify(place: string | URL | Read, options: Options): Promise<Verified>;

export class Tokenizer {
  static fromJson(value: unknown): Tokenizer;
  static lines(text: string): string[];
  readonly vocabulary: string[];
  tokens(text: string): string[];
  ids(text: string): number[];
  text(ids: Iterable<number>, unknown?: string | string[]): string;
  split(text: string | string[]): string[];
}
