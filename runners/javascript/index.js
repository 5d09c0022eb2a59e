// Answers with an artefact of seqkit, in browsers and in Node. See README.md.

export { load, opened, verify } from "./artefact.js";
export { ArtefactError } from "./errors.js";
export { Session } from "./sessions.js";
export { Tokenizer } from "./tokenizer.js";
