// What is wrong with an artefact, or with what it was asked: one sentence that says what was found, where, and what to do.
export class ArtefactError extends Error {
  constructor(message) {
    super(message);
    this.name = "ArtefactError";
  }
}
