/** The world, coloured by one measure; loaded only where it is shown. */

import type { JSX } from "preact";
import { geoNaturalEarth1, geoPath } from "d3-geo";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import world from "world-atlas/countries-110m.json";
import { iso3 } from "../iso";

const topology = world as unknown as Topology<{ countries: GeometryCollection<{ name: string }> }>;
const shapes = feature(topology, topology.objects.countries)
  .features.map((f) => ({ shape: f, code: iso3(f.id, f.properties.name), name: f.properties.name }))
  .filter((c) => c.code !== "ATA");

const [WIDTH, HEIGHT] = [960, 470];
const projection = geoNaturalEarth1().fitSize([WIDTH, HEIGHT], {
  type: "FeatureCollection",
  features: shapes.map((s) => s.shape),
});
const draw = geoPath(projection).digits(1);
const paths = shapes.map((s) => ({ ...s, d: draw(s.shape) ?? "" }));

interface Props {
  /** Class of the style sheet for a country's figure. */
  fillOf: (code: string) => string;
  textOf: (code: string, name: string) => string;
  chosen: string;
  club: readonly string[];
  label: string;
  onChoose: (code: string) => void;
}

export function WorldMap({ fillOf, textOf, chosen, club, label, onChoose }: Props): JSX.Element {
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label} class="map">
      {paths.map(({ code, name, d }) => {
        const fill = code === null ? "unknown" : fillOf(code);
        return (
          <path key={name} d={d} class={`country ${fill}`} onClick={code ? () => onChoose(code) : undefined}>
            <title>{code ? textOf(code, name) : `${name}: no figure`}</title>
          </path>
        );
      })}
      {paths
        .filter((p) => p.code !== null && (p.code === chosen || club.includes(p.code)))
        .map(({ code, name, d }) => (
          <path
            key={`mark ${name}`}
            d={d}
            class={`mark${code === chosen ? " chosen" : ""}${club.includes(code ?? "") ? " club" : ""}`}
          />
        ))}
    </svg>
  );
}
