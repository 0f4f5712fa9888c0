// What is saved.
const TEXT = "The quick brown fox jumps over the lazy dog. ".repeat(7).slice(0, 300);

/** The i-th message of a conversation: 300 characters and its number. */
export const message = (i) => ({ role: i % 2 ? "assistant" : "user", content: `${i} ${TEXT}`.slice(0, 300) });
export const messages = (count) => Array.from({ length: count }, (_, i) => message(i));
