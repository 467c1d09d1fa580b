// SPDX-License-Identifier: Apache-2.0
// Runs the script of the status page over metrics that were read from a node, without a browser, and
// prints what it would show as JSON.
//   node status_page.mjs PAGE HEALTH METRICS...
import fs from "node:fs";
import vm from "node:vm";

const [page, health, ...metrics] = process.argv.slice(2).map(path => fs.readFileSync(path, "utf8"));
const script = page.match(/<script>([\s\S]*)<\/script>/)[1];
const elements = {};
class Element {
  constructor(tag) { this.tag = tag; this.children = []; this.attributes = {}; this.clientWidth = 500; }
  set textContent(text) { this.children = [text]; }
  get textContent() { return this.children.map(c => c.textContent ?? String(c)).join(""); }
  setAttribute(key, value) {
    if (/NaN|undefined/.test(String(value))) throw new Error(`${this.tag} ${key}="${value}"`);
    this.attributes[key] = value;
  }
  append(...more) { this.children.push(...more); }
  replaceChildren(...more) { this.children = more; }
}
const document = {
  getElementById: id => {
    if (!page.includes(`id="${id}"`)) throw new Error(`the page has no element ${id}`);
    return elements[id] ??= new Element(id);
  },
  createElement: tag => new Element(tag),
  createElementNS: (_, tag) => new Element(tag),
};
let tick, turn = 0;
const fetch = async path => ({ok: true, status: 200,
  text: async () => metrics[Math.min(turn, metrics.length - 1)], json: async () => JSON.parse(health),
  path});
vm.runInNewContext(script, {document, fetch, setInterval: look => { tick = look; }, performance, console});
await new Promise(resolve => setTimeout(resolve, 50));
for (turn = 1; turn < metrics.length; turn++) await tick();
const shown = Object.fromEntries(Object.entries(elements).map(([id, e]) => [id, e.textContent]));
shown.paths = elements.outcomes.children.filter(c => c.tag === "path").length;
console.log(JSON.stringify(shown));
