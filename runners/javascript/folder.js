// Artefacts on the disk, for Node: load(folder("exported/onnx"), { ort }).

import { lstat, open } from "node:fs/promises";
import { join } from "node:path";

import { ArtefactError } from "./errors.js";

// Reads from a folder, and follows no link in it.
export function folder(path) {
  const read = async (name, most) => {
    const parts = name.split("/");
    for (let depth = 1; depth <= parts.length; depth++) {
      const place = join(path, ...parts.slice(0, depth));
      if ((await lstat(place)).isSymbolicLink()) throw new ArtefactError(`${place} is a link, and none is followed.`);
    }
    const file = await open(join(path, name));
    try {
      const { size } = await file.stat();
      return size > most ? new Uint8Array(most + 1) : new Uint8Array(await file.readFile());
    } finally {
      await file.close();
    }
  };
  return Object.assign(read, { where: String(path) });
}
