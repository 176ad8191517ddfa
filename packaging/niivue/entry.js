// What of NiiVue the page uses: volumes in slices. Nothing is drawn in three dimensions, so its
// picture of a shiny surface is not loaded.

import { Niivue } from "@/niivue/index.ts";

export { NVImage } from "@/nvimage/index.ts";

export class SliceView extends Niivue {
  async loadDefaultMatCap() { return null; }
}
