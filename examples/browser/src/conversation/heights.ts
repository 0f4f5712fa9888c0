/** Heights of many items, most of them estimated: where an item lies and which item lies somewhere, in log n (a Fenwick tree). */
export class Heights {
  readonly length: number;
  readonly #heights: Float64Array;
  readonly #sums: Float64Array;
  readonly #top: number;

  constructor(heights: ArrayLike<number>) {
    this.length = heights.length;
    this.#heights = Float64Array.from(heights);
    this.#sums = new Float64Array(this.length + 1);
    this.#top = 2 ** Math.floor(Math.log2(Math.max(1, this.length)));
    for (let i = 1; i <= this.length; i++) {
      this.#sums[i] = (this.#sums[i] ?? 0) + (this.#heights[i - 1] ?? 0);
      const parent = i + (i & -i);
      if (parent <= this.length) this.#sums[parent] = (this.#sums[parent] ?? 0) + (this.#sums[i] ?? 0);
    }
  }

  get(index: number): number {
    return this.#heights[index] ?? 0;
  }

  set(index: number, height: number): void {
    const change = height - this.get(index);
    if (change === 0 || index < 0 || index >= this.length) return;
    this.#heights[index] = height;
    for (let i = index + 1; i <= this.length; i += i & -i) this.#sums[i] = (this.#sums[i] ?? 0) + change;
  }

  /** Where an item begins; for the length, where the last one ends. */
  offset(index: number): number {
    let sum = 0;
    for (let i = Math.min(index, this.length); i > 0; i -= i & -i) sum += this.#sums[i] ?? 0;
    return sum;
  }

  get total(): number {
    return this.offset(this.length);
  }

  /** The item that lies at a height: the first, the last at the ends. */
  at(y: number): number {
    let [index, left] = [0, y];
    for (let step = this.#top; step > 0; step >>= 1) {
      const next = index + step;
      if (next <= this.length && (this.#sums[next] ?? 0) <= left) {
        index = next;
        left -= this.#sums[next] ?? 0;
      }
    }
    return Math.max(0, Math.min(index, this.length - 1));
  }
}
