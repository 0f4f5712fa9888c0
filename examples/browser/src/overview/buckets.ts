/** Messages over time in bars: by hour, day, week, month or year, whichever gives a picture. */
import { locale, startOfDay } from "../ui/words.ts";

export interface Bucket {
  readonly from: number;
  readonly label: string;
  readonly messages: number;
}

export interface Timeline {
  /** What a bar stands for, as a word: “day”, “20 years”. */
  readonly unit: string;
  readonly buckets: readonly Bucket[];
}

type Unit = "hour" | "day" | "week" | "month";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MOST = 60;
/** Fewer bars than this are no picture: then days without messages stand around them. */
const FEWEST = 14;

const formats = {
  hour: new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
  day: new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" }),
  week: new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" }),
  month: new Intl.DateTimeFormat(locale, { month: "short", year: "numeric" }),
};

/** The beginning of the hour, day, week or month, in the reader's time zone. */
function floor(time: number, unit: Unit): number {
  if (unit === "hour") return new Date(time).setMinutes(0, 0, 0);
  const date = new Date(startOfDay(time));
  if (unit === "week") date.setDate(date.getDate() - ((date.getDay() + 6) % 7));
  if (unit === "month") date.setDate(1);
  return date.getTime();
}

function next(time: number, unit: Unit): number {
  if (unit === "hour") return time + HOUR;
  const date = new Date(time);
  if (unit === "month") date.setMonth(date.getMonth() + 1);
  else date.setDate(date.getDate() + (unit === "week" ? 7 : 1));
  return date.getTime();
}

function unitFor(span: number): Unit | "year" {
  if (span > DAY && span <= 2.5 * DAY) return "hour";
  if (span <= MOST * DAY) return "day";
  if (span <= MOST * 7 * DAY) return "week";
  return span <= 2 * MOST * 30 * DAY ? "month" : "year";
}

/** Bars for minutes with their counts, ascending. */
export function timeline(minutes: readonly (readonly [minute: number, count: number])[]): Timeline {
  const firstMinute = minutes[0]?.[0];
  const lastMinute = minutes.at(-1)?.[0];
  if (firstMinute === undefined || lastMinute === undefined) return { unit: "day", buckets: [] };
  const [begin, end] = [firstMinute * 60_000, lastMinute * 60_000];
  const unit = unitFor(end - begin);
  if (unit === "year") return years(minutes, new Date(begin).getFullYear(), new Date(end).getFullYear());
  const counts = new Map<number, number>();
  for (const [minute, count] of minutes) {
    const from = floor(minute * 60_000, unit);
    counts.set(from, (counts.get(from) ?? 0) + count);
  }
  let from = floor(begin, unit);
  if (unit === "day") from = Math.min(from, startOfDay(end - (FEWEST - 1) * DAY));
  const buckets: Bucket[] = [];
  for (let time = from; time <= end; time = next(time, unit)) buckets.push({ from: time, label: formats[unit].format(time), messages: counts.get(time) ?? 0 });
  return { unit, buckets };
}

/** Bars for years, or for so many years each that there are not too many bars: times in an archive may lie anywhere from the year 1 to 9999. */
function years(minutes: readonly (readonly [minute: number, count: number])[], first: number, last: number): Timeline {
  const each = Math.ceil((last - first + 1) / (2 * MOST));
  const buckets = Array.from({ length: Math.ceil((last - first + 1) / each) }, (_, i) => {
    const from = first + i * each;
    return { from: new Date(0).setFullYear(from, 0, 1), label: each === 1 ? String(from) : `${from}–${from + each - 1}`, messages: 0 };
  });
  for (const [minute, count] of minutes) {
    const bucket = buckets[Math.floor((new Date(minute * 60_000).getFullYear() - first) / each)];
    if (bucket !== undefined) bucket.messages += count;
  }
  return { unit: each === 1 ? "year" : `${each} years`, buckets };
}
