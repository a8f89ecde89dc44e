/* The explorer: variable, level, time, method and member, side by side, and the series of a place. */
const explore = (data, root) => {
const { wide, high, unpack, observed, geometry, drawField, drawDots, drawMark, paintBar, placeAt, cellOf, distance } = atlas(data);
const CLIMATE = "climatology", NONE = "none", REACH = 500; // of observations beside a series [km]
const runOf = (scene) => scene.run;
const first = data.scenes[0];
const state = { run: runOf(first), task: first.choice.task, window: first.choice.window, variable: "", level: "", method: "",
  other: data.beside, member: "mean", view: "values", smooth: true, frame: 0, place: null };
const unique = (values) => [...new Set(values)];
const current = () => data.scenes.find((s) => runOf(s) === state.run && s.choice.task === state.task && s.choice.window === state.window);
const about = (scene, channel) => data.ranges[scene.choice.dataset][channel];
const levelOf = (scene, channel) => String(about(scene, channel).level ?? "surface");
const chosen = () => current().channels.find((c) => about(current(), c).variable === state.variable && levelOf(current(), c) === state.level);
const others = () => {
  const scene = current(), names = Object.keys(scene.methods).filter((name) => name !== state.method);
  return [NONE, ...names, ...(scene.fields.climatology ? [CLIMATE] : [])];
};
const labelOf = (name) => name === NONE ? "nothing" : data.looks[name].label;
const shortOf = (name) => name === NONE ? "" : data.looks[name].short;
const words = (name) => { const text = name.replaceAll("_", " "); return text[0].toUpperCase() + text.slice(1); };
const windowLabel = (name) => {
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)_(\d+)h$/.exec(name);
  return found ? `${found[1]}-${found[2]}-${found[3]} ${found[4]} UTC, ${found[5]} h` : name;
};
const membersOf = (name) => {
  const packed = current().methods[name]?.members;
  return packed ? Array.from({ length: packed[0].count }, (_, k) => String(k + 1)) : [];
};
/* Each control: its name, what it may be given all before it, and how that reads. */
const CONTROLS = [
  ["run", "Run", () => unique(data.scenes.map(runOf)), String],
  ["task", "Task", () => unique(data.scenes.filter((s) => runOf(s) === state.run).map((s) => s.choice.task)), words],
  ["window", "Window", () => unique(data.scenes.filter((s) => runOf(s) === state.run && s.choice.task === state.task).map((s) => s.choice.window)), windowLabel],
  ["variable", "Variable", () => unique(current().channels.map((c) => about(current(), c).variable)), words],
  ["level", "Level", () => current().channels.filter((c) => about(current(), c).variable === state.variable).map((c) => levelOf(current(), c)), (v) => v === "surface" ? v : `${v} hPa`],
  ["method", "Method", () => Object.keys(current().methods), labelOf],
  ["other", "Beside it", others, labelOf],
  ["member", "Of the ensemble", () => ["mean", ...membersOf(state.method)], (v) => v === "mean" ? "mean" : `member ${v}`],
  ["view", "Show", () => ["values", ...(current().fields.climatology ? ["anomalies"] : [])], (v) => v === "values" ? v : "anomalies from climatology"],
];
const selects = {}, controls = make("div", { class: "controls" });
for (const [key, title] of CONTROLS) {
  selects[key] = make("select");
  selects[key].addEventListener("change", () => { state[key] = selects[key].value; refresh(); });
  controls.append(make("label", {}, title, selects[key]));
}
const smooth = make("input", { type: "checkbox" });
smooth.checked = true;
smooth.addEventListener("change", () => { state.smooth = smooth.checked; draw(); });
controls.append(make("label", { class: "check" }, smooth, "smooth"));
const settle = () => {
  for (const [key, , list, read] of CONTROLS) {
    const options = list();
    if (!options.includes(state[key])) state[key] = key === "other" ? options.find((o) => o !== NONE) ?? NONE : options[0];
    selects[key].replaceChildren(...options.map((value) => make("option", { value }, read(value))));
    selects[key].value = state[key];
    selects[key].parentNode.hidden = options.length < 2 && ["run", "level", "view"].includes(key);
  }
};

/* Time. */
const slider = make("input", { type: "range", min: "0", step: "1", value: "0", "aria-label": "Time in the window" });
const back = make("button", { type: "button", "aria-label": "Previous time" }, "◀");
const next = make("button", { type: "button", "aria-label": "Next time" }, "▶");
const play = make("button", { type: "button" }, "Play");
const clock = make("output", { "aria-live": "polite" });
const stepper = make("div", { class: "stepper" }, back, play, next, slider, clock);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let timer = null;
const go = (k) => {
  const n = current().times.length;
  state.frame = ((k % n) + n) % n;
  slider.value = state.frame;
  draw();
};
const stop = () => { clearInterval(timer); timer = null; play.textContent = "Play"; clock.setAttribute("aria-live", "polite"); };
const toggle = () => {
  if (timer) return stop();
  if (calm.matches || current().times.length < 2) return;
  clock.setAttribute("aria-live", "off");
  timer = setInterval(() => go(state.frame + 1), 700);
  play.textContent = "Pause";
};
const step = (by) => { stop(); go(state.frame + by); };
back.addEventListener("click", () => step(-1));
next.addEventListener("click", () => step(1));
play.addEventListener("click", toggle);
slider.addEventListener("input", () => { stop(); go(Number(slider.value)); });
const settleMotion = () => { play.hidden = calm.matches; stop(); };
calm.addEventListener("change", settleMotion);
settleMotion();

/* A place: clicked, typed, or moved by keys. */
const field = (title, most) => {
  const input = make("input", { type: "number", min: -most, max: most, step: "any", inputmode: "decimal" });
  input.addEventListener("change", () => {
    const [lat, lon] = [latitude.value, longitude.value].map(Number);
    if (latitude.value && longitude.value && latitude.checkValidity() && longitude.checkValidity()) put({ lat, lon });
  });
  return [input, make("label", {}, title, input)];
};
const [latitude, latitudeLabel] = field("Latitude [°N]", 90);
const [longitude, longitudeLabel] = field("Longitude [°E]", 180);
const clear = make("button", { type: "button" }, "No place");
const placing = make("div", { class: "controls place", role: "group", "aria-label": "Place of the time series" }, latitudeLabel, longitudeLabel, clear);
const put = (place) => {
  state.place = place;
  latitude.value = place ? place.lat.toFixed(1) : "";
  longitude.value = place ? place.lon.toFixed(1) : "";
  clear.disabled = !place;
  draw();
};
clear.addEventListener("click", () => put(null));
const move = (north, east) => {
  const grid = data.grids[current().choice.dataset], at = state.place ?? { lat: 0, lon: 0 };
  const size = Math.abs(grid.latitude[1] - grid.latitude[0]);
  put({ lat: Math.max(-90, Math.min(90, at.lat + north * size)), lon: ((at.lon + east * size + 540) % 360) - 180 });
};

/* Panels. */
const box = (...kinds) => make("div", { class: ["globes", ...kinds].join(" ") });
const rows = { what: box(), method: box(), other: box(), members: box("members"), otherMembers: box("members") };
const membersTitle = make("h3", {}, "Members side by side");
const series = make("div", { class: "series", role: "region", "aria-label": "Time series of the chosen place" });
root.append(controls, stepper, rows.what, rows.method, rows.other, placing, series, membersTitle, rows.members, rows.otherMembers);
root.setAttribute("role", "group");
root.setAttribute("aria-label", "Map explorer");
root.hidden = false;
const panels = new Map();
const panel = (row, name) => {
  if (panels.has(name)) return panels.get(name);
  const canvas = make("canvas", { width: wide, height: high, role: "img" });
  const bar = make("canvas", { width: 256, height: 1, class: "bar", "aria-hidden": "true" });
  const value = make("span"), title = document.createTextNode(""), ticks = make("div", { class: "ticks" });
  const node = make("figure", { class: "globe" }, make("figcaption", {}, title, value), canvas, bar, ticks);
  const found = { node, canvas, bar, value, title, ticks, values: null, note: "" };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return placeAt((event.clientX - box.left) / box.width * wide, (event.clientY - box.top) / box.height * high);
  };
  canvas.addEventListener("pointermove", (event) => readOff(at(event)));
  canvas.addEventListener("pointerleave", () => readOff(state.place));
  canvas.addEventListener("click", (event) => { const place = at(event); if (place) put(place); });
  row.append(node);
  panels.set(name, found);
  return found;
};
/* One map takes the keyboard, for all of them. */
const steered = panel(rows.what, "truth").canvas;
steered.tabIndex = 0;
steered.setAttribute("aria-describedby", "explorer-keys");
const MOVES = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
steered.addEventListener("keydown", (event) => {
  const by = MOVES[event.key], far = event.shiftKey ? 5 : 1;
  if (by) move(by[0] * far, by[1] * far);
  else if (event.key === "Enter") put(state.place ?? { lat: 0, lon: 0 });
  else if (event.key === "Escape") put(null);
  else return;
  event.preventDefault();
});
const TYPED = ["SELECT", "INPUT", "BUTTON", "SUMMARY"];
root.addEventListener("keydown", (event) => {
  if (TYPED.includes(event.target.tagName) || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === ",") step(-1);
  else if (event.key === ".") step(1);
  else if (event.key === " ") toggle();
  else return;
  event.preventDefault();
});
const digits = (x) => {
  if (!Number.isFinite(x)) return "–";
  const size = Math.abs(x);
  return x.toFixed(size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4).replace("-", "−");
};
const degrees = (place) => `${Math.abs(place.lat).toFixed(1)}°${place.lat < 0 ? "S" : "N"} ${Math.abs(place.lon).toFixed(1)}°${place.lon < 0 ? "W" : "E"}`;
const readOff = (place) => {
  const cell = place && cellOf(data.grids[current().choice.dataset], place);
  for (const { node, value, values, note } of panels.values()) {
    if (!node.hidden) value.textContent = place && values ? digits(values[cell]) : note;
  }
};

/* What is on show: all times of one channel of one scene, of one method or two. */
let shown = null, request = 0, drawn = 0;
const plus = (a, b, sign = 1) => a.map((v, i) => v + sign * b[i]);
const loadMethod = async (name, k, fields, grid) => {
  if (name === CLIMATE) return { mean: fields.climatology, error: fields.climatology.map((f, t) => plus(f, fields.truth[t], -1)) };
  const packed = current().methods[name];
  const read = async (name) => packed[name] ? Promise.all(packed[name][k].pieces.map((id) => unpack(id, grid, packed[name][k].span, name))) : null;
  const [error, spread, apart] = await Promise.all(["error", "spread", "members"].map(read));
  const mean = error.map((f, t) => plus(fields.truth[t], f)), size = fields.truth[0].length;
  const members = apart?.map((all, t) => Array.from({ length: all.length / size }, (_, m) => plus(mean[t], all.subarray(m * size, (m + 1) * size))));
  return { mean, error, spread, members };
};
const load = async (scene, channel) => {
  const grid = data.grids[scene.choice.dataset], range = about(scene, channel), k = scene.channels.indexOf(channel);
  const fields = {};
  for (const [name, all] of Object.entries(scene.fields)) fields[name] = await Promise.all(all[k].map((id) => unpack(id, grid, range.field, name)));
  const one = await loadMethod(state.method, k, fields, grid);
  const two = state.other === NONE ? null : await loadMethod(state.other, k, fields, grid);
  return { scene, range, grid, fields, one, two, methods: [state.method, state.other], names: [shortOf(state.method), shortOf(state.other)],
    dots: await observed(scene.observations[k]) };
};
const most = (frames, share) => {
  const all = [];
  for (const frame of frames) for (let i = 0; i < frame.length; i += 2) if (frame[i] === frame[i]) all.push(Math.abs(frame[i]));
  all.sort((a, b) => a - b);
  return all.length ? all[Math.floor(share * (all.length - 1))] || 1e-9 : 1;
};
const around = (frames) => { const top = most(frames, 0.998); return [-top, top]; };
const ends = (frames) => {
  let low = Infinity, top = -Infinity;
  for (const frame of frames) for (const value of frame) { if (value < low) low = value; if (value > top) top = value; }
  return low < top ? [low, top] : [low - 0.5, low + 0.5];
};
const spansOf = ({ fields, one, two }) => {
  const { truth, climatology } = fields, full = [...truth, ...one.mean, ...(two ? two.mean : [])];
  const spreads = [...(one.spread ?? []), ...(two?.spread ?? [])];
  return {
    field: ends(full),
    anomaly: climatology ? around(full.map((f, i) => plus(f, climatology[i % climatology.length], -1))) : null,
    error: around([...one.error, ...(two ? two.error : [])]),
    spread: [0, most(spreads, 0.998)],
  };
};
const refresh = async () => {
  const mine = ++request;
  settle();
  const now = await load(current(), chosen());
  if (mine !== request) return;
  now.spans = spansOf(now);
  shown = now;
  const n = now.scene.times.length;
  state.frame = Math.min(state.frame, n - 1);
  slider.max = n - 1; slider.value = state.frame;
  for (const node of [slider, back, next, play]) node.disabled = n < 2;
  if (n < 2) stop();
  draw();
};
const draw = () => {
  if (!shown) return;
  const { scene, fields, range, spans, grid, dots, one, two, names } = shown, t = state.frame;
  const shape = geometry(scene.choice.dataset, state.smooth);
  const lead = scene.leads[t] > 0 ? `, ${scene.leads[t]} h after the last observation` : "";
  clock.textContent = scene.times[t] + lead;
  for (const { node } of panels.values()) node.hidden = true;
  const base = state.view === "anomalies" ? fields.climatology[t] : null;
  const kind = base ? "difference" : "field", span = base ? spans.anomaly : spans.field;
  const relative = (values) => base ? plus(values, base, -1) : values;
  const show = (row, name, title, values, how, [low, top], { note = "", about = "", sides = ["", ""] } = {}) => {
    const one = panel(row, name);
    one.node.hidden = false;
    one.title.textContent = title;
    one.values = values; one.note = note;
    one.canvas.setAttribute("aria-label", about || `${title}, ${range.label}, ${scene.times[t]}, colours from ${digits(low)} to ${digits(top)} ${range.unit}`);
    if (values) drawField(one.canvas, values, how, [low, top], shape);
    paintBar(one.bar, how);
    const ticks = [sides[0] || digits(low), digits((low + top) / 2), `${sides[1] || digits(top)} ${range.unit}`];
    one.ticks.replaceChildren(...ticks.map((text) => make("span", {}, text)));
    return one.canvas;
  };
  show(rows.what, "truth", "Truth", relative(fields.truth[t]), kind, span);
  const near = dots.filter((dot) => Math.abs(dot.hour - scene.hours[t]) <= scene.step / 2)
    .map((dot) => ({ ...dot, used: !dot.withheld && (!scene.last || dot.hour <= scene.last[t] + 1e-6),
      value: base ? dot.value - base[cellOf(grid, dot)] : dot.value }));
  const used = near.filter((dot) => dot.used).length, counted = `${used} used, ${near.length - used} not`;
  const seen = show(rows.what, "observations", "Observations", null, kind, span,
    { note: counted, about: `Observations of ${range.label}, ${scene.times[t]}: ${used} assimilated, ${near.length - used} not` });
  drawDots(seen, near, kind, span, shape);
  const part = state.member === "mean" ? "mean" : Number(state.member) - 1;
  const pictured = (of) => part === "mean" || !of.members ? of.mean[t] : of.members[t][Math.min(part, of.members[t].length - 1)];
  const ofWhat = (of) => part === "mean" || !of.members ? "mean" : `member ${part + 1}`;
  const trio = (row, key, of, name) => {
    const picture = pictured(of), what = of.spread ? ofWhat(of) : "";
    show(row, key, `${name}${what && `: ${what}`}`, relative(picture), kind, span);
    show(row, `${key}-error`, `${name}: ${what || "state"} − truth`, plus(picture, fields.truth[t], -1), "difference", spans.error);
    if (of.spread) show(row, `${key}-spread`, `${name}: spread`, of.spread[t], "spread", spans.spread);
  };
  trio(rows.method, "method", one, names[0]);
  if (two) {
    const closer = one.error[t].map((v, i) => Math.abs(two.error[t][i]) - Math.abs(v)), top = spans.error[1];
    show(rows.what, "closer", "Which is nearer to the truth", closer, "difference", [-top, top], {
      sides: [`${names[1]}, by ${digits(top)}`, `${names[0]}, by ${digits(top)}`],
      about: `Where ${names[0]} (yellow) or ${names[1]} (blue) is nearer to the truth, ${range.label}, ${scene.times[t]}` });
    trio(rows.other, "other", two, names[1]);
  }
  const strip = (row, key, of, name) => (of?.members?.[t] ?? []).forEach((values, m) => show(row, `${key}${m}`, `${name}: ${m + 1}`, relative(values), kind, span));
  strip(rows.members, "member", one, names[0]);
  if (fields.prior_sample) show(rows.members, "prior", "Prior, no observations", relative(fields.prior_sample[t]), kind, span);
  strip(rows.otherMembers, "beside", two, names[1]);
  for (const { node, canvas } of panels.values()) if (!node.hidden) drawMark(canvas, state.place);
  for (const row of Object.values(rows)) row.hidden = [...row.children].every((node) => node.hidden);
  membersTitle.hidden = rows.members.hidden && rows.otherMembers.hidden;
  readOff(state.place);
  drawSeries(t);
  root.dataset.drawn = ++drawn;
};

/* Time series of the place. */
const drawSeries = (t) => {
  const opened = series.querySelector("details")?.open;
  if (!state.place) {
    series.replaceChildren(make("p", { class: "note" }, "No place is chosen: click a map, type a latitude and a longitude, or put the focus on the map of the truth and press Enter."));
    return;
  }
  const { scene, fields, one, two, methods, names, range, grid, dots } = shown, cell = cellOf(grid, state.place);
  const at = (frames) => frames ? frames.map((frame) => frame[cell]) : null;
  const like = (name, values) => ({ label: labelOf(name), values, style: `stroke:${data.looks[name].colour};stroke-dasharray:${data.looks[name].dashes || "none"}` });
  const lines = [{ label: "Truth", values: at(fields.truth), style: "stroke-width:3" }, like(methods[0], at(one.mean))];
  if (two) lines.push(like(methods[1], at(two.mean)));
  if (fields.climatology && methods[1] !== CLIMATE) lines.push(like(CLIMATE, at(fields.climatology)));
  const members = one.members ? one.members[0].map((_, m) => one.members.map((frame) => frame[m][cell])) : [];
  const mean = at(one.mean), spread = at(one.spread);
  const begin = scene.hours[0] - scene.step / 2, end = scene.hours.at(-1) + scene.step / 2;
  const spots = dots.filter((dot) => dot.hour >= begin && dot.hour <= end && Math.abs(dot.lat - state.place.lat) < REACH / 110)
    .map((dot) => ({ ...dot, km: distance(dot, state.place) })).filter((dot) => dot.km <= REACH);
  series.replaceChildren(
    make("p", { "aria-live": timer ? "off" : "polite" }, `${range.label} [${range.unit}] at ${degrees(state.place)}. ` + (spots.length
      ? `${spots.length} observations within ${REACH} km (the nearest ${Math.round(Math.min(...spots.map((d) => d.km)))} km away), hollow if withheld or later than what was known.`
      : `No observation within ${REACH} km.`) + (spread ? ` The band is the mean of ${names[0]} ± its spread${members.length ? `, thin lines are members` : ""}.` : "")),
    chart({ scene, lines, members, mean, spread, spots, begin, end, t, colour: data.looks[methods[0]].colour }),
    table({ scene, lines, members, opened }));
};
const chart = ({ scene, lines, members, mean, spread, spots, begin, end, t, colour }) => {
  const narrow = root.clientWidth < 600, [width, height] = narrow ? [380, 260] : [900, 250], left = 58, foot = height - 44;
  const band = spread ? [...mean.map((v, i) => v - spread[i]), ...mean.map((v, i) => v + spread[i])] : [];
  const all = [...lines.map((l) => l.values), ...members, band, spots.map((d) => d.value)].flat().filter((v) => Number.isFinite(v));
  const low = Math.min(...all), top = Math.max(...all), pad = (top - low || 1) * 0.06;
  const x = (h) => left + (h - begin) / (end - begin || 1) * (width - left - 8);
  const y = (v) => foot - (v - low + pad) / (top - low + 2 * pad) * (foot - 8);
  const hours = scene.hours, wing = scene.step / 4;
  const points = (values) => (hours.length < 2 ? [[hours[0] - wing, values[0]], [hours[0] + wing, values[0]]] : values.map((v, i) => [hours[i], v]));
  const path = (values, name, style = "") => `<polyline class="${name}" style="${style}" points="${points(values).map(([h, v]) => `${x(h).toFixed(1)},${y(v).toFixed(1)}`).join(" ")}"/>`;
  let body = [0, 1, 2, 3].map((k) => low + (top - low) * k / 3)
    .map((v) => `<line class="axis" x1="${left}" x2="${width}" y1="${y(v)}" y2="${y(v)}"/><text x="${left - 6}" y="${y(v)}" dy="4" text-anchor="end">${digits(v)}</text>`).join("");
  const every = Math.ceil(hours.length / (narrow ? 3 : 8));
  body += hours.map((h, i) => i % every ? "" : `<text x="${x(h)}" y="${foot + 16}" text-anchor="middle">${scene.times[i].slice(5, 13)} h</text>`).join("");
  if (spread) {
    const edge = (sign) => points(mean.map((v, i) => v + sign * spread[i])).map(([h, v]) => `${x(h).toFixed(1)},${y(v).toFixed(1)}`);
    body += `<polygon class="band" style="fill:${colour}" points="${[...edge(1), ...edge(-1).reverse()].join(" ")}"/>`;
  }
  body += members.map((values) => path(values, "member", `stroke:${colour}`)).join("") + lines.slice().reverse().map((l) => path(l.values, "line", l.style)).join("");
  const used = (d) => !d.withheld && (!scene.last || d.hour <= Math.max(...scene.last) + 1e-6);
  body += spots.map((d) => `<circle class="${used(d) ? "used" : "kept"}" cx="${x(d.hour)}" cy="${y(d.value)}" r="4"/>`).join("");
  body += `<line class="now" x1="${x(hours[t])}" x2="${x(hours[t])}" y1="6" y2="${foot}"/>`;
  const svg = make("div", {});
  svg.innerHTML = `<svg viewBox="0 0 ${width} ${height - 22}" role="img">${body}</svg>`;
  svg.firstChild.setAttribute("aria-label", `Time series: ${lines.map((l) => l.label).join(", ")}; the values are in the table below.`);
  const key = make("p", { class: "key" }, ...lines.map((l) => {
    const item = make("span", {});
    item.innerHTML = `<svg viewBox="0 0 34 10" aria-hidden="true"><line class="line" style="${l.style}" x1="1" x2="33" y1="5" y2="5"/></svg>`;
    item.append(l.label);
    return item;
  }));
  return make("div", {}, key, svg.firstChild);
};
const table = ({ scene, lines, members, opened }) => {
  const heads = ["Time", ...lines.map((l) => l.label), ...members.map((_, m) => `Member ${m + 1}`)];
  const head = make("tr", {}, ...heads.map((text, k) => make("th", { scope: "col", class: k ? "n" : "" }, text)));
  const body = scene.times.map((time, i) => make("tr", {}, make("th", { scope: "row" }, time),
    ...[...lines.map((l) => l.values), ...members].map((values) => make("td", { class: "n" }, digits(values[i])))));
  const found = make("details", {}, make("summary", {}, "Values of the series"),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Values of the series" },
      make("table", {}, make("thead", {}, head), make("tbody", {}, ...body))));
  found.open = Boolean(opened);
  return found;
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
put(null);
return refresh();
};

(() => {
  const source = document.getElementById("explorer-data"), root = document.getElementById("explorer");
  const stills = document.getElementById("stills"), fall = () => { if (stills) stills.open = true; };
  if (!source || !root) return;
  if (typeof DecompressionStream === "undefined") return fall();
  explore(JSON.parse(source.textContent), root).catch((error) => { root.hidden = true; fall(); throw error; });
})();
