// Shows slices that the server draws: scroll, window, colours, outline of a mask.
// Syntax of Chrome 90 and Firefox 91; what comes from the server becomes text, never markup.

const byId = (id) => document.getElementById(id);
const KEYS_OF_PLANES = { a: "axial", c: "coronal", s: "sagittal" };

export class Viewer {
  constructor() {
    this.session = "";
    this.volumes = [];
    this.volume = null;
    this.plane = null;
    this.slices = {};
    this.windows = {};
    this.isLoading = false;
    this.isStale = false;
    this.figure = byId("viewer");
    this.image = byId("slice-image");
    this.listen();
  }

  listen() {
    byId("volume").addEventListener("change", (e) => this.choose(Number(e.target.value)));
    byId("slice").addEventListener("input", (e) => this.scrollTo(Number(e.target.value)));
    for (const id of ["low", "high", "colours", "overlay"]) {
      byId(id).addEventListener("change", () => this.readControls());
    }
    byId("reset").addEventListener("click", () => this.reset());
    this.image.addEventListener("load", () => this.loaded());
    this.image.addEventListener("error", () => this.loaded());
    this.figure.addEventListener("keydown", (e) => this.key(e));
    const picture = this.figure.querySelector(".picture");
    picture.addEventListener("wheel", (e) => {
      e.preventDefault();
      this.step(e.deltaY > 0 ? -1 : 1);
    }, { passive: false });
    picture.addEventListener("pointerdown", (e) => this.startDrag(e));
    picture.addEventListener("pointermove", (e) => this.drag(e));
    picture.addEventListener("pointerup", () => { this.dragFrom = null; });
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
    const name = this.plane && names.includes(this.plane.name) ? this.plane.name : names[0];
    byId("planes").replaceChildren(...names.map((n) => this.planeButton(n)));
    this.choosePlane(name);
  }

  planeButton(name) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.setAttribute("role", "radio");
    button.dataset.plane = name;
    button.addEventListener("click", () => this.choosePlane(name));
    return button;
  }

  choosePlane(name) {
    const found = this.volume.planes.find((p) => p.name === name);
    if (!found) return;
    this.plane = found;
    for (const button of byId("planes").children) {
      button.setAttribute("aria-checked", String(button.dataset.plane === name));
    }
    const at = this.slices[this.place()];
    byId("slice").max = String(found.count - 1);
    const edges = ["left", "right", "top", "bottom"];
    edges.forEach((edge, n) => { byId(`edge-${edge}`).textContent = found.edges[n]; });
    const window = this.windows[this.volume.label] || this.volume;
    byId("low").value = window.low;
    byId("high").value = window.high;
    byId("colours").value = window.colours;
    byId("unit").textContent = this.volume.unit;
    this.scrollTo(at === undefined ? Math.floor(found.count / 2) : at);
  }

  place() { return `${this.plane.name} ${this.volume.shape.join(" ")}`; }

  step(by) { this.scrollTo(this.slices[this.place()] + by); }

  scrollTo(number) {
    const at = Math.max(0, Math.min(this.plane.count - 1, number));
    this.slices[this.place()] = at;
    byId("slice").value = String(at);
    byId("slice-number").textContent = `${at + 1} of ${this.plane.count}`;
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
    delete this.slices[this.place()];
    this.choosePlane(this.plane.name);
  }

  // One picture is on its way at a time; what was passed over meanwhile is not asked for.
  draw() {
    const low = byId("low").value, high = byId("high").value, colours = byId("colours").value;
    byId("scale").src = `/api/scale/${colours}.png`;
    byId("scale-low").textContent = low;
    byId("scale-high").textContent = `${high} ${this.volume.unit}`;
    if (this.isLoading) {
      this.isStale = true;
      return;
    }
    const query = new URLSearchParams({ low, high, colours, overlay: byId("overlay").value });
    const at = this.slices[this.place()];
    const path = `/api/scans/${this.session}/images/${this.volume.number}/${this.plane.name}/${at}.png`;
    this.isLoading = true;
    this.image.alt = `${titleOf(this.volume)}, ${this.plane.name} slice ${at + 1}`;
    this.image.src = `${path}?${query}`;
  }

  loaded() {
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
  }

  // To the right: wider; down: brighter.
  drag(event) {
    if (!this.dragFrom || !event.buttons) return;
    const { x, y, low, high } = this.dragFrom;
    const half = ((high - low) / 2) * Math.exp((event.clientX - x) / 200);
    const middle = (low + high) / 2 - ((event.clientY - y) / 200) * (high - low);
    this.setWindow(middle - half, middle + half);
  }
}

function titleOf(volume) {
  return volume.te_ms === null ? volume.label : `${volume.label}, TE ${volume.te_ms} ms`;
}
