import { defineConfig, type Plugin } from "vite";

/**
 * What the page may do: run its own scripts and its WebAssembly, use its own styles, and fetch from where it came. Nothing else, and no text becomes
 * a script (`require-trusted-types-for`).
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types history-page",
].join("; ");

/** In the page as well, so that it holds on any server. */
const policy: Plugin = {
  name: "content-security-policy",
  apply: "build",
  transformIndexHtml: () => [{ tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: POLICY }, injectTo: "head-prepend" }],
};

export default defineConfig({
  base: "./",
  plugins: [policy],
  worker: { format: "es" },
  build: {
    target: "es2022",
    // The helper and inlined files would need more than the policy allows; the browsers that are meant need neither.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  preview: {
    host: "127.0.0.1",
    cors: false,
    headers: {
      "content-security-policy": `${POLICY}; frame-ancestors 'none'`,
      "cross-origin-opener-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    },
  },
});
