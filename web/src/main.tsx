/** The page: header, views, footer. */

import type { JSX } from "preact";
import { render } from "preact";
import { changed, condition, linkTo, problems, spoken, start, state, version } from "./store";
import { VIEWS, type View } from "./state";
import { ThemeSwitch } from "./parts/Theme";
import { Forecast } from "./views/Forecast";
import { Plan } from "./views/Plan";
import { Access } from "./views/Access";
import { Levers } from "./views/Levers";
import { Facts } from "./views/Facts";
import { Router } from "./views/Router";
import "./style.css";
import "./charts.css";
import "./limits.gen.css";

const SHOWN: Record<View, [string, () => JSX.Element]> = {
  forecast: ["Forecast", Forecast],
  plan: ["Plan", Plan],
  access: ["Access", Access],
  levers: ["Levers", Levers],
  facts: ["Facts", Facts],
  router: ["Router", Router],
};

function Page(): JSX.Element {
  const view = state.value.view;
  const [title, Shown] = SHOWN[view];
  document.title = `${title} · liebig`;
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(e) => {
          e.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        Skip to the answer
      </a>
      <header class="top">
        <a class="brand" href={linkTo("forecast")}>
          liebig
        </a>
        <nav aria-label="Questions">
          {VIEWS.map((v) => (
            <a key={v} href={linkTo(v)} aria-current={v === view ? "page" : undefined}>
              {SHOWN[v][0]}
            </a>
          ))}
        </nav>
        <ThemeSwitch />
      </header>
      <main id="main" tabIndex={-1} data-state={condition.value}>
        {changed.value ? (
          <p class="changed" role="status">
            {changed.value}
          </p>
        ) : null}
        {problems.value.map((p) => (
          <p key={p} class="failure" role="alert">
            {p}
          </p>
        ))}
        <Shown key={view} />
      </main>
      <p class="hidden" aria-live="polite" role="status" data-spoken>
        {spoken.value}
      </p>
      <footer>
        {version.value ? `liebig ${version.value.version}, facts ${version.value.facts}. ` : ""}
        Numbers are p50 (p10–p90); a year means its first of January. Evidence: ● measured, ◐ reported, ○ vendor claim,
        ◇ judgement. Map: Natural Earth. <a href="licences.txt">Licences of the page's parts</a>
      </footer>
    </>
  );
}

const root = document.getElementById("app");
if (root) {
  start();
  root.replaceChildren();
  render(<Page />, root);
}
