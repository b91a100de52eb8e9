// Draws the points with WebGL2: one buffer of positions, one of colors, one index list of the rows to draw.

const VERTEX = `#version 300 es
in vec2 position;
in vec4 color;
uniform vec2 center;
uniform vec2 scale;
uniform float size;
uniform vec4 ink;
out vec4 tint;
void main() {
  gl_Position = vec4((position - center) * scale, 0.0, 1.0);
  gl_PointSize = size;
  tint = ink.a > 0.0 ? ink : color;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec4 tint;
uniform float size;
uniform float opacity;
out vec4 result;
void main() {
  float distance = length(gl_PointCoord - 0.5) * size;
  float inside = size < 2.5 ? 1.0 : clamp(size * 0.5 - distance, 0.0, 1.0);
  float alpha = tint.a * opacity * inside;
  if (alpha <= 0.003) discard;
  result = vec4(tint.rgb * alpha, alpha);
}`;

function shader(gl, type, source) {
  const result = gl.createShader(type);
  gl.shaderSource(result, source);
  gl.compileShader(result);
  if (!gl.getShaderParameter(result, gl.COMPILE_STATUS) && !gl.isContextLost()) {
    throw new Error(`the graphics driver refused a shader: ${gl.getShaderInfoLog(result)}`);
  }
  return result;
}

export class WebglPoints {
  constructor(canvas, data) {
    const gl = canvas.getContext('webgl2', { antialias: false, alpha: true, premultipliedAlpha: true, depth: false });
    if (!gl) throw new Error('this browser has no WebGL2');
    this.gl = gl;
    this.canvas = canvas;
    const program = gl.createProgram();
    gl.attachShader(program, shader(gl, gl.VERTEX_SHADER, VERTEX));
    gl.attachShader(program, shader(gl, gl.FRAGMENT_SHADER, FRAGMENT));
    gl.bindAttribLocation(program, 0, 'position');
    gl.bindAttribLocation(program, 1, 'color');
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      throw new Error(`the graphics driver refused the program: ${gl.getProgramInfoLog(program)}`);
    }
    gl.useProgram(program);
    this.at = {};
    for (const name of ['center', 'scale', 'size', 'ink', 'opacity']) this.at[name] = gl.getUniformLocation(program, name);

    const positions = new Float32Array(2 * data.n);
    for (let i = 0; i < data.n; i++) {
      positions[2 * i] = data.x[i];
      positions[2 * i + 1] = data.y[i];
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, positions, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    this.colors = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.colors);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.largest = gl.getParameter(gl.ALIASED_POINT_SIZE_RANGE)[1];
    this.drawn = { base: 0, marked: 0 };
  }

  get kind() {
    return 'webgl2';
  }

  // `colors` holds RGBA per row; `order` the rows to draw, the last `marked` of them as search hits.
  update(colors, order, marked) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.colors);
    gl.bufferData(gl.ARRAY_BUFFER, colors, gl.DYNAMIC_DRAW);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, order, gl.DYNAMIC_DRAW);
    this.drawn = { base: order.length - marked, marked };
  }

  draw(camera, style) {
    const { gl, at } = this;
    const ratio = style.ratio;
    const width = Math.round(camera.width * ratio);
    const height = Math.round(camera.height * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(at.center, camera.x, camera.y);
    gl.uniform2f(at.scale, (2 * camera.scale) / camera.width, (2 * camera.scale) / camera.height);
    const pass = (size, opacity, ink, from, length) => {
      if (!length) return;
      gl.uniform1f(at.size, Math.min(this.largest, Math.max(1, size * ratio)));
      gl.uniform1f(at.opacity, Math.min(1, opacity * Math.min(1, (size * ratio) ** 2)));
      gl.uniform4fv(at.ink, ink);
      gl.drawElements(gl.POINTS, length, gl.UNSIGNED_INT, from * 4);
    };
    const { base, marked } = this.drawn;
    pass(style.size, style.opacity, [0, 0, 0, 0], 0, base);
    pass(style.markSize + 3, 1, style.ink, base, marked);
    pass(style.markSize, 1, [0, 0, 0, 0], base, marked);
  }
}
