// What the user does: play, step, scrub, zoom, point. `player` is for scripts that drive the page.

const LONGEST_MOVE_S = 1.2;    // at speed 1 with real timing
const EQUAL_STEP_S = 0.5;      // at speed 1 with equal steps
const GLOW_MS = 450;           // a pulse that has passed glows on
const MOST_GLOWS = 3;
const TEXT_MS = 100;           // texts and lists change at most this often while playing
const SHOWN_GATES = 4;
const byId = (id) => document.getElementById(id);

async function start() {
  const model = await loadModel(JSON.parse(byId("program").textContent));
  const view = createView(byId("canvas"), model);
  const scene = {
    xy: new Float64Array(2 * model.numAtoms), bright: new Uint8Array(model.numAtoms),
    qubits: new Int32Array(model.numAtoms), marks: [], hover: -1,
  };
  const app = {
    model, view, scene, state: { step: -1, share: 1 }, playing: false, speed: 1, equal: false, glows: [], shownAt: 0,
    dirty: true, drawnStep: -2, tipAt: [0, 0], frames: 0,
    calm: matchMedia("(prefers-reduced-motion: reduce)"),
  };
  app.usPerSecond = longestMove(model) / LONGEST_MOVE_S || 1;
  describe(app);
  app.schedule = createList(byId("schedule"), {
    count: model.numSteps, textOf: (k) => model.sentences[k], onPick: (k) => goTo(app, k),
    statusOf: (k) => (k < app.state.step ? "done" : k === app.state.step ? "now" : ""),
  });
  app.gates = createGateList(app);
  connectButtons(app);
  connectPointer(app);
  connectKeys(app);
  readColours(view);
  resizeView(view);
  fitView(view);
  let before = performance.now();
  const frame = (now) => {
    tick(app, Math.min(now - before, 100), now);
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  window.player = {
    seekTime: (us) => { seek(app, stateAtTime(model, us)); tick(app, 0, performance.now()); },
    goTo: (step) => { goTo(app, step); tick(app, 0, performance.now()); },
    look: () => ({
      step: app.state.step, timeUs: timeOf(model, app.state), playing: app.playing, frames: app.frames, speed: app.speed,
      equal: app.equal, width: view.width, height: view.height, scale: view.scale, x: view.x, y: view.y,
    }),
  };
  document.body.dataset.ready = "yes";
}

function longestMove(model) {
  let longest = 0;
  for (const aod of model.aods) for (let k = 0; k < aod.starts.length; k++) longest = Math.max(longest, aod.ends[k] - aod.starts[k]);
  return longest;
}

function describe(app) {
  const { model } = app, ancillas = model.numAtoms - model.numQubits;
  document.title = `${model.name} \u2013 qpilot`;
  byId("name").textContent = model.name;
  byId("facts").textContent =
    `${model.numQubits} qubits, ${ancillas} ancillas on ${model.device} \u00b7 depth ${model.numPulses} \u00b7 ${number(model.durationUs)} us`;
  byId("legend").open = window.innerWidth > 760 && window.innerHeight > 560;
}

function number(value, digits = 1) {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function createGateList(app) {
  const { model } = app, box = byId("gates");
  byId("gates-title").textContent = model.gates ? "Circuit" : "Gates between qubits";
  if (model.gates) {
    const { gateFirst: first, gateLast: last, gateMatched: matched } = model;
    const list = createList(box, {
      count: model.gates.length, textOf: (k) => model.gates[k],
      onPick: (k) => goTo(app, Math.min(first[k], model.numSteps - 1)),
      statusOf: (k) => {
        const step = app.state.step;
        if (!matched[k]) return step >= first[k] || step === model.numSteps - 1 ? "near" : "";
        return step > last[k] ? "done" : step >= first[k] ? "now" : "";
      },
    });
    const current = (step) => first.findIndex((at, k) => matched[k] && at <= step && step <= last[k]);
    return { ...list, current };
  }
  const stepOf = (k) => countUpTo(model.pairOffset, model.listed[k]) - 1;
  const steps = Int32Array.from(model.listed, (_, k) => stepOf(k));
  const list = createList(box, {
    count: steps.length, onPick: (k) => goTo(app, steps[k]),
    textOf: (k) => {
      const pair = model.listed[k];
      return `${phaseName(model, pair)} q${model.pairQubits[2 * pair]} q${model.pairQubits[2 * pair + 1]}`;
    },
    statusOf: (k) => (steps[k] < app.state.step ? "done" : steps[k] === app.state.step ? "now" : ""),
  });
  return { ...list, current: (step) => countUpTo(steps, step - 1) };
}

function seek(app, state) {
  app.state = state;
  app.glows = [];
  app.dirty = true;
}

function goTo(app, step) {
  seek(app, { step: Math.min(Math.max(step, -1), app.model.numSteps - 1), share: 1 });
}

function atEnd(app) {
  return app.state.step >= app.model.numSteps - 1 && app.state.share >= 1;
}

function setPlaying(app, playing) {
  if (playing && atEnd(app)) goTo(app, -1);
  app.playing = playing && app.model.numSteps > 0;
  document.body.classList.toggle("playing", app.playing);
  byId("play").setAttribute("aria-label", app.playing ? "Pause" : "Play");
  app.dirty = true;
}

// Let time pass; steps on the way leave their glow.
function advance(app, seconds, now) {
  const { model } = app, length = (step) => (app.equal ? 1 : stepTime(model, step));
  let left = seconds * app.speed * (app.equal ? 1 / EQUAL_STEP_S : app.usPerSecond), { step, share } = app.state;
  while (true) {
    const rest = step < 0 ? 0 : (1 - share) * length(step);
    if (rest > left) { share += left / length(step); break; }
    left -= rest;
    share = 1;
    if (step >= model.numSteps - 1) { setPlaying(app, false); break; }
    step += 1;
    share = 0;
    glow(app, step, now);
  }
  app.state = { step, share };
  app.dirty = true;
}

function glow(app, step, now) {
  if (app.equal || ![RAMAN, RYDBERG].includes(app.model.ops[step])) return;
  app.glows.push({ step, born: now });
  if (app.glows.length > MOST_GLOWS) app.glows.shift();
}

function tick(app, passedMs, now) {
  const { model, view, scene } = app;
  if (resizeView(view)) { app.dirty = true; if (!app.moved) fitView(view); }
  if (app.playing) advance(app, passedMs / 1000, now);
  if (!app.dirty && !app.glows.length) return;
  app.dirty = false;
  app.frames += 1;
  app.glows = app.glows.filter((one) => now - one.born < GLOW_MS);
  scene.marks = app.glows.filter((one) => one.step !== app.state.step).map((one) => {
    one.mark ??= markAtEnd(app, one.step);
    const age = (now - one.born) / GLOW_MS;
    return { ...one.mark, strength: app.calm.matches ? 0.7 : 1 - age, flash: app.calm.matches ? 0 : 1 - age };
  });
  setLines(model, app.state, app.equal);
  placeAtoms(model, scene.xy);
  if (app.litStep !== app.state.step) setLights(model, app.litStep = app.state.step, scene.bright, scene.qubits);
  const mark = app.state.step < 0 ? {} : markAt(model, scene.xy, app.state.step);
  if (mark.links || mark.points) scene.marks.push({ ...mark, strength: 1 });
  drawScene(view, model, scene);
  if (app.playing && now - app.shownAt < TEXT_MS) return;
  app.shownAt = now;
  showTip(app);
  showPlace(app);
}

// What a step does to atoms where they are: the pairs of a pulse, or the atoms addressed; and which are data atoms.
function markAt(model, xy, step) {
  const op = model.ops[step], data = [];
  if (op === RYDBERG) {
    const links = [];
    for (let k = model.pairOffset[step]; k < model.pairOffset[step + 1]; k++) {
      const a = model.pairs[2 * k], b = model.pairs[2 * k + 1], unknown = model.pairQubits[2 * k] < 0 || model.pairQubits[2 * k + 1] < 0;
      links.push(xy[2 * a], xy[2 * a + 1], xy[2 * b], xy[2 * b + 1], unknown ? OWN : model.pairKinds[k]);
      for (const atom of [a, b]) if (atom < model.numQubits) data.push(atom);
    }
    return { links, data };
  }
  if (op === MOVE) return {};
  const points = [];
  for (let k = model.atomOffset[step]; k < model.atomOffset[step + 1]; k++) points.push(xy[2 * model.atoms[k]], xy[2 * model.atoms[k] + 1]);
  return { points, data, shape: op === RAMAN ? "driven" : "ended" };
}

// The mark of a step that has passed: where its atoms were then.
function markAtEnd({ model, scene }, step) {
  setLines(model, { step, share: 1 }, false);
  placeAtoms(model, scene.xy);
  return markAt(model, scene.xy, step);
}

function showPlace(app) {
  const { model, state } = app, time = timeOf(model, state), steps = model.numSteps;
  byId("now").textContent = state.step < 0 ? "start" : model.sentences[state.step];
  byId("clock").textContent =
    `${state.step + 1} of ${steps} steps \u00b7 depth ${model.pulseBefore[state.step + 1]} of ${model.numPulses} \u00b7 ${number(time)} of ${number(model.durationUs)} us`;
  const scrub = byId("scrub"), share = app.equal ? (state.step + state.share) / steps : time / model.durationUs;
  if (document.activeElement !== scrub || !app.scrubbing) scrub.value = share || 0;
  scrub.setAttribute("aria-valuetext", `step ${state.step + 1} of ${steps}, ${number(time)} microseconds`);
  if (app.drawnStep !== state.step) {
    app.drawnStep = state.step;
    app.schedule.reveal(state.step);
    app.gates.reveal(app.gates.current(state.step));
    app.schedule.render();
    app.gates.render();
  }
}

function showTip(app) {
  const { model, view, scene, state } = app, tip = byId("tip"), atom = scene.hover;
  const hidden = atom < 0 || Number.isNaN(scene.xy[2 * atom]);
  tip.hidden = hidden;
  if (hidden) return;
  const x = scene.xy[2 * atom], y = scene.xy[2 * atom + 1], isData = atom < model.numQubits, lines = [];
  const name = atomName(model, atom, scene.qubits[atom]);
  lines.push(isData ? name : `${name}, ${scene.bright[atom] ? "bright" : "dark"}`);
  lines.push(`x ${x.toFixed(2)} um, y ${y.toFixed(2)} um`);
  const partner = partnerOf(model, state.step, atom);
  if (partner >= 0) lines.push(`partner: ${atomName(model, partner, scene.qubits[partner])}`);
  if (app.historyOf !== atom) { app.historyOf = atom; app.history = gatesOf(model, atom); }
  const done = countUpTo(app.history.map((gate) => gate[0]), state.step);
  lines.push(`${done} gate${done === 1 ? "" : "s"} up to now`);
  for (const gate of app.history.slice(Math.max(0, done - SHOWN_GATES), done).reverse()) lines.push(`\u2022 ${gate[1]}`);
  const text = lines.join("\n");
  if (tip.textContent !== text) tip.textContent = text;
  const px = view.toX(x), py = view.toY(y), width = tip.offsetWidth, height = tip.offsetHeight;
  const left = px + 18 + width < view.width ? px + 18 : Math.max(4, px - 18 - width);
  const top = Math.min(Math.max(4, py - height / 2), Math.max(4, view.height - height - 4));
  tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

function partnerOf(model, step, atom) {
  if (step < 0 || model.ops[step] !== RYDBERG) return -1;
  for (let k = 2 * model.pairOffset[step]; k < 2 * model.pairOffset[step + 1]; k++) if (model.pairs[k] === atom) return model.pairs[k ^ 1];
  return -1;
}

function connectButtons(app) {
  const on = (id, event, action) => byId(id).addEventListener(event, action);
  on("play", "click", () => setPlaying(app, !app.playing));
  on("first", "click", () => goTo(app, -1));
  on("last", "click", () => goTo(app, app.model.numSteps - 1));
  on("back", "click", () => stepBy(app, -1));
  on("forward", "click", () => stepBy(app, 1));
  on("zoom-in", "click", () => zoom(app, 1.4));
  on("zoom-out", "click", () => zoom(app, 1 / 1.4));
  on("fit", "click", () => fit(app));
  on("help", "click", () => byId("keys").showModal());
  on("speed", "change", (event) => { app.speed = Number(event.target.value); });
  on("timing", "change", (event) => { app.equal = event.target.value === "equal"; app.glows = []; app.dirty = true; });
  on("scrub", "pointerdown", () => { app.scrubbing = true; });
  on("scrub", "pointerup", () => { app.scrubbing = false; });
  on("scrub", "input", (event) => scrubTo(app, Number(event.target.value)));
  const dark = matchMedia("(prefers-color-scheme: dark)"), root = document.documentElement;
  const recolour = () => { readColours(app.view); app.dirty = true; };
  on("theme", "click", () => {
    root.dataset.theme = (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark" ? "light" : "dark";
    recolour();
  });
  dark.addEventListener("change", recolour);
}

function scrubTo(app, share) {
  const { model } = app, at = share * model.numSteps, step = Math.min(Math.floor(at), model.numSteps - 1);
  seek(app, app.equal && step >= 0 ? { step, share: at - step } : stateAtTime(model, share * model.durationUs));
}

// One step back undoes a started step first.
function stepBy(app, by) {
  setPlaying(app, false);
  const { step, share } = app.state;
  goTo(app, by > 0 && share < 1 ? step : step + by);
}

function zoom(app, factor, px, py) {
  zoomView(app.view, factor, px, py);
  app.moved = app.dirty = true;
}

function fit(app) {
  fitView(app.view);
  app.moved = false;
  app.dirty = true;
}

function hover(app, atom) {
  if (atom === app.scene.hover) return;
  app.scene.hover = atom;
  app.dirty = true;
  app.view.canvas.classList.toggle("pointed", atom >= 0);
}

function connectPointer(app) {
  const { view, scene } = app, canvas = view.canvas, fingers = new Map();
  let travelled = 0;
  const at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  canvas.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, at(event));
    canvas.setPointerCapture(event.pointerId);
    travelled = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = at(event), old = fingers.get(event.pointerId);
    if (!old) { hover(app, atomAt(view, scene, ...now, 9)); return; }
    const others = [...fingers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    travelled += Math.hypot(now[0] - old[0], now[1] - old[1]);
    if (others.length) {
      const [other] = others, apart = (place) => Math.hypot(place[0] - other[0], place[1] - other[1]) || 1;
      zoom(app, apart(now) / apart(old), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else if (travelled > 3) {
      canvas.classList.add("dragged");
      view.x -= (now[0] - old[0]) / view.scale;
      view.y += (now[1] - old[1]) / view.scale;
      app.moved = app.dirty = true;
    }
    fingers.set(event.pointerId, now);
  });
  const lift = (event) => {
    if (fingers.delete(event.pointerId) && travelled <= 3) hover(app, atomAt(view, scene, ...at(event), event.pointerType === "touch" ? 24 : 9));
    canvas.classList.remove("dragged");
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hover(app, -1); });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(app, Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...at(event));
  }, { passive: false });
}

function connectKeys(app) {
  const stepAtom = (by) => {
    const count = app.model.numAtoms;
    if (!count) return;
    hover(app, (app.scene.hover + by + count) % count);
    const { view, scene } = app, x = scene.xy[2 * scene.hover], y = scene.xy[2 * scene.hover + 1];
    if (Number.isNaN(x) || isVisible(view, view.toX(x), view.toY(y), -20)) return;
    Object.assign(view, { x, y });
    app.moved = true;
  };
  const actions = {
    " ": () => setPlaying(app, !app.playing), ArrowLeft: () => stepBy(app, -1), ArrowRight: () => stepBy(app, 1),
    ArrowUp: () => stepAtom(1), ArrowDown: () => stepAtom(app.scene.hover < 0 ? 0 : -1),
    Home: () => goTo(app, -1), End: () => goTo(app, app.model.numSteps - 1),
    "+": () => zoom(app, 1.4), "=": () => zoom(app, 1.4), "-": () => zoom(app, 1 / 1.4), 0: () => fit(app),
    "?": () => byId("keys").showModal(), Escape: () => hover(app, -1),
  };
  document.addEventListener("keydown", (event) => {
    const { target, key } = event, scrolls = target.closest(".list, select"), pressed = key === " " && target.closest("button");
    if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open || !actions[key] || pressed) return;
    if (scrolls && ["ArrowUp", "ArrowDown", "Home", "End", " "].includes(key)) return;
    event.preventDefault();
    actions[key]();
  });
}

start();
