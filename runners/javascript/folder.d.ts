import type { Read } from "./index.js";

/** Reads from a folder on the disk, and follows no link in it. */
export function folder(path: string): Read;
