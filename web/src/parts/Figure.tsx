/** A chart with its finding as title, its files and its numbers as a table. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { saveCsv, saveJson, savePng, saveSvg } from "../download";

export interface FigureProps {
  /** The finding. */
  title: string;
  /** What is drawn, with units. */
  note?: string;
  /** Begins the names of saved files. */
  file: string;
  rows: readonly Record<string, unknown>[];
  data?: unknown;
  table: ComponentChildren;
  level?: 2 | 3;
  children: (width: number) => ComponentChildren;
}

/** Width of an element in px at a type size of 16 px, so that charts grow with the text; 640 until it is measured. */
export function useWidth(): [(element: HTMLElement | null) => void, number] {
  const [width, set] = useState(640);
  const [element, hold] = useState<HTMLElement | null>(null);
  useEffect(() => {
    if (!element) return;
    const look = (): void =>
      set(
        Math.max(
          240,
          Math.round(
            (element.clientWidth * 16) / Number.parseFloat(getComputedStyle(document.documentElement).fontSize),
          ),
        ),
      );
    const observer = new ResizeObserver(look);
    observer.observe(element);
    look();
    return () => observer.disconnect();
  }, [element]);
  return [hold, width];
}

export function Figure(props: FigureProps): JSX.Element {
  const [hold, width] = useWidth();
  const box = useRef<HTMLDivElement | null>(null);
  const picture = (): SVGSVGElement | null => box.current?.querySelector("svg") ?? null;
  const Title = props.level === 3 ? "h3" : "h2";
  const save = (kind: "svg" | "png"): void => {
    const svg = picture();
    if (svg && kind === "svg") saveSvg(`${props.file}.svg`, svg);
    if (svg && kind === "png") void savePng(`${props.file}.png`, svg);
  };
  return (
    <section class="figure" data-figure={props.file}>
      <Title>{props.title}</Title>
      {props.note ? <p class="note">{props.note}</p> : null}
      <div
        class="picture"
        ref={(e) => {
          box.current = e;
          hold(e);
        }}
      >
        {props.children(width)}
      </div>
      <details class="numbers">
        <summary>
          Numbers and files <span class="hidden">of: {props.title}</span>
        </summary>
        <p class="files">
          <button type="button" onClick={() => saveCsv(`${props.file}.csv`, props.rows)}>
            CSV
          </button>
          <button type="button" onClick={() => saveJson(`${props.file}.json`, props.data ?? props.rows)}>
            JSON
          </button>
          <button type="button" onClick={() => save("svg")}>
            SVG
          </button>
          <button type="button" onClick={() => save("png")}>
            PNG
          </button>
        </p>
        {props.table}
      </details>
    </section>
  );
}
