/* Fields of the page: unpacked, projected, painted. */
const atlas = (data) => {
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const inflate = async (k) => {
  const stream = new Blob([bytes(data.blobs[k])]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
};
const cache = new Map();
const piece = (k) => {
  if (!cache.has(k)) cache.set(k, inflate(k));
  return cache.get(k);
};
/* Differences along rows, back to values; the integer above all levels is a missing value. */
const values = (raw, n, [low, high], levels) => {
  const found = new Float32Array(raw.length), scale = (high - low) / levels || 1;
  const last = 256 ** raw.BYTES_PER_ELEMENT - 1;
  for (let row = 0; row < raw.length; row += n) {
    let level = 0;
    for (let i = row; i < row + n; i++) {
      level = (level + raw[i]) & last;
      found[i] = level > levels ? NaN : low + level * scale;
    }
  }
  return found;
};
const unpack = async (k, grid, span, name) => {
  const levels = data.levels[name], raw = await piece(k);
  return values(levels < 255 ? new Uint8Array(raw) : new Uint16Array(raw), grid.longitude.length, span, levels);
};
const observed = async (seen) => {
  if (!seen) return [];
  const raw = new Uint16Array(await piece(seen.blob)), n = seen.count;
  return Array.from({ length: n }, (_, i) => ({ lat: raw[i] / 100 - 90, lon: raw[n + i] / 100 - 180,
    value: seen.low + raw[2 * n + i] * seen.scale, hour: (raw[3 * n + i] - 1000) / 20, withheld: raw[4 * n + i] > 0 }));
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
  const pale = kind !== "spread";
  drawFrame(context, shape, pale ? "rgba(255,255,255,.85)" : "rgba(40,40,40,.85)", pale);
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
const paintBar = (canvas, kind) => {
  const context = canvas.getContext("2d"), image = context.createImageData(256, 1), table = colours[kind];
  for (let k = 0; k < 256; k++) image.data.set([table[3 * k], table[3 * k + 1], table[3 * k + 2], 255], 4 * k);
  context.putImageData(image, 0, 0);
};
const cellOf = (grid, place) => {
  const n = grid.longitude.length, m = grid.latitude.length;
  const i = Math.round((place.lon - grid.longitude[0]) / (grid.longitude[1] - grid.longitude[0]));
  const j = Math.round((place.lat - grid.latitude[0]) / (grid.latitude[1] - grid.latitude[0]));
  return Math.max(0, Math.min(m - 1, j)) * n + ((i % n) + n) % n;
};
/* Great-circle distance [km]. */
const distance = (a, b) => {
  const s = Math.sin((a.lat - b.lat) * RAD / 2) ** 2
    + Math.cos(a.lat * RAD) * Math.cos(b.lat * RAD) * Math.sin((a.lon - b.lon) * RAD / 2) ** 2;
  return 2 * 6371 * Math.asin(Math.min(1, Math.sqrt(s)));
};
return { wide, high, unpack, observed, geometry, drawField, drawDots, drawMark, paintBar, placeAt, cellOf, distance };
};
