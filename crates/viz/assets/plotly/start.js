"use strict";
(() => {
  const figure = JSON.parse(document.getElementById('figure').textContent);
  const note = document.getElementById('note');
  const count = figure.data[0].x.length;
  if (!document.createElement('canvas').getContext('webgl')) {
    // Without WebGL, Plotly makes an SVG node per point.
    const few = count <= 50000;
    figure.data[0].type = 'scatter';
    if (!few) figure.data[0].visible = false;
    note.textContent = few
      ? 'Drawn without WebGL, which is slower: this browser has none.'
      : `The ${count.toLocaleString('en')} points are not drawn: Plotly needs WebGL for more than 50,000 points, and this browser has none. Skerry's own page draws them.`;
    note.hidden = false;
  }
  // A halo keeps a name legible and hides less of its topic than the background box of other Plotly versions.
  const halo = Array(6).fill('0 0 3px #fff').join(', ');
  for (const name of figure.layout.annotations) {
    delete name.bgcolor;
    name.font.shadow = halo;
  }
  // Names are placed for the size of the figure; a larger window only moves them apart.
  const { width, height, ...layout } = figure.layout;
  const map = document.getElementById('map');
  map.style.minWidth = `${width}px`;
  map.style.minHeight = `${height}px`;
  Plotly.newPlot(map, figure.data, layout, { responsive: true, scrollZoom: true, displaylogo: false })
    .then(() => { document.documentElement.dataset.ready = String(count); });
})();
