/** Answers for the access view where the server under test has none; shapes as the server's, six countries. */

const MEASURES = [
  { id: "ratio", title: "Liebig ratio: lowest supply over need", unit: "x", coverage: "supply of the place alone" },
  { id: "limit", title: "Scarcest limit", unit: "", coverage: "supply of the place alone" },
  { id: "gdp_share", title: "Cost over a year's product", unit: "x", coverage: "mostly 2024" },
];
const ROWS = [
  ["USA", "United States", 40, "chips", 0.001],
  ["CHN", "China", 2, "chips", 0.0014],
  ["BRA", "Brazil", 1.1, "capital", 0.012],
  ["KEN", "Kenya", 0.05, "power", 0.21],
  ["DEU", "Germany", 1.7, "power", 0.006],
  ["TCD", "Chad", null, "", null],
].map(([iso3, name, ratio, limit, gdp_share]) => ({ iso3, name, ratio, limit, gdp_share }));

export async function fillIn(page, base) {
  const answer = await page.request.post(`${base}api/access`, { data: { countries: [] } });
  if (answer.ok()) return false;
  await page.route("**/api/access", (route) => {
    const { countries } = route.request().postDataJSON();
    const rows = countries.length ? ROWS.filter((r) => countries.includes(r.iso3)) : ROWS;
    const places = countries.length
      ? rows.map((r) => ({
          ...r,
          code: r.iso3,
          members: [r.iso3],
          can_host_probability: 0.5,
          ratio: null,
          ratios: {},
          growth_years: null,
          demand_share: null,
          gdp_share: null,
          carbon_mt_per_yr: null,
        }))
      : [];
    return route.fulfill({
      json: { rows: ROWS, measures: MEASURES, summary: `${rows.length} countries can be told of.`, places, club: null },
    });
  });
  await page.route("**/api/access/inequality", (route) =>
    route.fulfill({
      json: {
        lorenz: [
          { population: 0, compute: 0 },
          { population: 0.8, compute: 0.05 },
          { population: 1, compute: 1 },
        ],
        gini: 0.9,
        top2: 0.89,
        coverage: "9 % of owned compute is located",
      },
    }),
  );
  return true;
}
