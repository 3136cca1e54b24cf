// The program as arrays, and what follows from them: positions, brightness, sources, gates of an atom.
// A state is {step, share}: the share of an instruction that has elapsed; step -1 is the start.

const MOVE = 0, RAMAN = 1, RYDBERG = 2, RELEASE = 3, MEASURE = 4, RESET = 5;
const GATE = 0, OWN = 1, FOLD = 2, IDLE = 3;
const TYPES = { float64: Float64Array, float32: Float32Array, int32: Int32Array, uint8: Uint8Array };

async function loadModel(header) {
  const packed = Uint8Array.from(atob(header.data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = await new Response(stream).arrayBuffer();
  const model = { ...header, data: null };
  let at = 0;
  for (const [name, type, size] of header.arrays) {
    const end = at + size * TYPES[type].BYTES_PER_ELEMENT;
    model[name] = new TYPES[type](bytes.slice(at, end));
    at = end;
  }
  model.numSteps = model.ops.length;
  model.durationUs = model.timesUs[model.numSteps];
  model.aods = Array.from({ length: header.numAods }, (_, aod) => loadAod(model, aod));
  model.pulseBefore = countPulses(model);
  model.numPulses = model.pulseBefore[model.numSteps];
  return model;
}

function loadAod(model, aod) {
  const lines = (name) => {
    const [moves, count] = model[`${name}Shape${aod}`];
    const at = new Float64Array(moves * count);
    const deltas = model[`${name}${aod}`];
    for (let k = 0; k < at.length; k++) at[k] = deltas[k] / 1000 + (k < count ? 0 : at[k - count]);
    return { at, count, now: new Float64Array(count) };
  };
  return {
    steps: model[`moves${aod}`], starts: model[`starts${aod}`], ends: model[`ends${aod}`],
    rows: lines("rows"), cols: lines("cols"), placed: false,
  };
}

function countPulses(model) {
  const before = new Int32Array(model.numSteps + 1);
  for (let step = 0; step < model.numSteps; step++) {
    before[step + 1] = before[step] + (model.pairOffset[step + 1] > model.pairOffset[step] ? 1 : 0);
  }
  return before;
}

// How many entries of a sorted array are at most the value.
function countUpTo(sorted, value, length = sorted.length) {
  let low = 0, high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function stepTime(model, step) {
  return model.timesUs[step + 1] - model.timesUs[step];
}

function timeOf(model, state) {
  return state.step < 0 ? 0 : model.timesUs[state.step] + state.share * stepTime(model, state.step);
}

function stateAtTime(model, timeUs) {
  if (!model.numSteps) return { step: -1, share: 1 };
  const time = Math.min(Math.max(timeUs, 0), model.durationUs);
  const step = Math.min(Math.max(countUpTo(model.timesUs, time) - 1, 0), model.numSteps - 1);
  const length = stepTime(model, step);
  return { step, share: length > 0 ? Math.min(1, (time - model.timesUs[step]) / length) : 1 };
}

// Put the lines of every AOD where they are; with equal steps, moves that run together come one after the other.
function setLines(model, state, equalSteps) {
  const time = state.step < 0 ? -1 : timeOf(model, state);
  for (const aod of model.aods) {
    const k = equalSteps ? countUpTo(aod.steps, state.step) - 1 : countUpTo(aod.starts, time) - 1;
    aod.placed = k >= 0;
    if (k < 0) continue;
    const moving = aod.steps[k] === state.step;
    const length = aod.ends[k] - aod.starts[k];
    const s = equalSteps ? (moving ? state.share : 1) : length > 0 ? Math.min(1, (time - aod.starts[k]) / length) : 1;
    const share = s * s * (3 - 2 * s);  // constant jerk, from rest to rest
    for (const lines of [aod.rows, aod.cols]) {
      const after = k * lines.count, before = Math.max(k - 1, 0) * lines.count;
      for (let i = 0; i < lines.count; i++) {
        lines.now[i] = lines.at[before + i] + share * (lines.at[after + i] - lines.at[before + i]);
      }
    }
  }
}

// x and y of every atom, one after the other; NaN for an ancilla without a place.
function placeAtoms(model, xy) {
  const { numQubits: n, numAtoms, sites, ancillas, lattice } = model;
  for (let q = 0; q < n; q++) {
    xy[2 * q] = sites[2 * q + 1] * lattice[2];
    xy[2 * q + 1] = sites[2 * q] * lattice[2];
  }
  for (let k = 0; k < numAtoms - n; k++) {
    const aod = model.aods[ancillas[3 * k]], row = ancillas[3 * k + 1], col = ancillas[3 * k + 2];
    const held = aod.placed && row < aod.rows.count && col < aod.cols.count;
    xy[2 * (n + k)] = held ? aod.cols.now[col] : NaN;
    xy[2 * (n + k) + 1] = held ? aod.rows.now[row] : NaN;
  }
}

// Which atoms are bright once a step is done, and the qubit each belongs to, or -1.
function setLights(model, step, bright, qubits) {
  for (let atom = 0; atom < model.numAtoms; atom++) {
    bright[atom] = atom < model.numQubits ? 1 : 0;
    qubits[atom] = atom < model.numQubits ? atom : -1;
  }
  const { spanAtoms, spanFirst, spanLast, spanQubits, spanSince } = model;
  for (let k = 0; k < spanAtoms.length && spanFirst[k] <= step; k++) {
    if (step >= spanLast[k]) continue;
    bright[spanAtoms[k]] = 1;
    if (spanSince[k] <= step) qubits[spanAtoms[k]] = spanQubits[k];
  }
}

function atomName(model, atom, qubit) {
  if (atom < model.numQubits) return `qubit ${atom}`;
  return qubit >= 0 ? `ancilla ${atom} of qubit ${qubit}` : `ancilla ${atom}`;
}

function phaseName(model, pair) {
  const phase = model.pairPhases[pair];
  return Math.abs(phase - Math.PI) < 1e-6 ? "CZ" : `CP(${phase.toPrecision(3)})`;
}

function gateName(theta, phi, lam) {
  const is = (angle, value) => Math.abs(angle - value) < 1e-5;
  if (is(theta, Math.PI / 2) && is(phi, 0) && is(lam, Math.PI)) return "H";
  if (is(theta, 0)) return `P(${(phi + lam).toPrecision(3)})`;
  if (is(theta, Math.PI) && is(phi, 0) && is(lam, Math.PI)) return "X";
  return `U(${[theta, phi, lam].map((angle) => angle.toPrecision(3)).join(", ")})`;
}

// The gates of an atom, in order, as [step, text]; for a data atom those of its qubit, by whatever atom they were done.
function gatesOf(model, atom) {
  const isData = atom < model.numQubits, found = [];
  for (let step = 0; step < model.numSteps; step++) {
    if (model.ops[step] === RYDBERG) {
      for (let k = model.pairOffset[step]; k < model.pairOffset[step + 1]; k++) {
        const own = isData ? model.pairQubits : model.pairs;
        const side = own[2 * k] === atom ? 0 : own[2 * k + 1] === atom ? 1 : -1;
        if (side >= 0) found.push([step, `pulse ${model.pulseBefore[step]}: ${pairText(model, k, side)}`]);
      }
    } else if (model.ops[step] === RAMAN) {
      for (let k = model.atomOffset[step]; k < model.atomOffset[step + 1]; k++) {
        if (model.atoms[k] !== atom) continue;
        const a = 3 * (model.angleOffset[step] + k - model.atomOffset[step]);
        const gate = gateName(model.angles[a], model.angles[a + 1], model.angles[a + 2]);
        found.push([step, `step ${step}: ${gate}${model.conditional[step] ? ", on a condition" : ""}`]);
      }
    }
  }
  return found;
}

// What a pair does, seen from one of its two atoms.
function pairText(model, pair, side) {
  const other = model.pairs[2 * pair + 1 - side], kind = model.pairKinds[pair];
  const mine = model.pairQubits[2 * pair + side], theirs = model.pairQubits[2 * pair + 1 - side];
  const what = kind === OWN ? "copy or return" : phaseName(model, pair);
  const who = theirs >= 0 && theirs !== mine ? `qubit ${theirs}` : atomName(model, other, -1);
  return `${what}, ${who}${kind === IDLE ? ", without effect" : ""}`;
}
