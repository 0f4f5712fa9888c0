/** Light, dark, or what the system says. */
import { button, type IconName, icon } from "./dom.ts";
import { announce } from "./live.ts";

const KEY = "convostore-theme";
const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const WORDS: Readonly<Record<Theme, string>> = { auto: "Theme: like the system", light: "Theme: light", dark: "Theme: dark" };
const DRAWINGS: Readonly<Record<Theme, IconName>> = { auto: "auto", light: "sun", dark: "moon" };

let present: Theme = "auto";

function kept(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    // The browser's settings allow no storage here.
    return null;
  }
}

function keep(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It holds as long as the page.
  }
}

export function applyTheme(): void {
  const chosen = kept();
  show(THEMES.find((theme) => theme === chosen) ?? "auto");
}

function show(theme: Theme): void {
  present = theme;
  document.documentElement.dataset["theme"] = theme;
}

/** A button that goes from one theme to the next. */
export function themeButton(): HTMLButtonElement {
  const made = button(DRAWINGS[present], WORDS[present], () => {
    const theme = THEMES[(THEMES.indexOf(present) + 1) % THEMES.length] ?? "auto";
    keep(theme);
    show(theme);
    made.replaceChildren(icon(DRAWINGS[theme]));
    made.title = WORDS[theme];
    made.setAttribute("aria-label", WORDS[theme]);
    announce(WORDS[theme]);
  }, { isQuiet: true });
  return made;
}
