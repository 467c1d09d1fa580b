// SPDX-License-Identifier: Apache-2.0
// Runs conform-rego's wasm build under Node's WASI on copies of the case files, unpacked.
//   node conform_wasm.mjs MODULE.wasm LIST DIR
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WASI } from "node:wasi";
import { gunzipSync } from "node:zlib";

const [module, list, dir] = process.argv.slice(2);
const wasm = await WebAssembly.compile(readFileSync(module));
const folder = mkdtempSync(join(tmpdir(), "conform-"));

function unpack(from, to) {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    if (entry.isDirectory()) {
      unpack(source, join(to, entry.name));
    } else if (entry.name.endsWith(".json.gz")) {
      writeFileSync(join(to, entry.name.slice(0, -3)), gunzipSync(readFileSync(source)));
    } else if (entry.name.endsWith(".json")) {
      writeFileSync(join(to, entry.name), readFileSync(source));
    }
  }
}

if (!existsSync(dir)) {
  console.log(`conform_wasm: ${dir} is not here; skipped`);
  process.exit(77);
}
let code = 1;
try {
  unpack(dir, join(folder, "cases"));
  writeFileSync(join(folder, "list"), readFileSync(list));
  const wasi = new WASI({
    version: "preview1",
    args: ["conform-rego", "--list", "/conform/list", "/conform/cases"],
    preopens: { "/conform": folder, "/usr/share/zoneinfo": "/usr/share/zoneinfo" },
    returnOnExit: true,
  });
  code = wasi.start(await WebAssembly.instantiate(wasm, {wasi_snapshot_preview1: wasi.wasiImport}));
} finally {
  rmSync(folder, { recursive: true });
}
process.exitCode = code;
