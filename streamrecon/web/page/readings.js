// Shows what was read from the maps of a scan: a table a reading, with units, noise and doubts.
// Syntax of Chrome 90 and Firefox 91.

import { node } from "./nodes.js";

const MOST_ROWS = 200; // of a reading; its file has all of them
const COLUMNS = ["Of", "What", "Value", "Doubts"];

export function showReadings(section, place, readings) {
  section.hidden = !readings.length;
  const mark = JSON.stringify(readings);
  if (place.dataset.mark === mark) return;
  place.dataset.mark = mark;
  place.replaceChildren(...readings.map(tableOf));
}

function tableOf(reading) {
  const table = node("table");
  const said = [`${reading.kind}: ${reading.light || reading.outcome}`, ...(reading.reasons || [])];
  table.append(node("caption", said.join("; ")));
  const values = reading.values || [];
  if (values.length) table.append(rowOf("th", COLUMNS));
  for (const value of values.slice(0, MOST_ROWS)) {
    const doubts = [value.quality, ...(value.flags || [])].filter((text) => text);
    table.append(rowOf("td", [value.subject, value.name, numberOf(value), doubts.join("; ")]));
  }
  if (values.length > MOST_ROWS) {
    table.append(rowOf("td", [`and ${values.length - MOST_ROWS} more`, "", "", ""]));
  }
  return table;
}

function rowOf(tag, texts) {
  const row = node("tr");
  row.append(...texts.map((text) => node(tag, text)));
  return row;
}

function numberOf({ number, sigma, unit }) {
  if (number === null || number === undefined) return "–";
  const noise = sigma ? ` ± ${Number(sigma.toPrecision(2))}` : "";
  return `${Number(number.toPrecision(4))}${noise} ${unit || ""}`.trim();
}
