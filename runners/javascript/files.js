// The files of an artefact, each checked against what the manifest says of it.

import { ArtefactError } from "./errors.js";

const [MOST, MOST_JSON] = [2 ** 31, 2 ** 28]; // bytes of a file
const AGAIN = "take the artefact from its source again.";

// The files that a manifest names; no other is read. `read`: an async function of a name and of the bytes that are wanted at most,
// which gives a Uint8Array, of more only as a sign that there are more. `where`: for complaints.
export class Files {
  constructor(read, where) {
    Object.assign(this, { _read: read, where, named: null }); // `named`: once the manifest is read
  }

  // A file, of the size and digest that the manifest says.
  async bytes(name, most = MOST) {
    const where = `${this.where}: ${name}`;
    checkName(name, where);
    const said = this.named && Object.hasOwn(this.named, name) ? this.named[name] : undefined;
    if (this.named && !said) throw new ArtefactError(`${where} is not among the files of manifest.json: ${AGAIN}`);
    if (said?.bytes > most) throw new ArtefactError(`${where} has ${said.bytes} bytes, ${most} are read at most: ${AGAIN}`);
    const content = await this._content(name, said?.bytes ?? most, where);
    if (!said) return content;
    if (content.length !== said.bytes) {
      throw new ArtefactError(`${where} has ${content.length} bytes or more, manifest.json says ${said.bytes}: ${AGAIN}`);
    }
    if ((await digest(content)) !== said.sha256) {
      throw new ArtefactError(`${where} has another digest than manifest.json says: ${AGAIN}`);
    }
    return content;
  }

  // What a JSON file holds.
  async json(name) {
    const content = await this.bytes(name, MOST_JSON);
    try {
      return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content));
    } catch (error) {
      throw new ArtefactError(`${this.where}: ${name} is no JSON (${error.message}): ${AGAIN}`);
    }
  }

  async _content(name, most, where) {
    try {
      return await this._read(name, most);
    } catch (error) {
      if (error instanceof ArtefactError) throw error;
      throw new ArtefactError(`${where} can't be read (${error.message}): ${AGAIN}`);
    }
  }
}

export function checkName(name, where) {
  const outside = name.split("/").some((part) => ["", ".", ".."].includes(part));
  if (outside || /[\\:\0?#%]/.test(name)) throw new ArtefactError(`${where} is no path inside of the artefact: ${AGAIN}`);
}

async function digest(content) {
  if (!globalThis.crypto?.subtle) {
    throw new ArtefactError("Digests can't be computed here: serve the page by https, or from localhost.");
  }
  const found = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return Array.from(found, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Reads from an address, of a folder, by a function like fetch.
export function fetched(address, get) {
  const folder = new URL(address, globalThis.location?.href);
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  return async (name, most) => {
    const response = await get(new URL(name, folder).href);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    if (!response.body?.getReader) return new Uint8Array(await response.arrayBuffer());
    const parts = [];
    let length = 0;
    for (const reader = response.body.getReader(); length <= most; ) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      length += value.length;
      if (length > most) await reader.cancel();
    }
    const content = new Uint8Array(length);
    parts.reduce((place, part) => (content.set(part, place), place + part.length), 0);
    return content;
  };
}
