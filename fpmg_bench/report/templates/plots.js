// Draws every figure from the JSON beside it. Colours written as "var:--name" are read from the page, so dark mode and print follow.
(() => {
  "use strict";
  const config = JSON.parse(document.getElementById("plot-config").textContent);
  const specs = [...document.querySelectorAll("script[data-plot]")].map((node) => ({
    place: document.getElementById(node.dataset.plot),
    spec: JSON.parse(node.textContent),
  }));
  const hidden = new Map(); // figure -> names switched off in its legend

  const painted = (value, style) => {
    if (typeof value === "string") return value.startsWith("var:") ? style.getPropertyValue(value.slice(4)).trim() : value;
    if (Array.isArray(value)) return value.map((each) => painted(each, style));
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, painted(v, style)]));
    return value;
  };

  const draw = ({ place, spec }) => {
    const { data, layout } = painted(spec, getComputedStyle(document.documentElement));
    const off = hidden.get(place.closest("figure")) || new Set();
    const shown = data.map((trace) => ({ ...trace, visible: !off.has(trace.name) }));
    return Plotly.react(place, shown, layout, config);
  };

  const redraw = () => specs.forEach(draw);

  const toggle = (figure, item) => {
    const off = hidden.get(figure) || new Set();
    const name = item.parentElement.dataset.name;
    if (!off.delete(name)) off.add(name);
    hidden.set(figure, off);
    item.setAttribute("aria-pressed", String(!off.has(name)));
    specs.filter(({ place }) => figure.contains(place)).forEach(draw);
  };

  for (const item of document.querySelectorAll(".legend:not(.still) li")) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.append(...item.childNodes);
    button.addEventListener("click", () => toggle(item.closest("figure"), button));
    item.append(button);
  }

  for (const { place } of specs) place.textContent = "";
  redraw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  matchMedia("print").addEventListener("change", redraw);
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => (each.open = true)));
})();
