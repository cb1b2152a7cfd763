/** Small parts that every view uses. */

import type { ComponentChildren, JSX } from "preact";
import type { Fact } from "../api.gen";
import { quantity, safeUrl, short } from "../format";
import { condition } from "../store";

export function Failure({ words }: { words: string }): JSX.Element | null {
  return words ? (
    <p class="failure" role="alert">
      {words}
    </p>
  ) : null;
}

/** What an answer says besides: remarks on what was stated. */
export function Notes({ of }: { of: readonly string[] }): JSX.Element {
  return (
    <>
      {of.map((note) => (
        <p key={note} class="note">
          {note}
        </p>
      ))}
    </>
  );
}

/** The answer in a sentence; `aria-busy` until it is that of the address. */
export function Lead({ children, spoken = true }: { children: ComponentChildren; spoken?: boolean }): JSX.Element {
  return (
    <p class="lead" role={spoken ? "status" : undefined} aria-busy={condition.value !== "settled"} data-answer>
      {children}
    </p>
  );
}

/** The grade of a number and its source. */
export function Evidence({
  of,
}: {
  of: Pick<Fact, "grade" | "mark" | "source" | "url"> & { as_of?: string };
}): JSX.Element {
  const url = safeUrl(of.url);
  return (
    <span class="evidence">
      <span aria-hidden="true">{of.mark}</span> <span class="word">{of.grade}</span>:{" "}
      {url ? (
        <a href={url} target="_blank" rel="noreferrer noopener">
          {of.source}
        </a>
      ) : (
        of.source
      )}
      {of.as_of ? `, ${of.as_of}` : ""}
    </span>
  );
}

export interface Column<Row> {
  title: string;
  cell: (row: Row) => ComponentChildren;
  /** Numbers stand at the right. */
  number?: boolean;
}

export interface TableProps<Row> {
  caption: string;
  columns: Column<Row>[];
  rows: readonly Row[];
}

export function DataTable<Row>({ caption, columns, rows }: TableProps<Row>): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c.title} scope="col" class={c.number ? "number" : ""}>
                {c.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, r) => (
            <tr key={r}>
              {columns.map((c, i) =>
                i === 0 ? (
                  <th key={c.title} scope="row">
                    {c.cell(row)}
                  </th>
                ) : (
                  <td key={c.title} class={c.number ? "number" : ""}>
                    {c.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Rows of which only the server knows the fields. */
export function AnyTable({
  caption,
  rows,
}: {
  caption: string;
  rows: readonly Record<string, unknown>[];
}): JSX.Element {
  const keys = [...new Set(rows.flatMap((r) => Object.keys(r)))];
  const show = (value: unknown, key: string): string =>
    typeof value === "number" && key.endsWith("_bytes")
      ? quantity(value, "bytes")
      : typeof value === "number" && /(^|_)s$/.test(key)
        ? quantity(value, "s", 3)
        : value === null || value === undefined
          ? "–"
          : typeof value === "number"
            ? short(value, 3)
            : typeof value === "boolean"
              ? value
                ? "yes"
                : "no"
              : typeof value === "string"
                ? value
                : JSON.stringify(value);
  return (
    <DataTable<Record<string, unknown>>
      caption={caption}
      rows={rows}
      columns={keys.map((key) => ({
        title: key.replace(/_(bytes|s)$/, "").replace(/_/g, " "),
        number: rows.some((r) => typeof r[key] === "number"),
        cell: (row) => show(row[key], key),
      }))}
    />
  );
}

export function Field(props: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  list?: readonly string[] | undefined;
  hint?: string;
}): JSX.Element {
  const id = `f-${props.label.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        type="text"
        value={props.value}
        autocomplete="off"
        spellcheck={false}
        list={props.list ? `${id}-list` : undefined}
        aria-describedby={props.hint ? `${id}-hint` : undefined}
        onChange={(e) => props.onChange(e.currentTarget.value)}
      />
      {props.list ? (
        <datalist id={`${id}-list`}>
          {props.list.map((x) => (
            <option key={x} value={x} />
          ))}
        </datalist>
      ) : null}
      {props.hint ? <small id={`${id}-hint`}>{props.hint}</small> : null}
    </div>
  );
}

export function Select(props: {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  onChange: (value: string) => void;
  quiet?: boolean;
}): JSX.Element {
  const id = `s-${props.label.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
  return (
    <div class="field">
      <label for={id} class={props.quiet ? "hidden" : ""}>
        {props.label}
      </label>
      <select id={id} value={props.value} onChange={(e) => props.onChange(e.currentTarget.value)}>
        {props.options.map(([value, text]) => (
          <option key={value} value={value} selected={value === props.value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}
