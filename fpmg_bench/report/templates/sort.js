// Sortable tables: a button in every column head, aria-sort on the head, pinned rows stay on top.
(() => {
  "use strict";
  const key = (row, column) => {
    const cell = row.cells[column];
    if (!cell || (column && cell.colSpan > 1)) return null;
    const raw = cell.dataset.sort ?? cell.querySelector(".value")?.textContent ?? "";
    const number = raw === "inf" ? Infinity : Number(raw);
    return raw !== "" && !Number.isNaN(number) ? number : cell.classList.contains("num") ? null : raw;
  };

  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));

  const sort = (table, column) => {
    const heads = [...table.tHead.rows[0].cells];
    const ascending = heads[column].getAttribute("aria-sort") !== "ascending";
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const body = table.querySelector("tbody:not([data-pinned])");
    const rows = [...body.rows].filter((row) => !row.dataset.of).map((row) => [key(row, column), row]);
    const known = rows.filter(([value]) => value !== null).sort(([a], [b]) => (ascending ? compare(a, b) : compare(b, a)));
    const members = [...body.querySelectorAll("tr[data-of]")];
    const line = (row) => [row, ...members.filter((each) => row.dataset.sweep && each.dataset.of === row.dataset.sweep)];
    body.append(...[...known, ...rows.filter(([value]) => value === null)].flatMap(([, row]) => line(row))); // without a number: last, both ways
  };

  const sortable = (table) => {
    const body = table.querySelector("tbody:not([data-pinned])");
    if (!body || body.rows.length < 2) return;
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, column));
      head.append(button);
    });
  };
  document.querySelectorAll("table[id]").forEach(sortable);
  document.addEventListener("filled", ({ detail }) => detail.querySelectorAll("table[id]").forEach(sortable));

  const reveal = () => {
    const id = location.hash && decodeURIComponent(location.hash.slice(1));
    if (!id) return;
    if (!document.getElementById(id)) document.dispatchEvent(new Event("everything")); // it lies in what is held back
    const target = document.getElementById(id);
    if (target) target.dispatchEvent(new Event("sought", { bubbles: true }));
    for (let up = target && target.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
