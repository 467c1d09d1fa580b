// SPDX-License-Identifier: Apache-2.0
// Explains rows by a module's own exports and compares every number with the native ones to the bit.
//   node explain_wasm.mjs MODULE.wasm OUTPUT ROWS EXPLANATIONS   (the latter two: little-endian doubles)
import { readFileSync } from "node:fs";

const [file, output, rowsFile, wantFile] = process.argv.slice(2);
const words = (path) => {
  const bytes = readFileSync(path);
  return new BigUint64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};
const fail = (why) => {
  console.error(`${file}: ${why}`);
  process.exit(1);
};

const { exports: model } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), {});
if (model.model_init() !== 0) fail("model_init refuses the program");
const nIn = model.n_inputs(), rows = words(rowsFile), want = words(wantFile);
const n = rows.length / nIn;
if (n === 0 || want.length !== n * (nIn + 2)) fail("rows and explanations do not match");
if (model.explain(model.n_outputs()) !== 4) fail("explain takes an output that is not there");
for (let row = 0; row < n; row++) {
  new BigUint64Array(model.memory.buffer, model.input(), nIn)
    .set(rows.subarray(row * nIn, (row + 1) * nIn));
  if (model.explain(Number(output)) !== 0) fail("explain fails");
  const got = new BigUint64Array(model.memory.buffer, model.explanation(), nIn + 2);
  for (let i = 0; i < nIn + 2; i++) {
    if (got[i] !== want[row * (nIn + 2) + i]) fail(`row ${row}, number ${i} differs`);
  }
}
