// Chance that can be had again.

/** The seed to begin with: CONVOSTORE_SEED, or any. Whoever draws it says which it was. */
export function seed() {
  return Number(process.env.CONVOSTORE_SEED ?? Math.floor(Math.random() * 2 ** 32));
}

/** A function that draws a whole number below its argument. */
export function random(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
