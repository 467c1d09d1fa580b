// SPDX-License-Identifier: Apache-2.0
// Runs a model module by its own exports, in batches and row by row, and compares every answer with
// the native kernel's to the bit (NaN equals NaN).
//   node model_wasm.mjs MODULE.wasm ROWS SCORES [KERNEL.wasm]
//   node model_wasm.mjs --list LIST [KERNEL.wasm]      LIST: lines of MODULE.wasm ROWS SCORES
// ROWS and SCORES: little-endian doubles. With KERNEL.wasm, the module's program is run by that
// kernel (the scalar one) as well.
import { readFileSync } from "node:fs";

const args = process.argv.slice(2), many = args[0] === "--list";
const kernelFile = args[many ? 2 : 3];
const kernel = kernelFile ? new WebAssembly.Module(readFileSync(kernelFile)) : null;
const lines = many ? readFileSync(args[1], "utf8").trim().split("\n").map((l) => l.split(" "))
  : [args.slice(0, 3)];
let file;
const doubles = (path) => {
  const bytes = readFileSync(path);
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};
const fail = (why) => {
  console.error(`${file}: ${why}`);
  process.exit(1);
};

const open = () => {
  const module = new WebAssembly.Module(readFileSync(file));
  if (WebAssembly.Module.imports(module).length !== 0) fail("the module imports something");
  return new WebAssembly.Instance(module, {}).exports;
};

// Another kernel in a memory of its own, with the program where it belongs.
const foreign = (own) => {
  const { exports } = new WebAssembly.Instance(kernel, {});
  const size = own.memory.buffer.byteLength, has = exports.memory.buffer.byteLength;
  exports.memory.grow(Math.max(0, (size - has) / 65536));
  new Uint8Array(exports.memory.buffer).set(new Uint8Array(own.memory.buffer, 65536), 65536);
  return exports;
};

const run = (model, rowsFile, scoresFile) => {
  if (model.model_init() !== 0) fail("model_init refuses the program");
  const nIn = model.n_inputs(), nOut = model.n_outputs(), most = model.rows_max();
  const rows = doubles(rowsFile), want = new BigUint64Array(doubles(scoresFile).buffer);
  const n = rows.length / nIn;
  const info = JSON.parse(new TextDecoder().decode(
    new Uint8Array(model.memory.buffer, model.info(), model.info_size())));
  if (info.inputs.length !== nIn || info.outputs.length !== nOut) fail("info does not match");
  if (model.score_batch(most + 1) !== 3) fail("score_batch takes more rows than rows_max");

  const isNan = (bits) => (bits & 0x7fffffffffffffffn) > 0x7ff0000000000000n;
  const check = (first, count, how) => {
    const got = new BigUint64Array(model.memory.buffer, model.output(), count * nOut);
    for (let i = 0; i < count * nOut; i++) {
      const a = got[i], b = want[first * nOut + i];
      if (a !== b && !(isNan(a) && isNan(b))) fail(`${how}: row ${first + Math.floor(i / nOut)} differs`);
    }
  };
  const put = (first, count) => new Float64Array(model.memory.buffer, model.input(), count * nIn)
    .set(rows.subarray(first * nIn, (first + count) * nIn));

  for (let first = 0; first < n; first += most) {
    const count = Math.min(most, n - first);
    put(first, count);
    if (model.score_batch(count) !== 0) fail("score_batch fails");
    check(first, count, "batch");
  }
  for (let row = 0; row < Math.min(n, 20); row++) {
    put(row, 1);
    if (model.score() !== 0) fail("score fails");
    check(row, 1, "single");
  }
};

for (const [name, rows, scores] of lines) {
  file = name;
  const own = open();
  if (kernel) run(foreign(own), rows, scores); // before model_init has unpacked anything in own memory
  run(own, rows, scores);
}
if (many) console.error(`${lines.length} modules give the native bits`);
