// What is held back until somebody looks: drawings when they come near the window, tables of figures when they are opened, all before printing.
(() => {
  "use strict";
  const HELD = ":scope > noscript"; // without scripts the browser shows it at once
  const off = new WeakMap(); // figure -> names switched off in its legend

  const hide = (figure) => {
    const names = off.get(figure);
    if (names) for (const drawn of figure.querySelectorAll("svg [data-name]")) drawn.toggleAttribute("hidden", names.has(drawn.dataset.name));
  };

  const fill = (place) => {
    const held = place.querySelector(HELD);
    if (!held) return;
    const made = document.createElement("template");
    made.innerHTML = held.textContent;
    held.replaceWith(made.content);
    const figure = place.closest("figure");
    if (figure) hide(figure);
    document.dispatchEvent(new CustomEvent("filled", { detail: place }));
  };

  const near = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      fill(target);
    }
  }, { rootMargin: "300px" });
  document.querySelectorAll(".canvas").forEach((place) => near.observe(place));
  document.addEventListener("toggle", ({ target }) => target.open && fill(target), true);

  const toggle = (figure, item) => {
    const names = off.get(figure) || new Set();
    const name = item.parentElement.dataset.name;
    if (!names.delete(name)) names.add(name);
    off.set(figure, names);
    item.setAttribute("aria-pressed", String(!names.has(name)));
    hide(figure);
  };

  for (const item of document.querySelectorAll(".legend:not(.still) li")) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.append(...item.childNodes);
    button.addEventListener("click", () => toggle(item.closest("figure"), button));
    item.append(button);
  }

  const everything = () => document.querySelectorAll(".canvas, details").forEach((each) => {
    fill(each);
    if (each.matches("details")) each.open = true;
  });
  document.addEventListener("everything", everything);
  addEventListener("beforeprint", everything);
})();
