// Draws the points without WebGL: blends small discs into an image, which every browser can show.

export class CanvasPoints {
  constructor(canvas, data) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    if (!this.context) throw new Error('this browser has neither WebGL2 nor a 2-D canvas');
    this.data = data;
    this.order = new Uint32Array(0);
    this.marked = 0;
  }

  get kind() {
    return 'canvas2d';
  }

  update(colors, order, marked) {
    this.colors = colors;
    this.order = order;
    this.marked = marked;
  }

  draw(camera, style) {
    // One image pixel per CSS pixel: twice the resolution would cost four times the work.
    const width = Math.round(camera.width);
    const height = Math.round(camera.height);
    if (this.canvas.width !== width || this.canvas.height !== height || !this.image) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.image = this.context.createImageData(width, height);
      this.light = new Float32Array(width * height * 4);
    }
    this.light.fill(0);
    const base = this.order.length - this.marked;
    this.splat(camera, style.size, style.opacity, null, 0, base);
    this.splat(camera, style.markSize + 3, 1, style.ink, base, this.order.length);
    this.splat(camera, style.markSize, 1, null, base, this.order.length);
    const pixels = this.image.data;
    const { light } = this;
    for (let i = 0; i < pixels.length; i += 4) {
      const alpha = light[i + 3];
      if (alpha <= 0) {
        pixels[i + 3] = 0;
        continue;
      }
      pixels[i] = (255 * light[i]) / alpha;
      pixels[i + 1] = (255 * light[i + 1]) / alpha;
      pixels[i + 2] = (255 * light[i + 2]) / alpha;
      pixels[i + 3] = 255 * alpha;
    }
    this.context.putImageData(this.image, 0, 0);
  }

  splat(camera, size, opacity, ink, from, to) {
    if (from >= to) return;
    const { x, y } = this.data;
    const { light, colors, order } = this;
    const { width, height } = this.image;
    const radius = Math.max(0.5, size / 2);
    const strength = opacity * Math.min(1, size * size);
    const reach = Math.ceil(radius);
    for (let at = from; at < to; at++) {
      const id = order[at];
      const px = (x[id] - camera.x) * camera.scale + camera.width / 2;
      const py = (camera.y - y[id]) * camera.scale + camera.height / 2;
      if (px < -reach || py < -reach || px > width + reach || py > height + reach) continue;
      const color = id * 4;
      const r = ink ? ink[0] : colors[color] / 255;
      const g = ink ? ink[1] : colors[color + 1] / 255;
      const b = ink ? ink[2] : colors[color + 2] / 255;
      const a = strength * (ink ? ink[3] : colors[color + 3] / 255);
      const x0 = Math.max(0, Math.floor(px - reach));
      const x1 = Math.min(width - 1, Math.floor(px + reach));
      const y1 = Math.min(height - 1, Math.floor(py + reach));
      for (let row = Math.max(0, Math.floor(py - reach)); row <= y1; row++) {
        for (let column = x0; column <= x1; column++) {
          const distance = Math.hypot(column + 0.5 - px, row + 0.5 - py);
          const inside = Math.min(1, radius + 0.5 - distance);
          if (inside <= 0) continue;
          const cover = a * inside;
          const keep = 1 - cover;
          const i = (row * width + column) * 4;
          light[i] = r * cover + light[i] * keep;
          light[i + 1] = g * cover + light[i + 1] * keep;
          light[i + 2] = b * cover + light[i + 2] * keep;
          light[i + 3] = cover + light[i + 3] * keep;
        }
      }
    }
  }
}
