/** Every number with its source. */

import type { JSX } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import * as api from "../api";
import { useAsk } from "../ask";
import { saveCsv, saveJson } from "../download";
import { factText } from "../format";
import { DataTable, Evidence, Failure, Lead } from "../parts/common";
import { begin } from "../settled";
import { state, update } from "../store";

const MOST = 100;

export function Facts(): JSX.Element {
  const [typed, type] = useState(state.value.query);
  useLayoutEffect(() => {
    if (typed === state.value.query) return;
    const end = begin();
    const wait = window.setTimeout(() => {
      update({ query: typed });
      end();
    }, 200);
    return () => {
      clearTimeout(wait);
      end();
    };
  }, [typed]);
  const asked = useAsk(`facts ${state.value.query}`, (signal) => api.facts(state.value.query, MOST, signal));
  const rows = asked.value?.rows ?? [];
  return (
    <div class="single">
      <div class="answer">
        <h1>Where does a number come from?</h1>
        <form
          role="search"
          onSubmit={(e) => {
            e.preventDefault();
            update({ query: typed });
          }}
        >
          <label for="fact-search">Search the facts</label>
          <input
            id="fact-search"
            type="search"
            value={typed}
            placeholder="campus power"
            onInput={(e) => type(e.currentTarget.value)}
          />
        </form>
        <Failure words={asked.failure} />
        <Lead>
          {asked.value
            ? `${asked.value.total.toLocaleString("en-GB")} facts${state.value.query ? ` speak of “${state.value.query}”` : ""}${asked.value.total > rows.length ? `; the first ${rows.length} are shown` : ""}.`
            : asked.failure
              ? ""
              : "The facts are being read."}
        </Lead>
      </div>
      <section class="figure">
        <DataTable
          caption="Facts"
          rows={rows}
          columns={[
            {
              title: "fact",
              cell: (r) => (
                <>
                  {r.name || r.id}
                  <br />
                  <code>{r.id}</code>
                </>
              ),
            },
            {
              title: "value",
              number: true,
              cell: (r) => (
                <>
                  {factText(r)}
                  <br />
                  <code>{r.column}</code>
                </>
              ),
            },
            {
              title: "source",
              cell: (r) => <Evidence of={r} />,
            },
            { title: "table", cell: (r) => r.table },
            { title: "used in", cell: (r) => r.used_in.join(", ") },
            { title: "licence", cell: (r) => r.licence },
          ]}
        />
        <p class="files">
          <button
            type="button"
            onClick={() =>
              saveCsv(
                "facts.csv",
                rows.map((r) => ({ ...r, used_in: r.used_in.join(" ") })),
              )
            }
          >
            CSV
          </button>
          <button type="button" onClick={() => saveJson("facts.json", rows)}>
            JSON
          </button>
        </p>
      </section>
    </div>
  );
}
