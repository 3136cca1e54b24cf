// The drawing: only what is visible, with one path for each style. Positions are in um, y upward.

const SCALE_STEPS = [1, 2, 5];
const LEAST_GAP_PX = 5;    // sites closer than this are thinned out
const LABEL_GAP_PX = 34;   // qubits are numbered from this distance of neighbouring sites on

function createView(canvas, model) {
  const view = {
    canvas, context: canvas.getContext("2d"), width: 0, height: 0, ratio: 1,
    scale: 1, x: 0, y: 0, colours: {}, bounds: findBounds(model),
  };
  view.toX = (x) => view.width / 2 + (x - view.x) * view.scale;
  view.toY = (y) => view.height / 2 - (y - view.y) * view.scale;
  return view;
}

function findBounds(model) {
  const [rows, cols, spacing] = model.lattice;
  const bounds = { left: 0, right: (cols - 1) * spacing, low: 0, high: (rows - 1) * spacing };
  for (const aod of model.aods) {
    for (const x of aod.cols.at) { if (x < bounds.left) bounds.left = x; if (x > bounds.right) bounds.right = x; }
    for (const y of aod.rows.at) { if (y < bounds.low) bounds.low = y; if (y > bounds.high) bounds.high = y; }
  }
  const margin = spacing / 2;
  return { left: bounds.left - margin, right: bounds.right + margin, low: bounds.low - margin, high: bounds.high + margin };
}

function readColours(view) {
  const style = getComputedStyle(document.documentElement);
  view.font = getComputedStyle(document.body).fontFamily;
  for (const name of ["ground", "ink", "faint", "site", "data", "bright", "dark", "gate", "copy", "raman", "aod0", "aod1"]) {
    view.colours[name] = style.getPropertyValue(`--${name}`).trim();
  }
}

// Return whether the size has changed.
function resizeView(view) {
  const { clientWidth, clientHeight } = view.canvas, ratio = window.devicePixelRatio || 1;
  if (clientWidth === view.width && clientHeight === view.height && ratio === view.ratio) return false;
  Object.assign(view, { width: clientWidth, height: clientHeight, ratio });
  view.canvas.width = Math.round(clientWidth * ratio);
  view.canvas.height = Math.round(clientHeight * ratio);
  return true;
}

function fitView(view) {
  const { left, right, low, high } = view.bounds;
  view.scale = 0.94 * Math.min(view.width / (right - left), (view.height - 36) / (high - low));
  view.x = (left + right) / 2;
  view.y = (low + high) / 2 - 10 / view.scale;
}

function zoomView(view, factor, px = view.width / 2, py = view.height / 2) {
  const scale = Math.min(Math.max(view.scale * factor, 0.02), 400), dx = px - view.width / 2, dy = view.height / 2 - py;
  view.x += dx / view.scale - dx / scale;
  view.y += dy / view.scale - dy / scale;
  view.scale = scale;
}

function atomRadius(view) {
  return Math.min(Math.max(view.scale, 1.8), 10);
}

// scene: {xy, bright, qubits, marks, hover}; a mark is {links or points, strength} of a pulse or of addressed atoms.
function drawScene(view, model, scene) {
  const { context: c, colours } = view;
  c.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  c.fillStyle = colours.ground;
  c.fillRect(0, 0, view.width, view.height);
  drawSites(view, model);
  drawLines(view, model);
  const radius = atomRadius(view);
  for (const mark of scene.marks) if (mark.links) drawLinks(view, mark, radius);
  drawTies(view, model, scene);
  drawAtoms(view, model, scene, radius);
  for (const mark of scene.marks) if (mark.points) drawRings(view, mark, radius);
  drawLabels(view, model, scene, radius);
  if (scene.hover >= 0) ring(view, scene.xy, scene.hover, radius + 7, colours.ink);
  drawScaleBar(view);
}

function drawSites(view, model) {
  const { context: c } = view, [rows, cols, spacing] = model.lattice;
  const gap = spacing * view.scale, stride = Math.max(1, Math.ceil(LEAST_GAP_PX / gap)), arm = Math.min(3, gap / 5);
  const halfX = view.width / 2 / view.scale, halfY = view.height / 2 / view.scale;
  const range = (centre, half, count) => [
    Math.max(0, Math.floor((centre - half) / spacing)), Math.min(count - 1, Math.ceil((centre + half) / spacing)),
  ];
  const [left, right] = range(view.x, halfX, cols), [low, high] = range(view.y, halfY, rows);
  c.beginPath();
  for (let row = low - (low % stride); row <= high; row += stride) {
    const y = view.toY(row * spacing);
    for (let col = left - (left % stride); col <= right; col += stride) {
      const x = view.toX(col * spacing);
      c.moveTo(x - arm, y); c.lineTo(x + arm, y);
      c.moveTo(x, y - arm); c.lineTo(x, y + arm);
    }
  }
  c.lineWidth = 1;
  c.strokeStyle = view.colours.site;
  c.stroke();
}

function drawLines(view, model) {
  const { context: c } = view;
  model.aods.forEach((aod, k) => {
    if (!aod.placed) return;
    c.beginPath();
    for (const y of aod.rows.now) { const v = view.toY(y); if (v >= 0 && v <= view.height) { c.moveTo(0, v); c.lineTo(view.width, v); } }
    for (const x of aod.cols.now) { const v = view.toX(x); if (v >= 0 && v <= view.width) { c.moveTo(v, 0); c.lineTo(v, view.height); } }
    c.setLineDash(k % 2 ? [5, 4] : []);
    c.globalAlpha = 0.5;
    c.lineWidth = view.scale > 3 ? 1 : 0.6;
    c.strokeStyle = view.colours[k % 2 ? "aod1" : "aod0"];
    c.stroke();
    c.globalAlpha = 1;
    c.setLineDash([]);
  });
}

// links: x1, y1, x2, y2, kind for each pair.
function drawLinks(view, mark, radius) {
  const { context: c, colours } = view;
  for (const [kinds, colour, dash] of [[[GATE, FOLD], "gate", []], [[OWN], "copy", []], [[IDLE], "faint", [3, 3]]]) {
    c.beginPath();
    for (let k = 0; k < mark.links.length; k += 5) {
      if (!kinds.includes(mark.links[k + 4])) continue;
      c.moveTo(view.toX(mark.links[k]), view.toY(mark.links[k + 1]));
      c.lineTo(view.toX(mark.links[k + 2]), view.toY(mark.links[k + 3]));
    }
    c.lineCap = "round";
    c.strokeStyle = colours[colour];
    c.globalAlpha = (dash.length ? 0.35 : 0.5) * mark.strength;
    c.lineWidth = (2 * radius + 7) * (1 + 0.35 * (mark.flash || 0));
    c.stroke();
    c.globalAlpha = mark.strength;
    c.lineWidth = Math.max(1.2, radius / 3);
    c.setLineDash(dash);
    c.stroke();
    c.setLineDash([]);
  }
  c.globalAlpha = 1;
}

function isVisible(view, x, y, beyond = 20) {
  return x > -beyond && y > -beyond && x < view.width + beyond && y < view.height + beyond;  // false for NaN too
}

function drawAtoms(view, model, scene, radius) {
  const { context: c, colours } = view, { xy, bright } = scene, n = model.numQubits;
  const data = new Path2D(), lit = new Path2D(), dark = new Path2D(), d = radius * 1.12;
  for (let atom = 0; atom < model.numAtoms; atom++) {
    const x = view.toX(xy[2 * atom]), y = view.toY(xy[2 * atom + 1]);
    if (!isVisible(view, x, y)) continue;
    if (atom < n) {
      data.moveTo(x + radius, y);
      data.arc(x, y, radius, 0, 2 * Math.PI);
    } else {
      const path = bright[atom] ? lit : dark, s = bright[atom] ? d : 0.8 * d;
      path.moveTo(x, y - s); path.lineTo(x + s, y); path.lineTo(x, y + s); path.lineTo(x - s, y); path.closePath();
    }
  }
  c.fillStyle = colours.ground;
  c.fill(dark);
  c.lineWidth = 1;
  c.strokeStyle = colours.dark;
  c.stroke(dark);
  c.fillStyle = colours.data;
  c.fill(data);
  c.fillStyle = colours.bright;
  c.fill(lit);
  if (radius > 3) { c.strokeStyle = colours.ground; c.stroke(data); c.stroke(lit); }
}

function ring(view, xy, atom, radius, colour) {
  const { context: c } = view;
  c.beginPath();
  c.arc(view.toX(xy[2 * atom]), view.toY(xy[2 * atom + 1]), radius, 0, 2 * Math.PI);
  c.lineWidth = 1.5;
  c.strokeStyle = colour;
  c.stroke();
}

// points: x, y of each addressed atom.
function drawRings(view, mark, radius) {
  const { context: c } = view, r = radius + 2.5 + 2 * (mark.flash || 0);
  c.beginPath();
  for (let k = 0; k < mark.points.length; k += 2) {
    const x = view.toX(mark.points[k]), y = view.toY(mark.points[k + 1]);
    if (!isVisible(view, x, y)) continue;
    c.moveTo(x + r, y);
    c.arc(x, y, r, 0, 2 * Math.PI);
  }
  c.globalAlpha = mark.strength;
  c.lineWidth = Math.max(1.2, radius / 4);
  c.strokeStyle = view.colours[mark.colour];
  c.setLineDash(mark.dash);
  c.stroke();
  c.setLineDash([]);
  c.globalAlpha = 1;
}

// Threads from the atom pointed at to the other atoms of its qubit.
function drawTies(view, model, scene) {
  const { context: c } = view, { xy, qubits, hover } = scene;
  if (hover < 0 || qubits[hover] < 0) return;
  const q = qubits[hover];
  c.beginPath();
  for (let atom = model.numQubits; atom < model.numAtoms; atom++) {
    if (qubits[atom] !== q || Number.isNaN(xy[2 * atom])) continue;
    c.moveTo(view.toX(xy[2 * q]), view.toY(xy[2 * q + 1]));
    c.lineTo(view.toX(xy[2 * atom]), view.toY(xy[2 * atom + 1]));
  }
  c.setLineDash([2, 4]);
  c.lineWidth = 1.5;
  c.strokeStyle = view.colours.ink;
  c.stroke();
  c.setLineDash([]);
}

function drawLabels(view, model, scene, radius) {
  const { context: c, colours } = view, { xy, bright, qubits } = scene, gap = model.lattice[2] * view.scale;
  if (gap < LABEL_GAP_PX) return;
  c.font = `${Math.min(13, Math.max(9, gap / 5))}px ${view.font}`;
  c.textBaseline = "bottom";
  for (let atom = 0; atom < model.numAtoms; atom++) {
    const x = view.toX(xy[2 * atom]), y = view.toY(xy[2 * atom + 1]), isData = atom < model.numQubits;
    if (!isVisible(view, x, y) || !bright[atom] || qubits[atom] < 0) continue;
    if (!isData && gap < 2 * LABEL_GAP_PX) continue;
    c.fillStyle = isData ? colours.ink : colours.bright;
    c.textAlign = isData ? "right" : "left";
    c.fillText(String(qubits[atom]), isData ? x - radius : x + radius, y - radius + 2);
  }
}

function drawScaleBar(view) {
  const { context: c, colours } = view, wish = 110 / view.scale, power = 10 ** Math.floor(Math.log10(wish));
  const um = SCALE_STEPS.map((step) => step * power).filter((length) => length <= wish).pop();
  const length = um * view.scale, x = 16, y = view.height - 16;
  c.fillStyle = colours.ground;
  c.globalAlpha = 0.85;
  c.fillRect(x - 8, y - 26, length + 16, 36);
  c.globalAlpha = 1;
  c.beginPath();
  c.moveTo(x, y - 5); c.lineTo(x, y); c.lineTo(x + length, y); c.lineTo(x + length, y - 5);
  c.lineWidth = 1.5;
  c.strokeStyle = colours.ink;
  c.stroke();
  c.fillStyle = colours.ink;
  c.font = `12px ${view.font}`;
  c.textAlign = "center";
  c.textBaseline = "bottom";
  c.fillText(`${um} um`, x + length / 2, y - 5);
}

// The atom nearest to a point of the canvas, within reach; -1 if there is none.
function atomAt(view, scene, px, py, reach) {
  let best = -1, least = Math.max(reach, atomRadius(view) + 3) ** 2;
  for (let atom = 0; 2 * atom < scene.xy.length; atom++) {
    const dx = view.toX(scene.xy[2 * atom]) - px, dy = view.toY(scene.xy[2 * atom + 1]) - py;
    if (dx * dx + dy * dy < least) { least = dx * dx + dy * dy; best = atom; }
  }
  return best;
}
