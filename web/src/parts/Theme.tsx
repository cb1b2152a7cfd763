/** Dark, light, or as the system says. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";

const KEY = "liebig.theme";
const NEXT: Record<string, string> = { auto: "dark", dark: "light", light: "auto" };

function kept(): string {
  try {
    return localStorage.getItem(KEY) ?? "auto";
  } catch {
    return "auto";
  }
}

export function ThemeSwitch(): JSX.Element {
  const [theme, set] = useState(kept);
  const turn = (): void => {
    const next = NEXT[theme] ?? "auto";
    set(next);
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem(KEY, next);
    } catch {
      /* the choice then lasts as long as the page */
    }
  };
  return (
    <button type="button" class="theme" onClick={turn}>
      Colours: {theme}
    </button>
  );
}
