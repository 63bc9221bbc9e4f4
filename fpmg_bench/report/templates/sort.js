// Sortable tables: a button in every column head, aria-sort on the head, pinned rows stay on top.
(() => {
  "use strict";
  const key = (row, column) => {
    const cell = row.cells[column];
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
    const rows = [...body.rows].map((row) => [key(row, column), row]);
    const known = rows.filter(([value]) => value !== null).sort(([a], [b]) => (ascending ? compare(a, b) : compare(b, a)));
    body.append(...[...known, ...rows.filter(([value]) => value === null)].map(([, row]) => row)); // without a number: last, both ways
  };

  for (const table of document.querySelectorAll("table[id]")) {
    const body = table.querySelector("tbody:not([data-pinned])");
    if (!body || body.rows.length < 2) continue;
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.title = head.title || "Sort";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, column));
      head.append(button);
    });
  }

  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let up = target && target.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
