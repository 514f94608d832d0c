"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const word = (code) => code.replaceAll("_", " ");
const meaning = new Map(data.flags.map((flag) => [flag.code, flag.meaning]));
const key = (study, disc) => JSON.stringify([study.name, study.uid, disc.level]);
const STORE = "discmri-qc " + data.studies.map((s) => `${s.name} ${s.uid}`).join("|").slice(0, 2000);
let decisions = new Map(), saved = true, here = { study: null, disc: null }, shown = [];
let adc = false;

function element(tag, text, kind) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}
const encoded = (path) => path.split("/").map(encodeURIComponent).join("/").replace(/^file%3A/, "file:");
const picture = (study, name) => `${encoded(study.folder)}/figures/${encodeURIComponent(name)}.png`;

/* What was decided survives a reload where the browser keeps it. */
function remember() {
  try { localStorage.setItem(STORE, JSON.stringify([...decisions])); } catch { /* kept in the page alone */ }
}
function recall() {
  try { decisions = new Map(JSON.parse(localStorage.getItem(STORE) ?? "[]")); } catch { decisions = new Map(); }
}

function fits(study, disc) {
  const said = decisions.get(key(study, disc))?.decision ?? "none";
  const wanted = Object.fromEntries(["decision", "quality", "flag", "level", "search", "confidence"].map((id) => [id, at(id).value.trim()]));
  if (wanted.decision && said !== wanted.decision) return false;
  if (wanted.quality && disc.quality !== wanted.quality) return false;
  if (wanted.flag === "none" ? disc.flags.length : wanted.flag === "some" ? !disc.flags.length : wanted.flag && ![...disc.flags, ...study.flags].includes(wanted.flag)) return false;
  if (wanted.level && disc.level !== wanted.level) return false;
  if (wanted.confidence !== "" && !(disc.confidence !== null && disc.confidence <= Number(wanted.confidence))) return false;
  return `${study.name}\n${study.subject}`.toLowerCase().includes(wanted.search.toLowerCase());
}
function filter() {
  shown = data.studies.map((study) => ({ study, discs: study.discs.filter((disc) => fits(study, disc)) })).filter((one) => one.discs.length);
  at("list").replaceChildren(...shown.map(entry));
  open(shown.some((one) => one.study === here.study) ? here.study : shown[0]?.study, false);
}
const left = (study) => study.discs.filter((disc) => !decisions.get(key(study, disc))?.decision).length;
function entry({ study }) {
  const item = element("li"), button = element("button");
  button.type = "button";
  button.append(element("span", study.name), element("span"));
  button.title = study.name;
  button.onclick = () => open(study, true);
  item.append(button);
  mark(button, study);
  return item;
}
function mark(button, study) {
  const open_ = left(study);
  button.lastChild.textContent = open_ ? `${study.discs.length - open_}/${study.discs.length}` : "✓ done";
  button.lastChild.className = open_ ? "soft" : "done";
}
function tally() {
  const counts = new Map();
  for (const one of decisions.values()) if (one.decision) counts.set(one.decision, (counts.get(one.decision) ?? 0) + 1);
  const all = data.studies.reduce((sum, study) => sum + study.discs.length, 0);
  const said = data.verdicts.map((one) => `${counts.get(one) ?? 0} ${one}`).join(", ");
  const discs = shown.reduce((sum, one) => sum + one.discs.length, 0);
  at("count").textContent = `${discs} of ${all} discs shown in ${shown.length} of ${data.studies.length} studies; ${said}${saved ? "" : "; not saved yet"}`;
}

function open(study, focus) {
  here = { study: study ?? null, disc: null };
  const box = at("study");
  for (const [n, one] of shown.entries()) {
    const button = at("list").children[n].firstChild;
    button.setAttribute("aria-current", String(one.study === study));
    if (one.study === study) button.scrollIntoView({ block: "nearest" });
  }
  tally();
  if (!study) { box.replaceChildren(element("p", "No disc fits these filters.")); return; }
  const title = element("h2", [study.name, study.subject === study.name ? "" : study.subject, day(study.date)].filter(Boolean).join(" · "));
  if (study.report) {
    const link = element("a", " report");
    link.href = `${encoded(study.folder)}/report.html`;
    link.target = "_blank";
    title.append(link);
  }
  const flags = element("ul");
  for (const code of study.flags) flags.append(element("li", `Whole study: ${meaning.get(code) ?? word(code)}`));
  const overview = element("div");
  overview.id = "overview";
  overview.append(study.overview ? image(picture(study, "overview"), `Mid-sagittal slice of ${study.name} with its discs outlined`) : element("p", "No overview: these results were written without pictures (--format png).", "none"));
  const discs = element("div");
  discs.id = "discs";
  discs.append(...shown.find((one) => one.study === study).discs.map((disc) => card(study, disc)));
  box.replaceChildren(title, ...(study.flags.length ? [flags] : []), overview, discs);
  box.scrollTop = 0;
  if (focus) discs.firstChild.focus({ preventScroll: true });
  ahead(study);
}
const day = (text) => /^\d{8}$/.test(text) ? `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}` : text;
function image(source, text) {
  const made = element("img");
  made.loading = "lazy";
  made.decoding = "async";
  made.alt = text;
  made.src = source;
  return made;
}
/* The next study's overview is fetched while this one is looked at. */
function ahead(study) {
  const next = shown[shown.findIndex((one) => one.study === study) + 1]?.study;
  if (next?.overview) new Image().src = picture(next, "overview");
}

function card(study, disc) {
  const made = element("article");
  made.tabIndex = 0;
  made.style.setProperty("--level", disc.colour);
  made.setAttribute("aria-label", `${disc.level} of ${study.name}`);
  made.onfocus = () => { here.disc = disc; };
  const head = element("h3", disc.level);
  head.append(element("span", "", "said"));
  const facts = [disc.height ? `${Number(disc.height).toFixed(1)}${disc.sd ? ` ± ${Number(disc.sd).toFixed(1)}` : ""} mm` : "no height",
    disc.grade ? `suggested grade ${disc.grade}` : "no grade", disc.quality,
    disc.confidence === null ? "" : `confidence ${disc.confidence.toFixed(2)}`].filter(Boolean).join(", ");
  const flags = element("ul");
  for (const code of disc.flags) flags.append(element("li", meaning.get(code) ?? word(code)));
  flags.title = disc.said.join("\n");
  const keys = element("div", undefined, "keys");
  for (const verdict of data.verdicts) {
    const button = element("button", verdict);
    button.type = "button";
    button.value = verdict;
    button.onclick = () => { here.disc = disc; decide(verdict); };
    keys.append(button);
  }
  const comment = element("textarea");
  comment.placeholder = "Comment";
  comment.setAttribute("aria-label", `Comment on ${disc.level}`);
  comment.onfocus = () => { here.disc = disc; };
  comment.oninput = () => note(study, disc, { comment: comment.value });
  made.append(head, face(study, disc), element("p", facts), flags, keys, comment);
  paint(made, study, disc);
  return made;
}
function face(study, disc) {
  const name = disc.pictures[adc && disc.pictures[1] ? 1 : 0];
  return name ? image(picture(study, name), `${name} with its outline`) : element("p", "No picture of this disc.", "none");
}
function paint(made, study, disc) {
  const one = decisions.get(key(study, disc)) ?? {};
  made.className = one.decision ?? "";
  made.querySelector(".said").textContent = one.decision ? { accept: "✓ accepted", doubt: "? doubted", reject: "✕ rejected" }[one.decision] : "";
  for (const button of made.querySelectorAll(".keys button")) button.setAttribute("aria-pressed", String(button.value === one.decision));
  const comment = made.querySelector("textarea");
  if (comment.value !== (one.comment ?? "")) comment.value = one.comment ?? "";
}
function current() {
  const cards = [...document.querySelectorAll("article")];
  const discs = shown.find((one) => one.study === here.study)?.discs ?? [];
  const n = discs.indexOf(here.disc);
  return { cards, discs, n, card: cards[n] };
}
function note(study, disc, changes) {
  const one = { ...decisions.get(key(study, disc)), ...changes, reader: at("reader").value.trim(), utc: new Date().toISOString().slice(0, 19) + "Z" };
  if (one.decision || one.comment) decisions.set(key(study, disc), one); else decisions.delete(key(study, disc));
  saved = false;
  remember();
  const n = shown.findIndex((found) => found.study === study);
  if (n >= 0) mark(at("list").children[n].firstChild, study);
  tally();
}
function decide(verdict) {
  const { card: made } = current();
  if (!made) return;
  note(here.study, here.disc, { decision: verdict });
  paint(made, here.study, here.disc);
  /* A doubted or rejected disc stays, since a comment may follow. */
  if (verdict === "accept") move(1); else made.focus();
}
function acceptRest() {
  const { discs, cards } = current();
  discs.forEach((disc, n) => {
    if (decisions.get(key(here.study, disc))?.decision) return;
    note(here.study, disc, { decision: "accept" });
    paint(cards[n], here.study, disc);
  });
  step(1);
}
function step(by) {
  const next = shown[shown.findIndex((one) => one.study === here.study) + by];
  if (next) open(next.study, true);
}
function move(by) {
  const { cards, n } = current();
  if (!cards.length) return;
  if (n + by >= cards.length && n >= 0) step(1);
  else if (n + by < 0 && n >= 0) step(-1);
  else cards[n < 0 ? 0 : n + by].focus();
}
function swap() {
  adc = !adc;
  const { cards, discs } = current();
  const study = here.study;
  cards.forEach((made, n) => made.children[1].replaceWith(face(study, discs[n])));
}

/* CSV: text that a spreadsheet would run is guarded, as in every table of discmri. */
function cell(text) {
  const value = /^[=+\-@]/.test(text) ? `'${text}` : text.replace(/\s*[\r\n]+\s*/g, " ");
  return /[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
function csv() {
  const rows = [data.columns];
  for (const study of data.studies) for (const disc of study.discs) {
    const one = decisions.get(key(study, disc));
    if (!one) continue;
    const row = { study: study.name, subject_id: study.subject, study_uid: study.uid, level: disc.level, height_mm: disc.height,
      decision: one.decision ?? "", comment: one.comment ?? "", reader: one.reader ?? "", decided_utc: one.utc ?? "" };
    rows.push(data.columns.map((name) => row[name]));
  }
  return rows.map((row) => row.map(cell).join(",") + "\n").join("");
}
function save() {
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  link.download = "decisions.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  saved = true;
  tally();
}
function parsed(text) {
  const clean = text.replace(/^\uFEFF/, "");
  const first = clean.split(/\r?\n/)[0];
  const separator = [",", ";", "\t"].sort((a, b) => first.split(b).length - first.split(a).length)[0];
  const rows = [[""]];
  let quoted = false;
  for (let n = 0; n < clean.length; n += 1) {
    const c = clean[n], row = rows[rows.length - 1];
    if (quoted) {
      if (c === '"' && clean[n + 1] === '"') { row[row.length - 1] += '"'; n += 1; } else if (c === '"') quoted = false; else row[row.length - 1] += c;
    } else if (c === '"') quoted = true;
    else if (c === separator) row.push("");
    else if (c === "\n") rows.push([""]);
    else if (c !== "\r") row[row.length - 1] += c;
  }
  const tidy = (one) => one.trim().replace(/^'(?=[=+\-@0-9])/, "");
  const names = rows[0].map((one) => one.trim().toLowerCase().replace(/\s+/g, "_"));
  return rows.slice(1).filter((row) => row.some((one) => one.trim())).map((row) => Object.fromEntries(names.map((name, n) => [name, tidy(row[n] ?? "")])));
}
function take(text) {
  const discs = new Map();
  for (const study of data.studies) for (const disc of study.discs) discs.set(JSON.stringify([study.name, disc.level]), [study, disc]);
  let taken = 0, other = 0;
  for (const row of parsed(text)) {
    const found = discs.get(JSON.stringify([row.study, row.level]));
    const decision = row.decision && data.verdicts.includes(row.decision) ? row.decision : undefined;
    const fits_ = found && (!row.study_uid || row.study_uid === found[0].uid) && (!row.height_mm || Math.abs(Number(row.height_mm.replace(",", ".")) - Number(found[1].height)) < 0.0006);
    if (!fits_ || (row.decision && !decision)) { other += 1; continue; }
    decisions.set(key(...found), { decision, comment: row.comment, reader: row.reader, utc: row.decided_utc });
    taken += 1;
  }
  remember();
  filter();
  at("count").textContent = `${taken} decisions opened${other ? `, ${other} rows left out: not about these discs as they were measured` : ""}. ` + at("count").textContent;
}

const ACTIONS = {
  a: () => decide("accept"), d: () => decide("doubt"), r: () => decide("reject"), u: () => decide(undefined),
  c: () => current().card?.querySelector("textarea").focus(), v: swap, s: save, A: acceptRest,
  ArrowRight: () => move(1), ArrowLeft: () => move(-1), PageDown: () => step(1), PageUp: () => step(-1),
};
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.matches("textarea")) { event.target.closest("article").focus(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
  const action = ACTIONS[event.key];
  if (!action) return;
  event.preventDefault();
  if (here.disc || ["s", "v", "A", "PageUp", "PageDown"].includes(event.key)) action(); else move(0);
});
addEventListener("beforeunload", (event) => { if (!saved) event.preventDefault(); });
at("save").onclick = save;
at("open").onclick = () => at("file").click();
at("file").onchange = async () => { const file = at("file").files[0]; if (file) take(await file.text()); at("file").value = ""; };
at("filters").addEventListener("input", filter);
at("filters").addEventListener("submit", (event) => event.preventDefault());
at("filters").addEventListener("reset", () => setTimeout(filter));
for (const verdict of data.verdicts) at("decision").append(new Option(verdict, verdict));
for (const flag of data.flags) at("flag").append(new Option(word(flag.code), flag.code));
for (const level of new Set(data.studies.flatMap((study) => study.discs.map((disc) => disc.level)))) at("level").append(new Option(level, level));
recall();
filter();
move(0);
