/** Times, numbers and sizes in words. */

/** The words of the page are English; how dates are written is the reader's English. */
export const locale = navigator.languages.find((language) => language.startsWith("en")) ?? "en-GB";

const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
const numbers = new Intl.NumberFormat(locale);
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const full = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** “just now”, “5 minutes ago”, “yesterday”, “3 weeks ago”. */
export function ago(time: number, now = Date.now()): string {
  const age = now - time;
  if (age < -MINUTE) return relative.format(Math.round(-age / DAY), "day");
  if (age < MINUTE) return "just now";
  if (age < HOUR) return relative.format(-Math.floor(age / MINUTE), "minute");
  const days = Math.round((startOfDay(now) - startOfDay(time)) / DAY);
  if (days === 0) return relative.format(-Math.floor(age / HOUR), "hour");
  if (days < 7) return relative.format(-days, "day");
  if (days < 30) return relative.format(-Math.floor(days / 7), "week");
  if (days < 365) return relative.format(-Math.floor(days / 30), "month");
  return relative.format(-Math.floor(days / 365), "year");
}

/** The beginning of the day in the reader's time zone. */
export function startOfDay(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0);
}

export const timeOfDay = (time: number): string => clock.format(time);
export const fullTime = (time: number): string => full.format(time);
export const dayName = (time: number): string => day.format(time);
export const count = (number: number): string => numbers.format(number);

/** “1 message”, “2,658 messages”. */
export function plural(number: number, one: string, many = `${one}s`): string {
  return `${numbers.format(number)} ${number === 1 ? one : many}`;
}

/** “3.1 MB”. */
export function size(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  return `${bytes >= 100 || unit === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit] ?? ""}`;
}

/** `ready_to_sync` as “ready to sync”. */
export const spaced = (name: string): string => name.replaceAll("_", " ");

/** A scope as a heading; the empty one has a name too. */
export const scopeName = (scope: string): string => (scope === "" ? "No scope" : scope);

/** A text for places that hold nothing else to keep its direction in: without the marks that turn the direction of what follows. */
export const tame = (text: string): string => text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "");

/** The text, if there is something to see in it: not only spaces, line breaks and marks without a width. */
export const visible = (text: string | null): string | null => (text !== null && /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(text) ? text : null);

/** What a session is called. */
export function nameOf(card: { title: string | null; preview: string | null; key: string | null; messageCount: number }): string {
  return visible(card.title) ?? visible(card.preview) ?? visible(card.key) ?? (card.messageCount === 0 ? "Empty conversation" : "Conversation without a name");
}

/** A name for a sentence. */
export function shortened(name: string): string {
  const letters = [...tame(name)];
  return letters.length <= 60 ? letters.join("") : `${letters.slice(0, 60).join("")}…`;
}
