/** The same module of WebAssembly with a limit on its memory, in pages of 64 KiB. */
export function limited(wasm, pages) {
  const leb = (at) => {
    let [value, shift, byte] = [0, 0, 0];
    do {
      byte = wasm[at++];
      value += (byte & 127) * 2 ** shift;
      shift += 7;
    } while (byte & 128);
    return [value, at];
  };
  const unsigned = (value) => {
    const out = [];
    do {
      out.push((value & 127) | (value > 127 ? 128 : 0));
      value >>>= 7;
    } while (value > 0);
    return out;
  };
  for (let at = 8; at < wasm.length; ) {
    const id = wasm[at];
    const [length, body] = leb(at + 1);
    if (id === 5) {
      const [min] = leb(body + 2);
      const section = [1, 1, ...unsigned(min), ...unsigned(pages)];
      return Buffer.concat([wasm.subarray(0, at), Buffer.from([5, ...unsigned(section.length), ...section]), wasm.subarray(body + length)]);
    }
    at = body + length;
  }
  throw new Error("there is no memory section");
}
