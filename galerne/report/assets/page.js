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
