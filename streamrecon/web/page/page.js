// The console page: scans now and before, one of them in full, deliveries.
// Syntax of Chrome 90 and Firefox 91; what comes from the server becomes text, never markup.

import { node } from "./nodes.js";
import { showReadings } from "./readings.js";
import { Viewer } from "./viewer.js";

const byId = (id) => document.getElementById(id);
const ROWS = 100;
const LOOK_AGAIN_MS = 15000;
const AGAIN_LOOK_MS = 1000;
const RETRY_LOOKS_MS = [0, 1000, 3000, 7000]; // how a retry goes is seen at once
const DATES = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });
const scans = new Map();
let eventsHeard = 0;
let key = "";
let outcomes = {};
let chosen = null;
let source = null;
let viewer = null;
let imagesShown = -1;
let isDrawn = true;

class Refused extends Error {
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

async function ask(path, body) {
  const options = { credentials: "same-origin", headers: {} };
  if (body !== undefined) {
    options.method = "POST";
    options.headers = { "content-type": "application/json", "x-csrf-token": key };
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  const facts = await answer.json().catch(() => ({}));
  if (answer.ok) return facts;
  if (answer.status === 401 && path !== "/api/login") signIn();
  throw new Refused(answer.status, facts.error || answer.statusText);
}

// --- who looks ---

function signIn() {
  if (source) source.close();
  source = null;
  byId("main").hidden = true;
  byId("who").hidden = true;
  byId("login").hidden = false;
  byId("token").focus();
}

async function logIn(token, name) {
  await ask("/api/login", { token, name });
  await start();
}

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("login-error").textContent = "";
  try {
    await logIn(byId("token").value, byId("name").value);
    byId("token").value = "";
  } catch (error) {
    byId("login-error").textContent = error.message;
  }
});

byId("logout").addEventListener("click", async () => {
  await ask("/api/logout", {});
  signIn();
});

async function start() {
  const me = await ask("/api/me");
  key = me.key;
  outcomes = me.outcomes;
  byId("user").textContent = me.name;
  byId("login").hidden = true;
  byId("who").hidden = false;
  byId("main").hidden = false;
  if (!viewer) viewer = new Viewer();
  const { chains } = await ask("/api/chains");
  byId("chain").replaceChildren(...chains.map((name) => new Option(name, name)));
  follow();
}

// --- what happens ---

function follow() {
  if (source) source.close();
  source = new EventSource("/api/events");
  source.onmessage = (message) => take(JSON.parse(message.data));
  source.onerror = () => { byId("service").textContent = "the page has no connection"; };
}

function take(fact) {
  if (fact.event === "hello" || fact.event === "lost") reload();
  else if (fact.event === "service") showService(fact);
  else if (fact.event === "session") {
    const before = scans.get(fact.session) || {};
    eventsHeard += 1;
    scans.set(fact.session, { ...before, ...fact, said: { number: eventsHeard, fact } });
    if (before.ended === 0 && fact.ended && fact.session === chosen) choose(chosen);
    if (!before.session && !chosen) choose(fact.session);
    draw();
  } else if (fact.event === "notice" && scans.has(fact.session)) {
    const scan = scans.get(fact.session);
    scan.notices = [...(scan.notices || []), fact.text];
    draw();
  }
}

// An answer may have been on its way while an event came: what the event said is newer.
function takeAnswer(answer, asked) {
  const known = scans.get(answer.session) || {};
  const newer = known.said && known.said.number > asked ? known.said.fact : {};
  scans.set(answer.session, { ...known, ...answer, ...newer });
}

async function reload() {
  const asked = eventsHeard;
  try {
    const facts = await ask(`/api/scans?limit=${ROWS}`);
    for (const scan of facts.scans) takeAnswer(scan, asked);
    byId("older").hidden = facts.scans.length < ROWS;
    showService(facts.service, facts.checks);
    if (chosen) choose(chosen);
    draw();
    showDeliveries();
  } catch (error) {
    byId("service").textContent = error.message;
  }
}

byId("older").addEventListener("click", async () => {
  const first = Math.min(...[...scans.values()].map((scan) => scan.began));
  const asked = eventsHeard;
  const facts = await ask(`/api/scans?limit=${ROWS}&before=${first}`);
  for (const scan of facts.scans) takeAnswer(scan, asked);
  byId("older").hidden = facts.scans.length < ROWS;
  draw();
});

let faults = {};
function showService(service, checks) {
  if (checks) faults = checks;
  const said = Object.entries(faults).filter(([, fault]) => fault)
    .map(([name, fault]) => `${name}: ${fault}`);
  const state = service && service.version
    ? `${service.busy} of ${service.sessions} places taken, ${service.waiting} wait`
    : "the service does not answer";
  byId("service").textContent = [state, ...said].join(" · ");
}

// --- the list ---

function draw() {
  if (!isDrawn) return;
  isDrawn = false;
  requestAnimationFrame(() => {
    isDrawn = true;
    drawList();
    if (chosen) drawScan(scans.get(chosen));
  });
}

const rows = new Map();
function drawList() {
  const all = [...scans.values()].filter((scan) => scan.config)
    .sort((one, other) => other.began - one.began);
  byId("empty").hidden = all.length > 0;
  const body = byId("scans");
  all.forEach((scan, place) => {
    const row = rows.get(scan.session) || newRow(scan.session);
    fillRow(row, scan);
    if (body.children[place] !== row) body.insertBefore(row, body.children[place] || null);
  });
}

function newRow(session) {
  const row = node("tr");
  row.dataset.session = session;
  for (let n = 0; n < 8; n += 1) row.append(node("td", "", n > 4 ? "number" : ""));
  row.children[4].append(node("span", "", "light"));
  const button = node("button");
  button.type = "button";
  row.children[0].append(button);
  row.addEventListener("click", () => choose(session));
  rows.set(session, row);
  return row;
}

function fillRow(row, scan) {
  const [state, word] = stateOf(scan);
  const mark = `${scan.session} ${word} ${scan.lines} ${scan.images} ${Math.round(scan.seconds)} ${scan.light} ${chosen}`;
  if (row.dataset.mark === mark) return;
  row.dataset.mark = mark;
  row.setAttribute("aria-selected", String(scan.session === chosen));
  const cells = row.children;
  cells[0].firstChild.textContent = DATES.format(scan.began * 1000);
  cells[1].className = `state ${state}`;
  cells[1].textContent = word;
  cells[2].textContent = scan.protocol || "–";
  cells[3].textContent = scan.config;
  showLight(cells[4].firstChild, scan.light);
  cells[5].textContent = scan.lines;
  cells[6].textContent = scan.images;
  cells[7].textContent = `${Math.round(scan.seconds)} s`;
}

function showLight(place, light) {
  place.className = `light ${light || ""}`;
  place.title = light || "not checked";
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", `quality ${place.title}`);
}

function stateOf(scan) {
  if (!scan.ended) return ["running", "running"];
  const word = outcomes[scan.outcome] || scan.outcome;
  return scan.outcome === "complete" ? ["complete", word] : ["failed", `failed: ${word}`];
}

// --- one scan ---

async function choose(session) {
  if (session !== chosen) {
    chosen = session;
    imagesShown = -1;
    byId("viewer").hidden = true;
  }
  draw();
  const heard = noticesOf(session).length;
  const asked = eventsHeard;
  try {
    const facts = await ask(`/api/scans/${session}`);
    if (session !== chosen) return;
    const notices = joined(facts.notices || [], noticesOf(session).slice(heard));
    takeAnswer(facts, asked);
    scans.get(session).notices = notices;
    imagesShown = -1;
    draw();
  } catch (error) {
    if (error.status !== 404) byId("reason").textContent = error.message;
  }
}

function noticesOf(session) {
  return (scans.get(session) || {}).notices || [];
}

// What the service knew when it was asked, and what came while it answered: some are in both.
function joined(known, came) {
  for (let both = Math.min(known.length, came.length); both > 0; both -= 1) {
    const first = known.length - both;
    if (known.slice(first).every((text, i) => text === came[i])) {
      return [...known, ...came.slice(both)];
    }
  }
  return [...known, ...came];
}

function drawScan(scan) {
  if (!scan) return;
  const [, word] = stateOf(scan);
  byId("scan").hidden = false;
  byId("title").textContent = `${scan.protocol || "scan"} · ${scan.session} · ${word}`;
  byId("reason").hidden = !scan.reason;
  byId("reason").textContent = scan.reason || "";
  const left = scan.ended || !scan.usual_s ? "" : leftOf(scan);
  byId("counts").textContent = `${scan.lines} lines, ${scan.images} images, `
    + `${(scan.received / 1e6).toFixed(1)} MB, ${scan.seconds.toFixed(1)} s${left}; chain `
    + `${scan.config} ${scan.config_hash || ""}; client ${scan.address || "–"}; `
    + `memory ${(scan.memory_bytes / 2 ** 20).toFixed(0)} MiB`;
  showLight(byId("quality").firstElementChild, scan.light);
  byId("quality-said").textContent = [`quality: ${scan.light || "not checked"}`,
    ...(scan.light_reasons || [])].join("; ");
  showReadings(byId("read"), byId("readings"), scan.readings || []);
  drawStages(scan);
  const notices = (scan.notices || []).map((text) =>
    node("li", text, /^(WRN|ERR)/.test(text) ? "warning" : ""));
  byId("notices").replaceChildren(...notices);
  drawFiles(scan);
  if (scan.images !== imagesShown) {
    imagesShown = scan.images;
    loadImages(scan.session);
  }
}

function leftOf(scan) {
  const left = scan.usual_s - scan.seconds;
  return left > 0 ? `, about ${Math.ceil(left)} s left` : ", longer than usual";
}

function drawStages(scan) {
  const seconds = scan.stage_s || [];
  const most = Math.max(0.001, ...seconds);
  const list = byId("stages");
  (scan.stages || []).forEach((name, n) => {
    let item = list.children[n];
    if (!item) {
      item = node("li");
      item.append(node("span", "", "stage"), node("div", "", "bar"), node("span", "", "number"));
      list.append(item);
    }
    const spent = seconds[n] || 0;
    item.className = (scan.at_work || []).includes(n) ? "at-work" : "";
    item.children[0].textContent = name;
    item.children[1].style.width = `${(100 * spent) / most}%`;
    item.children[2].textContent = `${spent.toFixed(2)} s`;
  });
  while (list.children.length > (scan.stages || []).length) list.lastChild.remove();
}

function drawFiles(scan) {
  const forms = [["nifti", "NIfTI"], ["dicom", "DICOM"]].filter(() => scan.images && scan.image_copy);
  if (scan.has_raw) forms.push(["raw", "raw copy"]);
  const mark = `${scan.session} ${forms.length}`;
  byId("again").hidden = !scan.has_raw || !scan.ended;
  if (byId("files").dataset.mark === mark) return;
  byId("files").dataset.mark = mark;
  byId("files").replaceChildren(...forms.map(([form, title]) => {
    const link = node("a", title);
    link.href = `/api/scans/${scan.session}/download/${form}`;
    link.setAttribute("download", "");
    return link;
  }));
  if (!forms.length) byId("files").textContent = "none are kept";
}

async function loadImages(session) {
  try {
    const { volumes } = await ask(`/api/scans/${session}/images`);
    if (session !== chosen) return;
    byId("no-images").hidden = true;
    viewer.show(session, volumes);
  } catch (error) {
    if (session !== chosen) return;
    viewer.show(session, []);
    byId("no-images").hidden = false;
    byId("no-images").textContent = error.message;
    const scan = scans.get(session);
    if (scan && scan.images && !scan.ended) setTimeout(() => { imagesShown = -1; draw(); }, 1000);
  }
}

byId("again").addEventListener("submit", async (event) => {
  event.preventDefault();
  const parameters = byId("parameters").value.split(/\s+/).filter((word) => word);
  try {
    await ask(`/api/scans/${chosen}/again`, { config: byId("chain").value, parameters });
    byId("again-said").textContent = "sent; it appears as a new scan";
    setTimeout(tellAgain, AGAIN_LOOK_MS);
  } catch (error) {
    byId("again-said").textContent = error.message;
  }
});

// How it goes is asked for until it is over: what is refused makes no scan that could say why.
async function tellAgain() {
  const { state, reason } = await ask("/api/again");
  if (state === "running") setTimeout(tellAgain, AGAIN_LOOK_MS);
  else byId("again-said").textContent = state === "failed" ? `failed: ${reason}` : "done";
}

// --- deliveries ---

async function showDeliveries() {
  const { series, silent } = await ask("/api/deliveries");
  const parts = [];
  for (const [name, reason] of Object.entries(silent)) {
    parts.push(node("p", `${name} does not answer: ${reason}`, "error"));
  }
  if (series.length) parts.push(deliveryTable(series));
  else parts.push(node("p", "nothing in the spool"));
  byId("deliveries").replaceChildren(...parts);
}

function deliveryTable(series) {
  const table = node("table");
  const head = node("tr");
  for (const title of ["Series", "Output", "Destination", "Images", "State"]) {
    head.append(node("th", title));
  }
  table.append(head);
  for (const each of series) {
    const row = node("tr");
    const state = each.reason ? `${each.state} (${each.reason})` : each.state;
    for (const text of [each.series, each.output, each.destination, each.images, state]) {
      row.append(node("td", text));
    }
    if (!/^sent( with a warning)?$/.test(each.state)) {
      const retry = node("button", "Retry", "retry");
      retry.type = "button";
      retry.addEventListener("click", () => retryAt(each.destination));
      row.lastChild.append(" ", retry);
    }
    table.append(row);
  }
  return table;
}

async function retryAt(destination) {
  try {
    const { images } = await ask("/api/deliveries/retry", { destination });
    byId("delivery-said").textContent = `${images} images of ${destination} are tried again`;
    for (const pause of RETRY_LOOKS_MS) setTimeout(showDeliveries, pause);
  } catch (error) {
    byId("delivery-said").textContent = error.message;
  }
}

setInterval(() => { if (source) reload(); }, LOOK_AGAIN_MS);

const shown = /^#token=([\w-]+)$/.exec(location.hash);
if (shown) history.replaceState(null, "", "/");
(shown ? logIn(shown[1], "") : start()).catch((error) => {
  signIn();
  if (error.status !== 401) byId("login-error").textContent = error.message;
});
