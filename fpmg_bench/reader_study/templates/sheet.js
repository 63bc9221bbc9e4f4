(() => {
  "use strict";
  const body = document.body, by = (id) => document.getElementById(id);
  const cases = [...document.querySelectorAll(".case")], forms = cases.map((each) => each.querySelector("form"));
  let at = 0, paged = true, unsaved = false;

  document.querySelectorAll(".with-script").forEach((each) => { each.hidden = false; });
  document.querySelectorAll(".without-script").forEach((each) => { each.hidden = true; });

  const chosen = (form, name) => form.querySelector(`input[name="${name}"]:checked`)?.value ?? null;
  const answer = (form) => {
    const sure = chosen(form, "confidence");
    return {
      case: Number(form.dataset.case), verdict: chosen(form, "verdict"), confidence: sure === null ? null : Number(sure),
      label: chosen(form, "label"), remark: form.elements.remark.value,
    };
  };
  const done = (form) => chosen(form, "verdict") !== null && chosen(form, "confidence") !== null;

  function show() {
    body.classList.toggle("paged", paged);
    cases.forEach((each, i) => each.classList.toggle("current", i === at));
    by("all").setAttribute("aria-pressed", String(!paged));
    by("all").textContent = paged ? "All cases" : "One by one";
    by("progress").textContent = `Case ${at + 1} of ${cases.length}, ${forms.filter(done).length} answered`;
  }
  function go(step) {
    at = Math.min(Math.max(at + step, 0), cases.length - 1);
    show();
    cases[at].scrollIntoView();
  }
  function choose(name, value) {
    const input = [...forms[at].querySelectorAll(`input[name="${name}"]`)].find((each) => each.value === value);
    if (input) { input.checked = true; unsaved = true; show(); }
  }
  function save() {
    const reader = by("reader").value.trim();
    if (!reader) { by("told").textContent = "Write your name or initials first."; by("reader").focus(); return; }
    const said = { format: body.dataset.format, version: Number(body.dataset.version), study: body.dataset.study, reader, answers: forms.map(answer) };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(said, null, 1) + "\n"], { type: "application/json" }));
    link.download = `answers-${body.dataset.study}-${reader.replace(/[^\w-]+/g, "_")}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
    unsaved = false;
    const left = forms.filter((form) => !done(form)).length;
    by("told").textContent = left ? `Saved; ${left} cases are not answered yet.` : "Saved.";
  }
  function restore(said) {
    if (said?.format !== body.dataset.format || said.study !== body.dataset.study) { by("told").textContent = "That file holds no answers to this sheet."; return; }
    by("reader").value = String(said.reader ?? "");
    for (const each of said.answers) {
      const form = forms[each.case - 1];
      if (!form) continue;
      for (const name of ["verdict", "confidence", "label"]) {
        form.querySelectorAll(`input[name="${name}"]`).forEach((input) => { input.checked = input.value === String(each[name]); });
      }
      form.elements.remark.value = String(each.remark ?? "");
    }
    by("told").textContent = "";
    unsaved = false;
    show();
  }

  by("previous").addEventListener("click", () => go(-1));
  by("next").addEventListener("click", () => go(1));
  by("all").addEventListener("click", () => { paged = !paged; show(); });
  by("save").addEventListener("click", save);
  by("open").addEventListener("change", async (event) => {
    const file = event.target.files[0];
    if (!file) return;
    try { restore(JSON.parse(await file.text())); } catch { by("told").textContent = "That file is no file of answers."; }
  });
  forms.forEach((form, i) => {
    form.addEventListener("input", () => { at = i; unsaved = true; show(); });
    form.addEventListener("submit", (event) => event.preventDefault());
  });
  by("bar").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches?.("textarea, input[type=text]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const does = { ArrowRight: () => go(1), ArrowLeft: () => go(-1), r: () => choose("verdict", "real"), s: () => choose("verdict", "synthetic") }[event.key]
      ?? (/^[1-5]$/.test(event.key) ? () => choose("confidence", event.key) : null);
    if (does) { event.preventDefault(); does(); }
  });
  window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  show();
})();
