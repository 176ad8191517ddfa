// Draws slices of volumes in the browser, by NiiVue; only where there is WebGL2.
// Syntax of Chrome 90 and Firefox 91.

const TYPES = { axial: 0, coronal: 1, sagittal: 2, all: 3 };
const PLANES = ["axial", "coronal", "sagittal"]; // by NiiVue's numbers
const MASK = "mask";
const ORANGE = [230, 159, 0]; // Okabe and Ito's: seen by the colour-blind
const MASK_OPACITY = 0.4;
const CROSS_PERCENT = 0.4; // of the field of view
const MOST_KEPT = 6; // volumes, so that going back and forth between maps loads nothing

export class SliceView {
  // The view, or null where the browser cannot draw it: then the server does.
  static async start(canvas) {
    if (!document.createElement("canvas").getContext("webgl2")) return null;
    try {
      const niivue = await import("./niivue.js");
      const scales = await (await fetch("/api/scales", { credentials: "same-origin" })).json();
      const view = new SliceView(niivue, canvas, scales);
      await view.niivue.attachToCanvas(canvas);
      return view;
    } catch (error) {
      console.warn(`slices are drawn by the server: ${error.message}`);
      return null;
    }
  }

  constructor({ SliceView: NiiVue, NVImage }, canvas, scales) {
    this.NVImage = NVImage;
    this.canvas = canvas;
    this.kept = new Map();
    this.shown = "";
    this.painted = "";
    this.niivue = new NiiVue({
      crosshairColor: [0.94, 0.78, 0.37, 0.7],
      crosshairWidthUnit: "percent",
      dragAndDropEnabled: false,
      fontColor: [0.85, 0.87, 0.89, 1],
      fontMinPx: 18,
      interactive: false,
      isRadiologicalConvention: true,
      loadingText: "",
      logLevel: "silent",
      multiplanarEqualSize: true,
      multiplanarLayout: 2, // a grid
      multiplanarShowRender: 0,
      sagittalNoseLeft: true,
      showAllOrientationMarkers: true,
    });
    for (const [name, steps] of Object.entries(scales)) {
      const [R, G, B] = [0, 1, 2].map((channel) => steps.map((step) => step[channel]));
      const I = steps.map((_step, n) => n);
      this.niivue.addColormap(`ours_${name}`, { R, G, B, I, A: steps.map(() => 255) });
    }
    const [r, g, b] = ORANGE;
    this.niivue.addColormap(MASK, { R: [0, r], G: [0, g], B: [0, b], A: [0, 255], I: [0, 255] });
  }

  // path: of the volume's file; mask: of another one, or ""; slices: a number for each plane.
  async draw({ path, mask, isAngle, plane, slices, counts, low, high, colours }) {
    const base = await this.load(path);
    const cover = mask && mask !== path ? await this.load(mask) : null;
    const shown = `${path} ${mask}`;
    paint(base, { colormap: `ours_${colours}`, low, high, opacity: 1 });
    if (cover) paint(cover, { colormap: MASK, low: 0, high: 1, opacity: MASK_OPACITY });
    const isWhole = plane === "all";
    const { niivue } = this;
    Object.assign(niivue.opts, {
      crosshairWidth: isWhole ? CROSS_PERCENT : 0,
      isNearestInterpolation: isAngle,
      isOrientationTextVisible: isWhole,
      sliceType: TYPES[plane],
    });
    niivue.scene.crosshairPos = fractionsOf(slices, counts);
    if (shown !== this.shown) {
      niivue.volumes = [];
      niivue.addVolume(base);
      if (cover) niivue.addVolume(cover);
      niivue.setInterpolation(isAngle);
    } else if (this.painted !== `${low} ${high} ${colours}`) niivue.updateGLVolume();
    this.shown = shown;
    this.painted = `${low} ${high} ${colours}`;
    niivue.drawScene();
  }

  async load(path) {
    const known = this.kept.get(path);
    if (known) return known;
    const answer = await fetch(path, { credentials: "same-origin" });
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error || answer.statusText);
    const made = await this.NVImage.new(await answer.arrayBuffer(), "volume.nii");
    this.kept.set(path, made);
    if (this.kept.size > MOST_KEPT) this.kept.delete(this.kept.keys().next().value);
    return made;
  }

  // What lies under a place of the window: plane, slice numbers there, value; null beside the image.
  under(clientX, clientY, counts) {
    const { niivue, canvas } = this;
    if (!niivue.volumes.length) return null;
    const box = canvas.getBoundingClientRect();
    const x = (clientX - box.left) * (canvas.width / box.width);
    const y = (clientY - box.top) * (canvas.height / box.height);
    const tile = niivue.screenSlices[niivue.tileIndex(x, y)];
    const fractions = niivue.canvasPos2frac([x, y]);
    if (!tile || tile.axCorSag > 2 || fractions[0] < 0) return null;
    const value = niivue.volumes[0].getValue(...niivue.frac2vox(fractions));
    return { plane: PLANES[tile.axCorSag], slices: slicesOf(fractions, counts), value };
  }

  forget() {
    this.kept.clear();
    this.shown = "";
  }
}

// The colours first: with them NiiVue chooses a window of its own.
function paint(volume, { colormap, low, high, opacity }) {
  volume.colormap = colormap;
  Object.assign(volume, { cal_min: low, cal_max: high, opacity });
}

// The server counts slices towards the left, the back and the head; NiiVue towards right, front, head.
function fractionsOf(slices, counts) {
  const of = (plane) => (slices[plane] + 0.5) / counts[plane];
  return [1 - of("sagittal"), 1 - of("coronal"), of("axial")];
}

function slicesOf([right, front, head], counts) {
  const at = (fraction, count) => Math.max(0, Math.min(count - 1, Math.floor(fraction * count)));
  return {
    sagittal: at(1 - right, counts.sagittal),
    coronal: at(1 - front, counts.coronal),
    axial: at(head, counts.axial),
  };
}
