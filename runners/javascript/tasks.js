// The tasks, by the names that a manifest has for them.

import { ClassifyImage, ClassifyText, LabelFrames, Tag, TagAndLabel } from "./classifying.js";
import { LanguageModel } from "./language_model.js";
import { Caption, Write, WriteAnswer } from "./writing.js";

const TASKS = {
  classify_text: ClassifyText,
  tag: Tag,
  tag_and_label: TagAndLabel,
  language_model: LanguageModel,
  label_frames: LabelFrames,
  classify_image: ClassifyImage,
  write: Write,
  caption: Caption,
  write_answer: WriteAnswer,
};

// The task of a manifest, whose fields have been checked. Throws an ArtefactError if its parts don't go together.
export function taskOf(fields, graphs, tokenizers, labels) {
  return new TASKS[fields.kind](fields.kind, fields, graphs, tokenizers, labels);
}
