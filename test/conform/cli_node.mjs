// SPDX-License-Identifier: Apache-2.0
// Runs a plan of cli_cases.py: each line of it a folder and the words of a command, which an instance
// of MODULE.wasm of its own runs there, into the files stdout, stderr and code.
//   node cli_node.mjs MODULE.wasm PLAN
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { WASI } from "node:wasi";

const [module, plan] = process.argv.slice(2);
const wasm = await WebAssembly.compile(readFileSync(module));
const unescape = (word) => word.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c === "t" ? "\t" : c));
for (const line of readFileSync(plan, "utf8").split("\n").filter(Boolean)) {
  const [folder, ...words] = line.split("\t").map(unescape);
  const stdout = openSync(join(folder, "stdout"), "w"), stderr = openSync(join(folder, "stderr"), "w");
  const wasi = new WASI({
    version: "preview1", args: ["weir", ...words], stdout, stderr, returnOnExit: true,
    preopens: { ".": folder, "/usr/share/zoneinfo": "/usr/share/zoneinfo" },
  });
  let code;
  try {
    const instance = await WebAssembly.instantiate(wasm, { wasi_snapshot_preview1: wasi.wasiImport });
    code = wasi.start(instance);
  } catch (error) {
    code = error.message; // a trap
  }
  closeSync(stdout);
  closeSync(stderr);
  writeFileSync(join(folder, "code"), String(code));
}
