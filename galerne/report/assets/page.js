(() => {
"use strict";
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};

/* Tabs: without scripts every panel is simply shown. */
for (const box of document.querySelectorAll(".tabs")) {
  const panels = [...box.querySelectorAll(":scope > .tab")];
  if (panels.length < 2) continue;
  const list = make("div", { class: "tablist", role: "tablist", "aria-label": "Task" });
  const show = (k, focus) => panels.forEach((panel, i) => {
    panel.hidden = i !== k;
    list.children[i].setAttribute("aria-selected", String(i === k));
    list.children[i].tabIndex = i === k ? 0 : -1;
    if (i === k && focus) list.children[i].focus();
  });
  panels.forEach((panel, i) => {
    panel.id = `scores-${i}`;
    panel.setAttribute("role", "tabpanel");
    const tab = make("button", { role: "tab", type: "button", "aria-controls": panel.id }, panel.dataset.label);
    tab.addEventListener("click", () => show(i));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) { event.preventDefault(); show((i + step + panels.length) % panels.length, true); }
    });
    list.append(tab);
  });
  box.prepend(list);
  show(0);
}

const source = document.getElementById("explorer-data");
const root = document.getElementById("explorer");
const stills = document.getElementById("stills");
if (!source || !root) return;
if (typeof DecompressionStream === "undefined") {
  if (stills) stills.open = true;
  return;
}
const data = JSON.parse(source.textContent);

/* Pieces of data. */
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const inflate = async (k) => {
  const stream = new Blob([bytes(data.blobs[k])]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint16Array(await new Response(stream).arrayBuffer());
};
const cache = new Map();
const piece = (k) => {
  if (!cache.has(k)) cache.set(k, inflate(k));
  return cache.get(k);
};
const MISSING = 4095, LEVELS = 4094;
const unpack = async (k, grid, [low, high]) => {
  const raw = await piece(k), n = grid.longitude.length, scale = (high - low) / LEVELS || 1;
  const values = new Float32Array(raw.length);
  for (let row = 0; row < raw.length; row += n) {
    let level = 0;
    for (let i = row; i < row + n; i++) {
      level = (level + raw[i]) & 65535;
      values[i] = level === MISSING ? NaN : low + level * scale;
    }
  }
  return values;
};
const colours = Object.fromEntries(Object.entries(data.colours).map(([name, text]) => [name, bytes(text)]));

/* Equal Earth projection. */
const A = [1.340264, -0.081106, 0.000893, 0.003796], RAD = Math.PI / 180;
const equalEarth = (lon, lat) => {
  const t = Math.asin(Math.sqrt(3) / 2 * Math.sin(lat * RAD)), t2 = t * t, t6 = t2 ** 3;
  const slope = 9 * A[3] * t6 * t2 + 7 * A[2] * t6 + 3 * A[1] * t2 + A[0];
  return [2 * Math.sqrt(3) / 3 * lon * RAD * Math.cos(t) / slope, t * (A[0] + A[1] * t2 + t6 * (A[2] + A[3] * t2))];
};
const W = equalEarth(180, 0)[0], H = equalEarth(0, 90)[1];
const latitudeAt = (y) => {
  let low = -90, high = 90;
  for (let k = 0; k < 40; k++) {
    const mid = (low + high) / 2;
    if (equalEarth(0, mid)[1] < y) low = mid; else high = mid;
  }
  return (low + high) / 2;
};
const wide = 560, high = Math.round(wide * H / W);
const toPixel = (lon, lat) => {
  const [x, y] = equalEarth(lon, lat);
  return [(x / W + 1) / 2 * wide, (1 - y / H) / 2 * high];
};
const rows = Array.from({ length: high }, (_, j) => {
  const latitude = latitudeAt(H * (1 - 2 * (j + 0.5) / high));
  return { latitude, unit: equalEarth(1, latitude)[0] };
});
const placeAt = (px, py) => {
  const row = rows[Math.max(0, Math.min(high - 1, Math.floor(py)))];
  const lon = W * (2 * px / wide - 1) / row.unit;
  return Math.abs(lon) > 180 ? null : { lon, lat: row.latitude };
};
const geometries = new Map();
const geometry = (name, smooth) => {
  const key = name + smooth;
  if (geometries.has(key)) return geometries.get(key);
  const grid = data.grids[name], n = grid.longitude.length, m = grid.latitude.length;
  const dlon = grid.longitude[1] - grid.longitude[0], dlat = grid.latitude[1] - grid.latitude[0];
  const corner = [0, 1, 2, 3].map(() => new Int32Array(wide * high));
  const u = new Float32Array(wide * high), v = new Float32Array(wide * high);
  for (let j = 0, p = 0; j < high; j++) {
    const y = Math.max(0, Math.min(m - 1, (rows[j].latitude - grid.latitude[0]) / dlat));
    const north = smooth ? Math.min(m - 2, Math.floor(y)) : Math.round(y);
    for (let i = 0; i < wide; i++, p++) {
      const lon = W * (2 * (i + 0.5) / wide - 1) / rows[j].unit;
      if (Math.abs(lon) > 180) { corner[0][p] = -1; continue; }
      const x = ((((lon - grid.longitude[0]) / dlon) % n) + n) % n;
      const west = smooth ? Math.floor(x) % n : Math.round(x) % n, east = (west + 1) % n;
      u[p] = smooth ? x - Math.floor(x) : 0;
      v[p] = smooth ? y - north : 0;
      const south = Math.min(m - 1, north + 1);
      corner[0][p] = north * n + west; corner[1][p] = north * n + east;
      corner[2][p] = south * n + west; corner[3][p] = south * n + east;
    }
  }
  const coasts = new Path2D(), edge = new Path2D();
  for (const line of grid.coasts) line.forEach(([lon, lat], k) => coasts[k ? "lineTo" : "moveTo"](...toPixel(lon, lat)));
  for (let lat = -90; lat <= 90; lat += 2) edge[lat > -90 ? "lineTo" : "moveTo"](...toPixel(180, lat));
  for (let lat = 90; lat >= -90; lat -= 2) edge.lineTo(...toPixel(-180, lat));
  edge.closePath();
  const found = { corner, u, v, coasts, edge };
  geometries.set(key, found);
  return found;
};
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const drawField = (canvas, values, kind, [low, top], shape) => {
  const context = canvas.getContext("2d"), image = context.createImageData(wide, high);
  const table = colours[kind], pixels = image.data, [a, b, c, d] = shape.corner, { u, v } = shape;
  const scale = 255 / (top - low || 1);
  for (let p = 0, q = 0; p < a.length; p++, q += 4) {
    if (a[p] < 0) continue;
    const value = (values[a[p]] * (1 - u[p]) + values[b[p]] * u[p]) * (1 - v[p])
      + (values[c[p]] * (1 - u[p]) + values[d[p]] * u[p]) * v[p];
    if (value !== value) continue;
    const k = 3 * Math.max(0, Math.min(255, Math.round((value - low) * scale)));
    pixels[q] = table[k]; pixels[q + 1] = table[k + 1]; pixels[q + 2] = table[k + 2]; pixels[q + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  drawFrame(context, shape, kind === "field" ? "rgba(255,255,255,.85)" : "rgba(40,40,40,.85)", kind === "field");
};
const drawFrame = (context, shape, colour, under) => {
  context.lineJoin = "round";
  if (under) { context.strokeStyle = "rgba(0,0,0,.35)"; context.lineWidth = 2.6; context.stroke(shape.coasts); }
  context.strokeStyle = colour; context.lineWidth = 1.1; context.stroke(shape.coasts);
  context.strokeStyle = ink("--soft"); context.lineWidth = 1; context.stroke(shape.edge);
};
const drawDots = (canvas, dots, kind, [low, top], shape) => {
  const context = canvas.getContext("2d"), table = colours[kind];
  context.clearRect(0, 0, wide, high);
  context.fillStyle = ink("--globe"); context.fill(shape.edge);
  drawFrame(context, shape, ink("--soft"), false);
  for (const dot of dots) {
    const [x, y] = toPixel(dot.lon, dot.lat);
    const k = 3 * Math.max(0, Math.min(255, Math.round((dot.value - low) / (top - low || 1) * 255)));
    context.fillStyle = `rgb(${table[k]},${table[k + 1]},${table[k + 2]})`;
    context.beginPath();
    if (dot.used) context.arc(x, y, 3.6, 0, 7); else context.rect(x - 3.4, y - 3.4, 6.8, 6.8);
    context.fill();
    context.strokeStyle = dot.used ? "rgba(0,0,0,.45)" : ink("--ink");
    context.lineWidth = dot.used ? 0.7 : 1.5;
    context.stroke();
  }
};
const drawMark = (canvas, place) => {
  if (!place) return;
  const context = canvas.getContext("2d"), [x, y] = toPixel(place.lon, place.lat);
  for (const [colour, width] of [["#000", 4], ["#fff", 1.8]]) {
    context.strokeStyle = colour; context.lineWidth = width;
    context.beginPath(); context.arc(x, y, 7, 0, 7); context.stroke();
  }
};

/* State and selectors. */
const NAMES = ["dataset", "autoencoder", "prior", "network", "method"];
const label = (set) => NAMES.map((name) => set.choice[name]).join(" / ");
const state = { what: label(data.sets[0]), task: data.sets[0].choice.task, window: data.sets[0].choice.window,
  channel: data.sets[0].channels[0], view: "fields", smooth: true, frame: 0, place: null };
const unique = (values) => [...new Set(values)];
const current = () => data.sets.find((s) => label(s) === state.what && s.choice.task === state.task && s.choice.window === state.window);
const settle = () => {
  const pools = [
    ["what", () => unique(data.sets.map(label))],
    ["task", () => unique(data.sets.filter((s) => label(s) === state.what).map((s) => s.choice.task))],
    ["window", () => unique(data.sets.filter((s) => label(s) === state.what && s.choice.task === state.task).map((s) => s.choice.window))],
    ["channel", () => current().channels],
  ];
  return Object.fromEntries(pools.map(([key, list]) => {
    const options = list();
    if (!options.includes(state[key])) state[key] = options[0];
    return [key, options];
  }));
};
const channelLabel = (name) => {
  const about = data.ranges[current().choice.dataset][name];
  return `${about.label} [${about.unit}]`;
};
const windowLabel = (name) => {
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)_(\d+)h$/.exec(name);
  return found ? `${found[1]}-${found[2]}-${found[3]} ${found[4]} UTC, ${found[5]} h` : name;
};
const selects = {};
const controls = make("div", { class: "controls" });
for (const [key, title] of [["what", "Run"], ["task", "Task"], ["window", "Window"], ["channel", "Field"]]) {
  selects[key] = make("select");
  selects[key].addEventListener("change", () => { state[key] = selects[key].value; refresh(); });
  controls.append(make("label", {}, title, selects[key]));
}
const view = make("select", {}, make("option", { value: "fields" }, "values"), make("option", { value: "anomalies" }, "anomalies from climatology"));
view.addEventListener("change", () => { state.view = view.value; refresh(); });
const viewLabel = make("label", {}, "Show", view);
const smooth = make("input", { type: "checkbox" });
smooth.checked = true;
smooth.addEventListener("change", () => { state.smooth = smooth.checked; refresh(); });
controls.append(viewLabel, make("label", { class: "check" }, smooth, "smooth"));

const slider = make("input", { type: "range", min: "0", step: "1", value: "0", "aria-label": "Time in the window" });
const back = make("button", { type: "button", "aria-label": "Previous time" }, "◀");
const next = make("button", { type: "button", "aria-label": "Next time" }, "▶");
const play = make("button", { type: "button" }, "Play");
const clock = make("output", { "aria-live": "polite" });
const stepper = make("div", { class: "stepper" }, back, play, next, slider, clock);
let timer = null;
const go = (k) => {
  const n = current().times.length;
  state.frame = ((k % n) + n) % n;
  slider.value = state.frame;
  draw();
};
const stop = () => { clearInterval(timer); timer = null; play.textContent = "Play"; };
const toggle = () => {
  if (timer) return stop();
  timer = setInterval(() => go(state.frame + 1), 700);
  play.textContent = "Pause";
};
back.addEventListener("click", () => { stop(); go(state.frame - 1); });
next.addEventListener("click", () => { stop(); go(state.frame + 1); });
play.addEventListener("click", toggle);
slider.addEventListener("input", () => { stop(); go(Number(slider.value)); });
root.tabIndex = 0;
root.setAttribute("role", "group");
root.setAttribute("aria-label", "Map explorer: arrow keys step through the window, space plays");
root.addEventListener("keydown", (event) => {
  if (["SELECT", "INPUT", "BUTTON"].includes(event.target.tagName)) return;
  if (event.key === "ArrowLeft") { stop(); go(state.frame - 1); }
  else if (event.key === "ArrowRight") { stop(); go(state.frame + 1); }
  else if (event.key === " ") toggle();
  else return;
  event.preventDefault();
});

/* Panels. */
const main = make("div", { class: "globes" }), members = make("div", { class: "globes members" });
const series = make("div", { class: "series scroll", tabindex: "0", role: "region", "aria-label": "Time series of the chosen place" });
const membersTitle = make("h3", {}, "Members side by side");
root.append(controls, stepper, main, series, membersTitle, members);
root.hidden = false;
const panels = new Map();
const panel = (box, name) => {
  if (panels.has(name)) return panels.get(name);
  const canvas = make("canvas", { width: wide, height: high, role: "img" });
  const bar = make("canvas", { width: 256, height: 1, class: "bar", "aria-hidden": "true" });
  const value = make("span"), title = document.createTextNode(""), ticks = make("div", { class: "ticks" });
  const node = make("figure", { class: "globe" }, make("figcaption", {}, title, value), canvas, bar, ticks);
  const found = { node, canvas, bar, value, title, ticks, values: null };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return placeAt((event.clientX - box.left) / box.width * wide, (event.clientY - box.top) / box.height * high);
  };
  canvas.addEventListener("pointermove", (event) => readOff(at(event)));
  canvas.addEventListener("pointerleave", () => readOff(state.place));
  canvas.addEventListener("click", (event) => { state.place = at(event); draw(); });
  box.append(node);
  panels.set(name, found);
  return found;
};
const digits = (x) => {
  if (!Number.isFinite(x)) return "–";
  const size = Math.abs(x);
  return x.toFixed(size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4).replace("-", "−");
};
const cellOf = (grid, place) => {
  const n = grid.longitude.length, m = grid.latitude.length;
  const i = Math.round((place.lon - grid.longitude[0]) / (grid.longitude[1] - grid.longitude[0]));
  const j = Math.round((place.lat - grid.latitude[0]) / (grid.latitude[1] - grid.latitude[0]));
  return Math.max(0, Math.min(m - 1, j)) * n + ((i % n) + n) % n;
};
const degrees = (place) => `${Math.abs(place.lat).toFixed(1)}°${place.lat < 0 ? "S" : "N"} ${Math.abs(place.lon).toFixed(1)}°${place.lon < 0 ? "W" : "E"}`;
const readOff = (place) => {
  const cell = place && cellOf(data.grids[current().choice.dataset], place);
  for (const { node, value, values } of panels.values()) {
    if (!node.hidden) value.textContent = place && values ? digits(values[cell]) : "";
  }
};
const paintBar = ({ bar, ticks }, kind, [low, top], unit) => {
  const context = bar.getContext("2d"), image = context.createImageData(256, 1), table = colours[kind];
  for (let k = 0; k < 256; k++) image.data.set([table[3 * k], table[3 * k + 1], table[3 * k + 2], 255], 4 * k);
  context.putImageData(image, 0, 0);
  ticks.replaceChildren(...[low, (low + top) / 2, top].map((x, k) => make("span", {}, digits(x) + (k === 2 ? ` ${unit}` : ""))));
};

/* What is on show: all frames of one channel of one set. */
let shown = null, request = 0;
const load = async (set, channel) => {
  const grid = data.grids[set.choice.dataset], about = data.ranges[set.choice.dataset][channel];
  const k = set.channels.indexOf(channel), fields = {};
  for (const [name, all] of Object.entries(set.fields)) {
    const span = name === "spread" ? about.spread : about.field;
    fields[name] = await Promise.all(all[k].map((one) => Array.isArray(one)
      ? Promise.all(one.map((id) => unpack(id, grid, span))) : unpack(one, grid, span)));
  }
  const seen = set.observations[k], dots = [];
  if (seen) {
    const raw = await piece(seen.blob), n = seen.count;
    for (let i = 0; i < n; i++) {
      const lon = raw[n + i] / 100;
      dots.push({ lat: raw[i] / 100 - 90, lon: lon - 180, value: seen.low + raw[2 * n + i] * seen.scale,
        hour: (raw[3 * n + i] - 1000) / 20, withheld: raw[4 * n + i] > 0 });
    }
  }
  const minus = (a, b) => a.map((v, i) => v - b[i]);
  if (fields.mean && fields.truth) fields.error = fields.mean.map((f, i) => minus(f, fields.truth[i]));
  if (fields.climatology && fields.truth) fields.baseline = fields.climatology.map((f, i) => minus(f, fields.truth[i]));
  return { set, channel, about, grid, fields, dots };
};
const most = (frames, share) => {
  const all = [];
  for (const frame of frames) for (let i = 0; i < frame.length; i += 2) if (frame[i] === frame[i]) all.push(Math.abs(frame[i]));
  all.sort((a, b) => a - b);
  return all.length ? all[Math.floor(share * (all.length - 1))] || 1e-9 : 1;
};
const spans = (now) => {
  const { fields } = now, difference = (frames) => { const top = most(frames, 0.998); return [-top, top]; };
  const full = [...(fields.truth || []), ...(fields.mean || [])];
  const ends = (frames) => {
    let low = Infinity, top = -Infinity;
    for (const frame of frames) for (const value of frame) { if (value < low) low = value; if (value > top) top = value; }
    return low < top ? [low, top] : [low - 0.5, low + 0.5];
  };
  const errors = [...(fields.error || []), ...(fields.baseline || [])];
  return {
    field: full.length ? ends(full) : now.about.field,
    anomaly: fields.climatology ? difference(full.map((f, i) => f.map((v, c) => v - fields.climatology[i % fields.climatology.length][c]))) : null,
    error: errors.length ? difference(errors) : [-1, 1],
    spread: fields.spread ? [0, most(fields.spread, 0.998)] : [0, 1],
  };
};
const refresh = async () => {
  const mine = ++request, options = settle();
  for (const [key, values] of Object.entries(options)) {
    const words = { channel: channelLabel, window: windowLabel }[key] || ((x) => x);
    selects[key].replaceChildren(...values.map((value) => make("option", { value }, words(value))));
    selects[key].value = state[key];
    selects[key].parentNode.hidden = values.length < 2 && key === "what";
  }
  const now = await load(current(), state.channel);
  if (mine !== request) return;
  now.spans = spans(now);
  shown = now;
  viewLabel.hidden = !now.fields.climatology;
  const n = now.set.times.length;
  state.frame = Math.min(state.frame, n - 1);
  slider.max = n - 1; slider.value = state.frame;
  for (const node of [slider, back, next, play]) node.disabled = n < 2;
  if (n < 2) stop();
  draw();
};
const draw = () => {
  if (!shown) return;
  const { set, fields, about, spans, grid, dots } = shown, t = state.frame;
  const shape = geometry(set.choice.dataset, state.smooth);
  const lead = set.leads[t] > 0 ? `, ${set.leads[t]} h after the last observation` : "";
  clock.textContent = set.times[t] + lead;
  for (const { node } of panels.values()) node.hidden = true;
  const anomalies = state.view === "anomalies" && fields.climatology;
  const kind = anomalies ? "difference" : "field", span = anomalies ? spans.anomaly : spans.field;
  const base = anomalies ? fields.climatology[t] : null;
  const relative = (values) => base ? values.map((v, i) => v - base[i]) : values;
  const put = (box, name, title, values, how, range) => {
    const one = panel(box, name);
    one.node.hidden = false;
    one.title.textContent = title;
    one.values = values;
    one.canvas.setAttribute("aria-label", `${title}, ${about.label}, ${set.times[t]}, from ${digits(range[0])} to ${digits(range[1])} ${about.unit}`);
    drawField(one.canvas, values, how, range, shape);
    drawMark(one.canvas, state.place);
    paintBar(one, how, range, about.unit);
  };
  if (fields.truth) put(main, "truth", "Truth", relative(fields.truth[t]), kind, span);
  const near = dots.filter((dot) => Math.abs(dot.hour - set.hours[t]) <= set.step / 2)
    .map((dot) => ({ ...dot, used: !dot.withheld && (!set.last || dot.hour <= set.last[t] + 1e-6),
      value: base ? dot.value - base[cellOf(grid, dot)] : dot.value }));
  const seen = panel(main, "observations");
  seen.node.hidden = false;
  const used = near.filter((dot) => dot.used).length;
  seen.title.textContent = `Observations`;
  seen.canvas.setAttribute("aria-label", `Observations of ${about.label}, ${set.times[t]}: ${used} assimilated, ${near.length - used} not`);
  drawDots(seen.canvas, near, kind, span, shape);
  drawMark(seen.canvas, state.place);
  paintBar(seen, kind, span, about.unit);
  if (fields.mean) put(main, "mean", "Posterior mean", relative(fields.mean[t]), kind, span);
  if (fields.error) put(main, "error", "Error: mean − truth", fields.error[t], "difference", spans.error);
  if (fields.baseline) put(main, "baseline", "Error of climatology", fields.baseline[t], "difference", spans.error);
  if (fields.spread) put(main, "spread", "Spread of members", fields.spread[t], "spread", spans.spread);
  (fields.members ? fields.members[t] : []).forEach((values, k) => put(members, `member${k}`, `Member ${k + 1}`, relative(values), kind, span));
  if (fields.prior_sample) put(members, "prior", "Prior, no observations", relative(fields.prior_sample[t]), kind, span);
  membersTitle.hidden = !fields.members && !fields.prior_sample;
  readOff(state.place);
  seen.value.textContent = `${used} used, ${near.length - used} not`;
  drawSeries();
};

/* Time series of a place. */
const drawSeries = () => {
  series.hidden = !state.place;
  if (!state.place) return;
  const { set, fields, about, grid, dots } = shown, cell = cellOf(grid, state.place);
  const alone = set.hours.length < 2, hours = alone ? [set.hours[0] - 1, set.hours[0] + 1] : set.hours;
  const drawn = (values) => (alone ? [values[0], values[0]] : values);
  const at = (frames) => frames ? drawn(frames.map((frame) => frame[cell])) : null;
  const truth = at(fields.truth), mean = at(fields.mean), spread = at(fields.spread), climate = at(fields.climatology);
  const lines = fields.members ? fields.members[0].map((_, k) => at(fields.members.map((frame) => frame[k]))) : [];
  const seen = dots.filter((dot) => cellOf(grid, dot) === cell);
  const [first, last] = [Math.min(...set.hours) - set.step / 2, Math.max(...set.hours) + set.step / 2];
  const spot = seen.filter((dot) => dot.hour >= first && dot.hour <= last);
  const band = mean && spread ? [...mean.map((v, i) => v - spread[i]), ...mean.map((v, i) => v + spread[i])] : [];
  const all = [truth, mean, climate, band, ...lines, spot.map((d) => d.value)].flat().filter((v) => Number.isFinite(v));
  const low = Math.min(...all), top = Math.max(...all), pad = (top - low || 1) * 0.06;
  const x = (h) => (60 + (h - first) / (last - first || 1) * 720).toFixed(1);
  const y = (v) => (190 - (v - low + pad) / (top - low + 2 * pad) * 165).toFixed(1);
  const path = (values, name) => values ? `<polyline class="${name}" points="${values.map((v, i) => `${x(hours[i])},${y(v)}`).join(" ")}"/>` : "";
  const ticks = [0, 1, 2, 3].map((k) => low + (top - low) * k / 3);
  const every = Math.ceil(set.hours.length / 8);
  let body = ticks.map((v) => `<line class="axis" x1="60" x2="780" y1="${y(v)}" y2="${y(v)}"/><text x="54" y="${y(v)}" dy="4" text-anchor="end">${digits(v)}</text>`).join("");
  body += set.hours.map((h, i) => i % every ? "" : `<text x="${x(h)}" y="207" text-anchor="middle">${set.times[i].slice(5, 13)}</text>`).join("");
  const edge = (order, sign) => order.map((i) => `${x(hours[i])},${y(mean[i] + sign * spread[i])}`).join(" ");
  if (band.length) body += `<polygon class="band" points="${edge([...mean.keys()], 1)} ${edge([...mean.keys()].reverse(), -1)}"/>`;
  body += lines.map((line) => path(line, "member")).join("") + path(climate, "clim") + path(mean, "mean") + path(truth, "truth");
  body += spot.map((d) => `<circle class="${d.withheld ? "kept" : "used"}" cx="${x(d.hour)}" cy="${y(d.value)}" r="4"/>`).join("");
  body += `<line class="axis" x1="${x(set.hours[state.frame])}" x2="${x(set.hours[state.frame])}" y1="22" y2="192"/>`;
  const words = `${about.label} [${about.unit}] at ${degrees(state.place)}: truth (solid), posterior mean (dashed) with its spread (band), members (thin), climatology (dotted), observations of the cell (dots; hollow if withheld).`;
  series.innerHTML = `<p></p><svg viewBox="0 16 800 198" role="img" aria-label="Time series of ${about.label} at ${degrees(state.place)}">${body}</svg>`;
  series.firstChild.textContent = words;
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
refresh().catch((error) => {
  root.hidden = true;
  if (stills) stills.open = true;
  throw error;
});
})();
