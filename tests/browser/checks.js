/* What the checks ask of a page; it is added to the page by the tests alone. */
window.checks = (() => {
const root = document.getElementById("explorer");
document.documentElement.style.scrollBehavior = "auto"; // a scroll on its way would move what is clicked
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const visible = (node) => node.checkVisibility() && node.getClientRects().length > 0;
const pixels = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
const maps = () => all("canvas:not(.bar)", root).filter(visible);
const hash = (data) => {
  let found = 0;
  for (let i = 0; i < data.length; i += 4) found = (Math.imul(found, 31) + data[i] + 3 * data[i + 1] + 7 * data[i + 2]) | 0;
  return found;
};
const places = {
  map: () => root.querySelector("canvas[tabindex]"),
  slider: () => root.querySelector("input[type=range]"),
  next: () => root.querySelector("[aria-label='Next time']"),
  play: () => all("button", root).find((button) => ["Play", "Pause"].includes(button.textContent)),
};
const channels = (text) => {
  const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
  return [r, g, b, a];
};
const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
const ground = (node) => {
  const layers = [];
  for (let at = node; at; at = at.parentElement) {
    const colour = channels(getComputedStyle(at).backgroundColor);
    if (colour[3] > 0) layers.push(colour);
    if (colour[3] === 1) break;
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
};
const luminance = (colour) => {
  const [r, g, b] = colour.map((v) => { const s = v / 255; return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const legendEntry = (group) => {
  const paths = all("path", group).filter((path) => !path.closest("defs")).map((path) => [path.style.strokeDasharray || "solid", Math.round(parseFloat(path.style.strokeWidth || "1"))]);
  const marks = all("use", group).map((use) => {
    const name = use.getAttribute("href") ?? use.getAttributeNS("http://www.w3.org/1999/xlink", "href");
    const mark = document.querySelector(name), style = mark.getAttribute("style") ?? "";
    return mark.getAttribute("d") + (/fill: none|fill-opacity: 0/.test(style + use.getAttribute("style")) ? "hollow" : "");
  });
  return JSON.stringify([paths, marks]);
};
return {
  drawn: () => Number(root.dataset.drawn ?? 0),
  openAll: () => {
    for (const details of all("details")) details.open = true;
    return Math.max(1, all("[role=tab]").length);
  },
  openTab: (k) => { all("[role=tab]")[k]?.click(); },
  pictures: () => maps().map((canvas) => hash(pixels(canvas))),
  colours: () => Object.fromEntries(maps().map((canvas) => {
    const data = new Uint32Array(pixels(canvas).buffer);
    const opaque = data.reduce((count, colour) => count + (colour >>> 24 === 255), 0) / data.length;
    return [canvas.getAttribute("aria-label"), [new Set(data).size, opaque]];
  })),
  figures: () => all(".plate svg, .plate img").filter(visible).map((node) => {
    const box = node.getBoundingClientRect(), clip = node.closest(".scroll").getBoundingClientRect();
    return [node.getAttribute("aria-label") ?? node.alt, box.x + scrollX, box.y + scrollY, Math.min(box.right, clip.right) - box.x, box.height];
  }),
  tabs: () => all("[role=tab]").map((tab) => tab.textContent),
  panels: () => all("[role=tabpanel]").filter(visible).map((panel) => panel.dataset.label),
  focusTab: () => { document.querySelector("[role=tab][aria-selected=true]").focus(); },
  controls: () => all("select, button, input, summary, a[href], [tabindex='0']").filter((node) => visible(node) && !node.disabled && node.tabIndex >= 0)
    .map((node, k) => (node.dataset.check = `${node.tagName} ${node.getAttribute("aria-label") ?? node.textContent.slice(0, 40)} ${k}`)),
  focused: () => {
    const node = document.activeElement, style = getComputedStyle(node);
    if (node === document.body) return [null, false];
    const seen = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || node.classList.contains("skip");
    return [node.dataset.check ?? `${node.tagName} ${node.className}`, seen && node.getBoundingClientRect().left >= 0];
  },
  choices: () => all(".controls select", root).filter((select) => visible(select) && select.options.length > 1).map((select) => select.parentNode.firstChild.textContent),
  focusChoice: (label) => {
    const select = all(".controls select", root).find((one) => one.parentNode.firstChild.textContent === label);
    if (select.selectedIndex === select.options.length - 1) { select.selectedIndex = 0; }
    select.focus();
  },
  focus: (name) => { places[name]().focus(); },
  seen: (name) => visible(places[name]()),
  type: (lat, lon) => all(".place input", root).forEach((input, k) => { input.value = [lat, lon][k]; input.dispatchEvent(new Event("change")); }),
  middleOfMap: () => {
    const map = places.map();
    map.scrollIntoView({ block: "center", behavior: "instant" });
    const box = map.getBoundingClientRect();
    return [box.x + 0.4 * box.width, box.y + 0.6 * box.height];
  },
  series: () => {
    const box = root.querySelector(".series"), svg = box.querySelector("svg[role=img]");
    if (!svg) return null;
    return { words: box.firstChild.textContent, lines: all("polyline", svg).length, rows: all("tbody tr", box).length,
      shape: all("polyline", svg).map((line) => line.getAttribute("points")).join() };
  },
  tooWide: () => all("body *").filter((node) => visible(node) && !node.parentElement.closest(".scroll, svg, pre, select") && !node.closest(".skip")
    && (node.getBoundingClientRect().right > innerWidth + 0.5 || node.getBoundingClientRect().left < -0.5))
    .map((node) => `${node.tagName}.${node.className} ${Math.round(node.getBoundingClientRect().right)}: ${node.textContent.slice(0, 40)}`),
  pale: () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = new Set();
    while (walker.nextNode()) {
      const text = walker.currentNode.textContent.trim(), node = walker.currentNode.parentElement;
      if (!text || ["SCRIPT", "STYLE", "OPTION", "TITLE"].includes(node.tagName) || !visible(node) || node.closest(".skip")) continue;
      const style = getComputedStyle(node), below = ground(node), svg = node.closest("svg");
      if (svg && style.fill === "none") continue;
      const shown = over(channels(svg ? style.fill : style.color), below);
      const [a, b] = [luminance(shown), luminance(below)].sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05), size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5) && !node.closest(":disabled")) found.add(`${ratio.toFixed(2)} ${node.tagName}.${node.className} ${text.slice(0, 40)}`);
    }
    return [...found];
  },
  bars: () => all("canvas.bar", root).filter(visible).map((bar) => {
    const data = pixels(bar);
    return Array.from({ length: bar.width }, (_, k) => [...data.slice(4 * k, 4 * k + 3)]);
  }),
  legends: () => all("g[id*='legend_']").map((legend) => [legend.closest("figure").querySelector("figcaption").textContent,
    all(":scope > g[id*='line2d']", legend).map(legendEntry)]),
};
})();
