/** Light, dark, or what the system says. */
import { button, type IconName, icon } from "./dom.ts";
import { announce } from "./live.ts";

const KEY = "convostore-theme";
const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const WORDS: Readonly<Record<Theme, string>> = { auto: "Theme: like the system", light: "Theme: light", dark: "Theme: dark" };
const DRAWINGS: Readonly<Record<Theme, IconName>> = { auto: "auto", light: "sun", dark: "moon" };

function chosen(): Theme {
  const kept = localStorage.getItem(KEY);
  return THEMES.find((theme) => theme === kept) ?? "auto";
}

export function applyTheme(): void {
  document.documentElement.dataset["theme"] = chosen();
}

/** A button that goes from one theme to the next. */
export function themeButton(): HTMLButtonElement {
  const made = button(DRAWINGS[chosen()], WORDS[chosen()], () => {
    const theme = THEMES[(THEMES.indexOf(chosen()) + 1) % THEMES.length] ?? "auto";
    localStorage.setItem(KEY, theme);
    applyTheme();
    made.replaceChildren(icon(DRAWINGS[theme]));
    made.title = WORDS[theme];
    made.setAttribute("aria-label", WORDS[theme]);
    announce(WORDS[theme]);
  }, { isQuiet: true });
  return made;
}
