// Brings what the page needs beside its own files into vendor/: ONNX Runtime from npm, its WebAssembly packed, and the runner.
//
//     node vendor.mjs

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const RUNTIME = "onnxruntime-web@1.30.0";
const here = import.meta.dirname;
const vendor = join(here, "vendor");
const place = mkdtempSync(join(tmpdir(), "vendor-"));
try {
  const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", RUNTIME, "--json", "--silent"], { cwd: place, encoding: "utf8" }));
  execFileSync("tar", ["-xzf", filename], { cwd: place });
  const dist = join(place, "package", "dist");
  rmSync(vendor, { recursive: true, force: true });
  mkdirSync(vendor);
  cpSync(join(dist, "ort.wasm.bundle.min.mjs"), join(vendor, "ort.mjs"));
  cpSync(join(here, "../../runners/javascript"), join(vendor, "seqkit-runner"), { recursive: true });
  writeFileSync(join(vendor, "ort.wasm.gz"), gzipSync(readFileSync(join(dist, "ort-wasm-simd-threaded.wasm")), { level: 9 }));
} finally {
  rmSync(place, { recursive: true });
}
