// The drawing: only what is visible; lines as one path for each style, atoms and marks as small images made once, which
// is several times faster than paths where there is no graphics card. Positions are in um, y upward.

const SCALE_STEPS = [1, 2, 5];
const LEAST_GAP_PX = 5;    // sites closer than this are thinned out
const CAPSULE_PX_PER_UM = 4;  // from this scale on, pairs are joined by capsules; below, a disc covers both atoms
const MOST_SPRITES = 60;
const LABEL_GAP_PX = 34;   // qubits are numbered from this distance of neighbouring sites on

function createView(canvas, model) {
  const view = {
    canvas, context: canvas.getContext("2d"), width: 0, height: 0, ratio: 1,
    scale: 1, x: 0, y: 0, colours: {}, sprites: new Map(), still: document.createElement("canvas"), stillKey: "", bounds: findBounds(model),
  };
  view.toX = (x) => view.width / 2 + (x - view.x) * view.scale;
  view.toY = (y) => view.height / 2 - (y - view.y) * view.scale;
  return view;
}

// The lattice, and wherever lines that hold an ancilla go.
function findBounds(model) {
  const [rows, cols, spacing] = model.lattice, margin = spacing / 2;
  const x = [0, (cols - 1) * spacing], y = [0, (rows - 1) * spacing];
  model.aods.forEach((aod, k) => {
    widen(x, aod.cols, linesInUse(model, k, 2));
    widen(y, aod.rows, linesInUse(model, k, 1));
  });
  return { left: x[0] - margin, right: x[1] + margin, low: y[0] - margin, high: y[1] + margin };
}

function linesInUse(model, aod, column) {
  const lines = new Set();
  for (let k = 0; k < model.ancillas.length; k += 3) if (model.ancillas[k] === aod) lines.add(model.ancillas[k + column]);
  return lines;
}

function widen(bounds, lines, used) {
  for (let k = 0; k < lines.at.length; k++) {
    if (!used.has(k % lines.count)) continue;
    bounds[0] = Math.min(bounds[0], lines.at[k]);
    bounds[1] = Math.max(bounds[1], lines.at[k]);
  }
}

function readColours(view) {
  const style = getComputedStyle(document.documentElement);
  view.sprites.clear();
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

const SHAPES = {
  data: (c, r, colours) => { disc(c, r); c.fillStyle = colours.data; c.fill(); if (r > 3) outline(c, colours.ground); },
  bright: (c, r, colours) => { diamond(c, 1.12 * r); c.fillStyle = colours.bright; c.fill(); if (r > 3) outline(c, colours.ground); },
  dark: (c, r, colours) => { diamond(c, 0.9 * r); outline(c, colours.dark); },
  gateDisc: (c, r, colours) => { disc(c, r); c.fillStyle = colours.gate; c.globalAlpha = 0.6; c.fill(); },
  copyDisc: (c, r, colours) => { disc(c, r); c.fillStyle = colours.copy; c.globalAlpha = 0.6; c.fill(); },
  idleDisc: (c, r, colours) => { disc(c, r); c.setLineDash([2, 2]); outline(c, colours.faint); },
  driven: (c, r, colours) => { disc(c, r); outline(c, colours.raman, Math.max(1.2, r / 6)); },
  ended: (c, r, colours) => { disc(c, r); c.setLineDash([2, 2]); outline(c, colours.ink, Math.max(1.2, r / 6)); },
};

function disc(c, r) { c.beginPath(); c.arc(0, 0, r, 0, 2 * Math.PI); }

function diamond(c, r) { c.beginPath(); c.moveTo(0, -r); c.lineTo(r, 0); c.lineTo(0, r); c.lineTo(-r, 0); c.closePath(); }

function outline(c, colour, width = 1) { c.lineWidth = width; c.strokeStyle = colour; c.stroke(); }

// An image of a shape, and half its width in pixels of the page.
function spriteOf(view, shape, radius) {
  const key = `${shape} ${radius.toFixed(2)} ${view.ratio}`;
  if (!view.sprites.has(key)) {
    if (view.sprites.size >= MOST_SPRITES) view.sprites.clear();
    const image = document.createElement("canvas"), half = Math.ceil(1.12 * radius + 2), c = image.getContext("2d");
    image.width = image.height = Math.ceil(2 * half * view.ratio);
    c.setTransform(image.width / (2 * half), 0, 0, image.width / (2 * half), image.width / 2, image.width / 2);
    SHAPES[shape](c, radius, view.colours);
    view.sprites.set(key, { image, half });
  }
  return view.sprites.get(key);
}

function stamp(view, sprite, x, y, size = 1) {
  const half = sprite.half * size;
  view.context.drawImage(sprite.image, x - half, y - half, 2 * half, 2 * half);
}

function atomRadius(view) {
  return Math.min(Math.max(view.scale, 1.8), 10);
}

// scene: {xy, bright, qubits, marks, hover}; a mark is {links or points, strength} of a pulse or of addressed atoms.
function drawScene(view, model, scene) {
  const { context: c, colours } = view, radius = atomRadius(view);
  c.setTransform(1, 0, 0, 1, 0, 0);
  c.drawImage(stillPart(view, model, scene, radius), 0, 0);
  c.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  drawLines(view, model);
  for (const mark of scene.marks) if (mark.links) drawLinks(view, mark, radius);
  drawTies(view, model, scene);
  drawMarkedData(view, model, scene, radius);
  drawAncillas(view, model, scene, radius);
  for (const mark of scene.marks) if (mark.points) drawRings(view, mark, radius);
  drawLabels(view, model, scene, radius);
  if (scene.hover >= 0) {
    c.beginPath();
    c.arc(view.toX(scene.xy[2 * scene.hover]), view.toY(scene.xy[2 * scene.hover + 1]), radius + 7, 0, 2 * Math.PI);
    outline(c, colours.ink, 1.5);
  }
  drawScaleBar(view);
}

// Sites and data atoms never move: they are drawn once for each view.
function stillPart(view, model, scene, radius) {
  const { still, context, canvas, ratio } = view;
  const key = [view.x, view.y, view.scale, canvas.width, canvas.height, ratio, view.colours.ground].join(" ");
  if (view.stillKey === key) return still;
  view.stillKey = key;
  still.width = canvas.width;
  still.height = canvas.height;
  const c = view.context = still.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.fillStyle = view.colours.ground;
  c.fillRect(0, 0, view.width, view.height);
  drawSites(view, model);
  stampAtoms(view, scene.xy, range(0, model.numQubits), spriteOf(view, "data", radius));
  view.context = context;
  return still;
}

function* range(first, last) {
  for (let k = first; k < last; k++) yield k;
}

function drawSites(view, model) {
  const { context: c } = view, [rows, cols, spacing] = model.lattice;
  const gap = spacing * view.scale, stride = Math.max(1, Math.ceil(LEAST_GAP_PX / gap)), arm = Math.min(3, gap / 5);
  const halfX = view.width / 2 / view.scale, halfY = view.height / 2 / view.scale;
  const shown = (centre, half, count) => [
    Math.max(0, Math.floor((centre - half) / spacing)), Math.min(count - 1, Math.ceil((centre + half) / spacing)),
  ];
  const [left, right] = shown(view.x, halfX, cols), [low, high] = shown(view.y, halfY, rows);
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

// One stroke for each line: without a graphics card many lines in one path are far slower.
function drawLines(view, model) {
  const { context: c } = view;
  c.globalAlpha = 0.5;
  c.lineWidth = view.scale > 3 ? 1 : 0.6;
  model.aods.forEach((aod, k) => {
    if (!aod.placed) return;
    c.setLineDash(k % 2 ? [5, 4] : []);
    c.strokeStyle = view.colours[k % 2 ? "aod1" : "aod0"];
    for (const y of aod.rows.now) { const v = view.toY(y); if (v >= 0 && v <= view.height) drawLine(c, 0, v, view.width, v); }
    for (const x of aod.cols.now) { const v = view.toX(x); if (v >= 0 && v <= view.width) drawLine(c, v, 0, v, view.height); }
  });
  c.globalAlpha = 1;
  c.setLineDash([]);
}

function drawLine(c, x1, y1, x2, y2) { c.beginPath(); c.moveTo(x1, y1); c.lineTo(x2, y2); c.stroke(); }

// links: x1, y1, x2, y2, kind for each pair.
function drawLinks(view, mark, radius) {
  const { context: c, colours } = view, size = 1 + 0.35 * (mark.flash || 0);
  for (const [kinds, colour, shape] of [[[GATE, FOLD], "gate", "gateDisc"], [[OWN], "copy", "copyDisc"], [[IDLE], "faint", "idleDisc"]]) {
    const ends = [];
    for (let k = 0; k < mark.links.length; k += 5) {
      const x = view.toX(mark.links[k]), y = view.toY(mark.links[k + 1]);
      if (kinds.includes(mark.links[k + 4]) && isVisible(view, x, y)) {
        ends.push(x, y, view.toX(mark.links[k + 2]), view.toY(mark.links[k + 3]));
      }
    }
    c.globalAlpha = mark.strength;
    if (view.scale < CAPSULE_PX_PER_UM) {
      const sprite = spriteOf(view, shape, shape === "idleDisc" ? 1.5 * radius + 1 : 2 * radius + 2.5);
      for (let k = 0; k < ends.length; k += 4) stamp(view, sprite, (ends[k] + ends[k + 2]) / 2, (ends[k + 1] + ends[k + 3]) / 2, size);
    } else {
      drawCapsules(c, ends, colours[colour], (2 * radius + 7) * size, shape === "idleDisc");
    }
  }
  c.globalAlpha = 1;
}

function drawCapsules(c, ends, colour, width, isIdle) {
  const strength = c.globalAlpha;
  c.beginPath();
  for (let k = 0; k < ends.length; k += 4) { c.moveTo(ends[k], ends[k + 1]); c.lineTo(ends[k + 2], ends[k + 3]); }
  c.lineCap = "round";
  c.globalAlpha = (isIdle ? 0.35 : 0.5) * strength;
  outline(c, colour, width);
  c.globalAlpha = strength;
  c.setLineDash(isIdle ? [3, 3] : []);
  outline(c, colour, Math.max(1.2, width / 8));
  c.setLineDash([]);
}

function isVisible(view, x, y, beyond = 20) {
  return x > -beyond && y > -beyond && x < view.width + beyond && y < view.height + beyond;  // false for NaN too
}

function stampAtoms(view, xy, atoms, sprite) {
  for (const atom of atoms) {
    const x = view.toX(xy[2 * atom]), y = view.toY(xy[2 * atom + 1]);
    if (isVisible(view, x, y)) stamp(view, sprite, x, y);
  }
}

// Data atoms in pairs or driven, once more above the marks.
function drawMarkedData(view, model, scene, radius) {
  const sprite = spriteOf(view, "data", radius), marked = new Set();
  for (const mark of scene.marks) for (const atom of mark.data) marked.add(atom);
  stampAtoms(view, scene.xy, marked, sprite);
}

function drawAncillas(view, model, scene, radius) {
  const lit = [], dark = [];
  for (let atom = model.numQubits; atom < model.numAtoms; atom++) (scene.bright[atom] ? lit : dark).push(atom);
  stampAtoms(view, scene.xy, dark, spriteOf(view, "dark", radius));
  stampAtoms(view, scene.xy, lit, spriteOf(view, "bright", radius));
}

// points: x, y of each addressed atom.
function drawRings(view, mark, radius) {
  const { context: c } = view, sprite = spriteOf(view, mark.shape, radius + 2.5), size = 1 + 0.2 * (mark.flash || 0);
  c.globalAlpha = mark.strength;
  for (let k = 0; k < mark.points.length; k += 2) {
    const x = view.toX(mark.points[k]), y = view.toY(mark.points[k + 1]);
    if (isVisible(view, x, y)) stamp(view, sprite, x, y, size);
  }
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
