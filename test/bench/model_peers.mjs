// SPDX-License-Identifier: Apache-2.0
// Times npm's onnxruntime-node on an ONNX file; model_peers.py's sibling.
//
//   node model_peers.mjs FOLDER MODEL.onnx EMPTY.onnx    FOLDER holds node_modules/onnxruntime-node
//
// One thread. Its runs are asynchronous calls into another thread of the process, so processor time of
// the whole process counts; what a call of the empty model on the same input takes is taken off.
import { createRequire } from "node:module";
import { resolve } from "node:path";

const COLUMNS = 30, ROWS = 2048, BATCH = 256, REPEATS = 5;
const [folder, model, empty] = process.argv.slice(2);
const ort = createRequire(resolve(folder, "x.js"))("onnxruntime-node");
const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 };
let seed = 88172645463325252n;
const data = Float32Array.from({ length: ROWS * COLUMNS }, () => {
  seed ^= (seed << 13n) & 0xffffffffffffffffn;
  seed ^= seed >> 7n;
  seed ^= (seed << 17n) & 0xffffffffffffffffn;
  return Number(seed >> 32n) / 2147483648 - 1;
});

async function least(session, size) {
  let best = Infinity;
  const parts = [];
  for (let at = 0; at < ROWS; at += size) {
    parts.push({ x: new ort.Tensor("float32", data.subarray(at * COLUMNS, (at + size) * COLUMNS), [size, COLUMNS]) });
  }
  for (let i = 0; i < REPEATS; i++) {
    const start = process.cpuUsage();
    for (const part of parts) await session.run(part);
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (1000 * (user + system)) / ROWS);
  }
  return best;
}

const real = await ort.InferenceSession.create(model, options);
const nothing = await ort.InferenceSession.create(empty, options);
for (const [kind, size] of [["one", 1], ["batch", BATCH]]) {
  const whole = await least(real, size), call = await least(nothing, size);
  console.log(`onnxruntime-node ${kind} ${(whole - call).toFixed(1)} (call alone ${call.toFixed(1)})`);
}
