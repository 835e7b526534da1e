"""The look of the gallery. Colours are those of the reader's system, light or dark."""

CSS = """
:root { color-scheme: light dark; }
body { max-width: 72rem; margin: 0 auto; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; }
h2 { margin-top: 3rem; border-bottom: 1px solid #8888; }
p { max-width: 48rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
dd { margin: 0; }
dt, .note, figcaption { opacity: .8; }
.note, figcaption, td, th { font-size: .875rem; }
a { margin-right: .75rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; width: min(34rem, 100%); }
img { display: block; max-width: 100%; height: auto; background: white; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
td, th { padding: .25rem 1.5rem .25rem 0; text-align: left; border-bottom: 1px solid #8884; }
td, th { vertical-align: top; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
@media print {
  :root { color-scheme: light; }
  body { padding: 0; font-size: 10pt; }
  nav { display: none; }
  .wide { overflow: visible; }
  h2, h3 { break-after: avoid; }
  figure { width: 47%; }
  figure, tr { break-inside: avoid; }
}
"""
