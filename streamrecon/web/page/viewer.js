// Shows slices, drawn in the browser or by the server: scroll, window, colours, a mask over them.
// Syntax of Chrome 90 and Firefox 91; what comes from the server becomes text, never markup.

import { SliceView } from "./slice_view.js";

const byId = (id) => document.getElementById(id);
const KEYS_OF_PLANES = { a: "axial", c: "coronal", s: "sagittal", t: "all" };
const TITLES = { all: "all three" };

export class Viewer {
  constructor() {
    this.session = "";
    this.volumes = [];
    this.volume = null;
    this.plane = null;
    this.slices = {};
    this.windows = {};
    this.generation = 0;
    this.isLoading = false;
    this.isStale = false;
    this.figure = byId("viewer");
    this.image = byId("slice-image");
    this.canvas = byId("slice-canvas");
    this.view = null;
    this.listen();
    this.starting = SliceView.start(this.canvas).then((view) => this.drawHere(view));
  }

  // From now on slices are drawn in the browser, or, without a view, by the server.
  drawHere(view) {
    this.view = view;
    byId("slice-box").hidden = !view;
    this.image.hidden = !!view;
    if (this.volume) this.choose(this.volume.number);
  }

  listen() {
    byId("volume").addEventListener("change", (e) => this.choose(Number(e.target.value)));
    byId("slice").addEventListener("input", (e) => this.scrollTo(Number(e.target.value)));
    for (const id of ["low", "high", "colours", "overlay"]) {
      byId(id).addEventListener("change", () => this.readControls());
    }
    byId("reset").addEventListener("click", () => this.reset());
    this.image.addEventListener("load", () => this.loaded(this.image.alt));
    this.image.addEventListener("error", () => this.loaded());
    this.figure.addEventListener("keydown", (e) => this.key(e));
    const picture = this.figure.querySelector(".picture");
    picture.addEventListener("wheel", (e) => {
      e.preventDefault();
      this.step(e.deltaY > 0 ? -1 : 1, this.planeAt(e));
    }, { passive: false });
    picture.addEventListener("pointerdown", (e) => this.startDrag(e));
    picture.addEventListener("pointermove", (e) => this.drag(e));
    picture.addEventListener("pointerup", () => { this.dragFrom = null; });
    picture.addEventListener("pointerleave", () => { byId("value").textContent = ""; });
  }

  // Volumes of a session, which may have grown since; what is looked at stays.
  show(session, volumes) {
    if (session !== this.session) {
      this.session = session;
      this.volume = null;
      this.slices = {};
      this.windows = {};
    }
    this.volumes = volumes;
    this.generation += 1;
    if (this.view) this.view.forget();
    this.figure.hidden = !volumes.length;
    if (!volumes.length) return;
    const select = byId("volume");
    select.replaceChildren(...volumes.map((v) => new Option(titleOf(v), String(v.number))));
    const masks = volumes.filter((v) => v.is_mask);
    const chosen = byId("overlay").value;
    byId("overlay").replaceChildren(
      new Option("none", "-1"), ...masks.map((v) => new Option(titleOf(v), String(v.number))));
    byId("overlay").value = masks.some((v) => String(v.number) === chosen) ? chosen : "-1";
    this.choose(this.volume ? this.volume.number : this.best());
  }

  // The map that is looked for first: the final susceptibility, else the last that came.
  best() {
    for (const label of ["chi", "swi", "chi_preview", "magnitude"]) {
      const found = this.volumes.find((v) => v.label === label);
      if (found) return found.number;
    }
    return this.volumes.length - 1;
  }

  choose(number) {
    this.volume = this.volumes.find((v) => v.number === number) || this.volumes[0];
    byId("volume").value = String(this.volume.number);
    const names = this.volume.planes.map((p) => p.name);
    if (this.view && names.length === 3) names.push("all");
    const name = names.includes(this.plane) ? this.plane : names[0];
    byId("planes").replaceChildren(...names.map((n) => this.planeButton(n)));
    this.counts = this.volume.counts;
    if (!this.slices[this.grid()]) this.slices[this.grid()] = { ...this.volume.start };
    this.choosePlane(name);
  }

  planeButton(name) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = TITLES[name] || name;
    button.setAttribute("role", "radio");
    button.dataset.plane = name;
    button.addEventListener("click", () => this.choosePlane(name));
    return button;
  }

  choosePlane(name) {
    const buttons = [...byId("planes").children];
    if (!buttons.some((button) => button.dataset.plane === name)) return;
    this.plane = name;
    for (const button of buttons) {
      button.setAttribute("aria-checked", String(button.dataset.plane === name));
    }
    const found = this.volume.planes.find((p) => p.name === this.scrolled());
    byId("slice").max = String(this.counts[found.name] - 1);
    const edges = ["left", "right", "top", "bottom"];
    edges.forEach((edge, n) => {
      byId(`edge-${edge}`).textContent = name === "all" ? "" : found.edges[n];
    });
    const window = this.windows[this.volume.label] || this.volume;
    byId("low").value = window.low;
    byId("high").value = window.high;
    byId("colours").value = window.colours;
    byId("unit").textContent = this.volume.unit;
    this.scrollTo(this.slices[this.grid()][this.scrolled()]);
  }

  // Volumes of one shape are looked at in the same place.
  grid() { return this.volume.shape.join(" "); }

  // The plane whose slices the bar counts.
  scrolled() { return this.plane === "all" ? "axial" : this.plane; }

  planeAt(event) {
    const under = this.view && this.view.under(event.clientX, event.clientY, this.counts);
    return under && this.plane === "all" ? under.plane : this.scrolled();
  }

  step(by, plane = this.scrolled()) {
    this.scrollTo(this.slices[this.grid()][plane] + by, plane);
  }

  scrollTo(number, plane = this.scrolled()) {
    const slices = this.slices[this.grid()];
    slices[plane] = Math.max(0, Math.min(this.counts[plane] - 1, number));
    const at = slices[this.scrolled()];
    byId("slice").value = String(at);
    byId("slice-number").textContent = `${at + 1} of ${this.counts[this.scrolled()]}`;
    this.draw();
  }

  readControls() {
    const low = Number(byId("low").value);
    const high = Number(byId("high").value);
    if (!(high > low)) return;
    this.windows[this.volume.label] = { low, high, colours: byId("colours").value };
    this.draw();
  }

  setWindow(low, high) {
    byId("low").value = low.toPrecision(4);
    byId("high").value = high.toPrecision(4);
    this.readControls();
  }

  reset() {
    delete this.windows[this.volume.label];
    this.slices[this.grid()] = { ...this.volume.start };
    this.choosePlane(this.plane);
  }

  // One picture is on its way at a time; what was passed over meanwhile is not asked for.
  draw() {
    delete this.figure.dataset.drawn;
    const low = byId("low").value, high = byId("high").value, colours = byId("colours").value;
    byId("scale").src = `/api/scale/${colours}.png`;
    byId("scale-low").textContent = low;
    byId("scale-high").textContent = `${high} ${this.volume.unit}`;
    if (this.isLoading) {
      this.isStale = true;
      return;
    }
    this.isLoading = true;
    const wanted = { low: Number(low), high: Number(high), colours };
    if (this.view) this.drawView(wanted);
    else this.drawImage(wanted);
  }

  drawImage({ low, high, colours }) {
    const query = new URLSearchParams({ low, high, colours, overlay: byId("overlay").value });
    const at = this.slices[this.grid()][this.plane];
    this.image.alt = this.said();
    this.image.src = `${this.path(this.volume.number)}/${this.plane}/${at}.png?${query}`;
  }

  async drawView(wanted) {
    const said = this.said();
    const file = (number) => `${this.path(number)}.nii?${this.generation}`;
    const overlay = byId("overlay").value;
    const covering = this.volumes.find((v) => String(v.number) === overlay && this.isOnGrid(v));
    try {
      await this.view.draw({
        ...wanted,
        path: file(this.volume.number),
        mask: covering ? file(covering.number) : "",
        isAngle: this.volume.is_angle,
        plane: this.plane,
        slices: this.slices[this.grid()],
        counts: this.counts,
      });
      this.canvas.setAttribute("aria-label", said);
      this.loaded(covering ? `${said}, mask` : said);
    } catch (error) {
      console.warn(`slices are drawn by the server: ${error.message}`);
      this.isLoading = false;
      this.drawHere(null);
    }
  }

  isOnGrid(volume) { return volume.shape.join(" ") === this.grid(); }

  path(number) { return `/api/scans/${this.session}/images/${number}`; }

  said() {
    const at = this.slices[this.grid()][this.scrolled()];
    return `${titleOf(this.volume)}, ${this.plane} slice ${at + 1}`;
  }

  // What can be seen now is said beside the picture, for who waits for it.
  loaded(said) {
    if (said) this.figure.dataset.drawn = said;
    this.isLoading = false;
    if (this.isStale) {
      this.isStale = false;
      this.draw();
    }
  }

  key(event) {
    if (["INPUT", "SELECT"].includes(event.target.tagName) || event.ctrlKey || event.metaKey) return;
    const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
    const width = Number(byId("high").value) - Number(byId("low").value);
    const low = Number(byId("low").value), high = Number(byId("high").value);
    if (event.key in steps) this.step(steps[event.key]);
    else if (event.key in KEYS_OF_PLANES) this.choosePlane(KEYS_OF_PLANES[event.key]);
    else if (event.key === "r") this.reset();
    else if (event.key === "+") this.setWindow(low + width / 20, high - width / 20);
    else if (event.key === "-") this.setWindow(low - width / 20, high + width / 20);
    else if (event.key === "]") this.setWindow(low + width / 20, high + width / 20);
    else if (event.key === "[") this.setWindow(low - width / 20, high - width / 20);
    else return;
    event.preventDefault();
  }

  startDrag(event) {
    const low = Number(byId("low").value), high = Number(byId("high").value);
    this.dragFrom = { x: event.clientX, y: event.clientY, low, high };
    this.figure.focus({ preventScroll: true });
    event.preventDefault();
    this.drag(event);
  }

  // In one plane to the right: wider, down: brighter; in all three the cross follows.
  drag(event) {
    const under = this.view && this.view.under(event.clientX, event.clientY, this.counts);
    byId("value").textContent = under ? `${under.value.toPrecision(4)} ${this.volume.unit}` : "";
    if (!this.dragFrom || !event.buttons) return;
    if (this.plane === "all") {
      if (under) Object.assign(this.slices[this.grid()], under.slices);
      this.step(0);
      return;
    }
    const { x, y, low, high } = this.dragFrom;
    const half = ((high - low) / 2) * Math.exp((event.clientX - x) / 200);
    const middle = (low + high) / 2 - ((event.clientY - y) / 200) * (high - low);
    if (event.clientX !== x || event.clientY !== y) this.setWindow(middle - half, middle + half);
  }
}

function titleOf(volume) {
  return volume.te_ms === null ? volume.label : `${volume.label}, TE ${volume.te_ms} ms`;
}
