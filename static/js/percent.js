/** A share as a percentage; none and all are said only of what is exactly that. */
export function percent(share, lang) {
  const isWhole = share === 0 || share === 1;
  const shown = isWhole ? share : Math.min(Math.max(share, 0.01), 0.99);
  return new Intl.NumberFormat(lang, { style: "percent" }).format(shown);
}
