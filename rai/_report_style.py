"""The style sheet of the report: MLflow's look, light and dark, on screen and on paper."""
# ruff: noqa: E501  # a style sheet reads by the rule, not by the column

STYLE = """
:root {
  color-scheme: light dark;
  --ink: #11171c; --soft: #5f7281; --faint: #8396a5; --page: #f6f7f9; --card: #ffffff; --line: #dce2e8;
  --grid: #e8ecf0; --primary: #2272b4; --primary-soft: #e7f1fb; --warn: #93320b; --warn-soft: #fff3e6;
  --c0: #2272b4; --c1: #c4501b; --c2: #2e7d4f; --c3: #8a3ffc; --c4: #b8336a; --c5: #7a6a00; --c6: #007d8a;
  --c7: #6b4f3a; --c8: #4a5fc1; --c9: #5f7281;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e8ecf0; --soft: #a3b3c0; --faint: #8396a5; --page: #11171c; --card: #1b242b; --line: #37444f;
    --grid: #2a353e; --primary: #5aa9ec; --primary-soft: #1c3a54; --warn: #ffb27a; --warn-soft: #3d2a1c;
    --c0: #5aa9ec; --c1: #ff9a5c; --c2: #6fcf97; --c3: #b794ff; --c4: #ff8ab5; --c5: #e0c94a; --c6: #4fd1dd;
    --c7: #d0a98a; --c8: #98a8ff; --c9: #a3b3c0;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 13px/20px -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 24px 24px 48px; }
h1 { font-size: 22px; line-height: 28px; font-weight: 600; margin: 0 0 4px; }
h2 { font-size: 16px; line-height: 24px; font-weight: 600; margin: 0 0 4px; }
h3 { font-size: 14px; font-weight: 600; margin: 24px 0 4px; }
h4 { font-size: 13px; font-weight: 600; margin: 0 0 4px; }
p { margin: 0 0 8px; max-width: 80ch; }
.soft { color: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 12px 0 16px; }
a { color: var(--primary); text-decoration: none; }
a:hover { text-decoration: underline; }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--primary); outline-offset: 2px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 4px; padding: 20px 24px; margin: 0 0 16px; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 8px 24px; margin: 12px 0 0; }
.facts div { min-width: 0; }
dt { color: var(--soft); font-size: 12px; line-height: 16px; }
dd { margin: 0; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); gap: 12px; margin: 0 0 16px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 4px; padding: 12px 16px; }
.tile .value { font-size: 24px; line-height: 32px; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile .name, .tile .range { color: var(--soft); font-size: 12px; line-height: 16px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 8px 0 16px; }
caption { text-align: left; color: var(--soft); padding: 0 0 6px; }
th, td { text-align: left; padding: 5px 16px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
th { font-weight: 600; }
thead th { color: var(--soft); font-size: 12px; vertical-align: bottom; white-space: normal; line-height: 16px; }
tbody th { font-weight: 400; }
th.n, td.n { text-align: right; }
.range { color: var(--soft); font-size: 11px; }
td .range { display: block; line-height: 14px; }
.missing { color: var(--soft); white-space: normal; }
.columns { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 0 48px; align-items: start; }
.columns.even { grid-template-columns: repeat(2, minmax(0, 1fr)); }
@media (max-width: 860px) { .columns, .columns.even { grid-template-columns: minmax(0, 1fr); } }
.columns table:not(.matrix) { width: 100%; }
td.n .range { white-space: nowrap; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 310px), 1fr)); gap: 20px 24px; margin: 12px 0 0; }
.dots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px 24px; margin: 12px 0 8px; }
figure { margin: 0; min-width: 0; break-inside: avoid; }
figcaption { font-weight: 600; margin: 0 0 4px; }
figcaption .soft { font-weight: 400; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 12px; color: var(--soft); padding-left: 46px; }
.legend i { display: inline-block; width: 14px; height: 0; border-top: 2px solid; vertical-align: middle; margin-right: 5px; }
.chart { display: block; max-width: 100%; height: auto; font: inherit; }
.chart text { fill: var(--ink); font-size: 11px; }
.chart .name { font-size: 12px; }
.chart .tick, .chart .label { fill: var(--soft); }
.chart .value { fill: var(--ink); font-variant-numeric: tabular-nums; }
.grid { stroke: var(--grid); stroke-width: 1; }
.axis { stroke: var(--faint); stroke-width: 1; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.ref { stroke: var(--faint); stroke-width: 1.25; stroke-dasharray: 4 4; }
.whisker { stroke-width: 2; stroke-opacity: 0.55; }
.whisker.ink { stroke: var(--ink); stroke-width: 1.25; stroke-opacity: 0.7; }
.dot { stroke: var(--card); stroke-width: 1; }
.faint { opacity: 0.45; }
.bar { fill: var(--c0); fill-opacity: 0.85; }
.matrix td, .matrix th, .matrix :is(th, td):last-child { padding: 8px 14px; border: 1px solid var(--line); text-align: right; }
.matrix th[scope=row] { text-align: left; }
.matrix td { background: color-mix(in srgb, var(--primary) calc(var(--share) * 42%), transparent); min-width: 84px; }
.matrix.wide :is(th, td), .matrix.wide :is(th, td):last-child { padding: 3px 6px; min-width: 0; font-size: 11px; }
.note { border-left: 3px solid var(--line); padding: 4px 12px; margin: 8px 0; color: var(--soft); max-width: 100ch; }
.caution { border-left-color: var(--warn); background: var(--warn-soft); color: var(--warn); }
details { margin: 12px 0 0; }
summary { cursor: pointer; color: var(--primary); }
ul { margin: 4px 0 8px; padding-left: 20px; max-width: 100ch; }
footer { color: var(--soft); font-size: 12px; }
@media print {
  :root { --page: #fff; --card: #fff; --ink: #11171c; --soft: #4a5a67; }
  main { max-width: none; padding: 0; }
  section { border: 0; padding: 12px 0; }
  nav { display: none; }
  tr, figure, .tile { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
}
""" + "\n".join(
    f".s{i} {{ stroke: var(--c{i}); }} .dot.s{i} {{ fill: var(--c{i}); stroke: var(--card); }}"
    for i in range(10)
)
