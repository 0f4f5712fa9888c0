/** The module of WebAssembly as it is published, changed in one thing: what no caller of the package can bring about at will. */

/** The same with a limit on its memory, in pages of 64 KiB. */
export function limited(wasm, pages) {
  return withSection(wasm, MEMORY, (content) => Buffer.from([1, 1, ...unsigned(number(content, 2)[0]), ...unsigned(pages)]));
}

/** The same with an exported function that does nothing but trap, which is how a panic of Rust ends. */
export function trapping(wasm, name) {
  const imported = items(section(wasm, IMPORTS), skipImport).filter(({ kind }) => kind === FUNCTION).length;
  const found = items(section(wasm, EXPORTS), skipExport).find((item) => item.kind === FUNCTION && item.name === name);
  if (found === undefined) throw new Error(`nothing is exported as ${name}`);
  return withSection(wasm, CODE, (content) => {
    const bodies = items(content, skipBody);
    const { start, end } = bodies[found.index - imported];
    // Three bytes: no locals, `unreachable`, `end`.
    return Buffer.concat([content.subarray(0, start), Buffer.from([3, 0, 0x00, 0x0b]), content.subarray(end)]);
  });
}

// Numbers of the binary format: https://webassembly.github.io/spec/core/binary/modules.html
const [IMPORTS, MEMORY, EXPORTS, CODE] = [2, 5, 7, 10];
const [FUNCTION, TABLE, GLOBAL, TAG] = [0, 1, 3, 4];

function number(bytes, at) {
  let [value, shift, byte] = [0, 0, 0];
  do {
    byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
    shift += 7;
  } while (byte & 128);
  return [value, at];
}

function unsigned(value) {
  const out = [];
  do {
    out.push((value & 127) | (value > 127 ? 128 : 0));
    value >>>= 7;
  } while (value > 0);
  return out;
}

function text(bytes, at) {
  const [length, start] = number(bytes, at);
  return [bytes.toString("utf8", start, start + length), start + length];
}

function place(wasm, wanted) {
  for (let at = 8; at < wasm.length; ) {
    const [length, start] = number(wasm, at + 1);
    if (wasm[at] === wanted) return { at, start, end: start + length };
    at = start + length;
  }
  throw new Error(`there is no section ${wanted}`);
}

function section(wasm, wanted) {
  const { start, end } = place(wasm, wanted);
  return wasm.subarray(start, end);
}

function withSection(wasm, wanted, change) {
  const { at, start, end } = place(wasm, wanted);
  const content = change(wasm.subarray(start, end));
  return Buffer.concat([wasm.subarray(0, at), Buffer.from([wanted, ...unsigned(content.length)]), content, wasm.subarray(end)]);
}

/** The items of a section, each with where it stands. */
function items(content, read) {
  let [count, at] = number(content, 0);
  const all = [];
  for (; count > 0; count--) {
    const item = read(content, at);
    all.push({ ...item, start: at });
    at = item.end;
  }
  return all;
}

function skipExport(content, at) {
  const [name, kindAt] = text(content, at);
  const [index, end] = number(content, kindAt + 1);
  return { name, kind: content[kindAt], index, end };
}

function skipBody(content, at) {
  const [length, start] = number(content, at);
  return { end: start + length };
}

function skipImport(content, at) {
  const kindAt = text(content, text(content, at)[1])[1];
  const kind = content[kindAt];
  if (kind === FUNCTION) return { kind, end: number(content, kindAt + 1)[1] };
  if (kind === TAG) return { kind, end: number(content, kindAt + 2)[1] };
  if (kind === GLOBAL) return { kind, end: kindAt + 3 };
  const limits = kind === TABLE ? kindAt + 2 : kindAt + 1;
  const least = number(content, limits + 1)[1];
  return { kind, end: content[limits] & 1 ? number(content, least)[1] : least };
}
