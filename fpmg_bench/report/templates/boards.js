// Leaderboards: one cohort at a time, rows by name, columns by choice, sweeps as one line. Paper and pages without scripts have it all.
(() => {
  "use strict";
  const make = (tag, more, ...inside) => {
    const made = Object.assign(document.createElement(tag), more);
    made.append(...inside);
    return made;
  };

  const tabs = (group) => {
    const panels = [...group.children];
    if (panels.length < 2) return;
    const list = make("div", { className: "tablist" });
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", group.dataset.label);
    const buttons = panels.map((panel, i) => {
      const button = make("button", { type: "button", textContent: panel.dataset.title });
      button.setAttribute("role", "tab");
      button.setAttribute("aria-controls", panel.id);
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-label", panel.dataset.title);
      button.addEventListener("click", () => show(i));
      panel.addEventListener("sought", () => show(i));
      return button;
    });
    const show = (at) => panels.forEach((panel, i) => {
      panel.hidden = i !== at;
      buttons[i].setAttribute("aria-selected", String(i === at));
      buttons[i].tabIndex = i === at ? 0 : -1;
    });
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
      show(next);
      buttons[next].focus();
    });
    list.append(...buttons);
    group.prepend(list);
    show(0);
  };

  const columns = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    const boxes = heads.slice(1).map((head, i) => {
      const box = make("input", { type: "checkbox", checked: true });
      box.addEventListener("change", () => {
        for (const row of table.rows) {
          const cell = row.cells[i + 1];
          if (cell && cell.colSpan === 1) cell.hidden = !box.checked;
        }
      });
      return make("label", {}, box, ` ${head.querySelector(".label").textContent}`);
    });
    return make("details", { className: "columns" }, make("summary", { textContent: "Columns" }), make("div", {}, ...boxes));
  };

  const sweeps = (table) => {
    const open = new Set();
    for (const line of table.querySelectorAll("tr[data-sweep]")) {
      const name = line.dataset.sweep;
      const value = line.cells[0].querySelector(".value");
      const button = make("button", { type: "button", className: "unfold", textContent: value.textContent });
      button.setAttribute("aria-expanded", "false");
      button.addEventListener("click", () => {
        if (!open.delete(name)) open.add(name);
        button.setAttribute("aria-expanded", String(open.has(name)));
        table.dispatchEvent(new Event("rows"));
      });
      value.replaceChildren(button);
    }
    return open;
  };

  const board = (wide) => {
    const table = wide.querySelector("table");
    const open = sweeps(table);
    const filter = make("input", { type: "search", placeholder: "Filter methods" });
    filter.setAttribute("aria-label", "Filter methods by name");
    const rows = () => {
      const asked = filter.value.trim().toLowerCase();
      for (const row of table.querySelectorAll("tbody:not([data-pinned]) tr")) {
        const other = asked && !row.cells[0].textContent.toLowerCase().includes(asked);
        row.hidden = Boolean(other || (row.dataset.of && !asked && !open.has(row.dataset.of)));
      }
    };
    filter.addEventListener("input", rows);
    table.addEventListener("rows", rows);
    rows();
    wide.before(make("div", { className: "tools" }, filter, columns(table)));
  };

  document.querySelectorAll(".tabs").forEach(tabs);
  document.querySelectorAll(".board").forEach(board);
})();
