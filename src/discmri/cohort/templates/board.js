"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const ROW = 30, SPARE = 20;
const [NAME, STATUS, REASON, SUBJECT, DATE, REPORT, FLAGS] = [0, 1, 2, 3, 4, 5, 6];
const touching = data.flags.map((flag) => new Set(flag.touches));
const discsOf = data.studies.map(() => new Map());
for (const [study, level, flags, values, quality, reasons] of data.discs) discsOf[study].set(level, { study, level, flags, values, quality, reasons });
/* The disc of a row, where its quality is wanted. */
function discAt(study, level) {
  const disc = discsOf[study].get(level), wanted = at("quality").value;
  const fits = disc && (wanted === "" || (wanted === "usable" ? disc.quality !== "reject" : disc.quality === wanted));
  return fits ? disc : undefined;
}

const word = (code) => code.replaceAll("_", " ").replaceAll(";", ", ");
const day = (text) => /^\d{8}$/.test(text) ? `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}` : text;
const numeric = (p) => data.parameters[p].numeric;
function shown(value, p) {
  return typeof value === "number" ? value.toFixed(Math.min(data.parameters[p].decimals, 2)) : String(value);
}
function title(p) {
  return [data.parameters[p].title, data.parameters[p].unit];
}

/* A column gives a cell's disc and parameter, or a plain text. */
function columns() {
  const study = { head: ["Study", ""], text: (row) => data.studies[row.study][NAME], link: true };
  const subject = { head: ["Subject", ""], kind: "person", text: (row) => data.studies[row.study][SUBJECT] };
  const date = { head: ["Date", ""], kind: "person", text: (row) => day(data.studies[row.study][DATE]) };
  const value = (head, disc, p) => ({ head, disc, p });
  if (at("view").value === "levels") {
    const p = Number(at("parameter").value);
    return [study, subject, date, ...data.levels.map((name, level) =>
      value([name, title(p)[1]], (row) => discAt(row.study, level), p))];
  }
  const level = { head: ["Level", ""], text: (row) => row.level === undefined ? "" : data.levels[row.level], order: (row) => row.level };
  const disc = (row) => row.level === undefined ? undefined : discAt(row.study, row.level);
  const quality = { head: ["Quality", ""], text: (row) => [disc(row)?.quality, disc(row)?.reasons].filter(Boolean).map(word).join(": ") };
  return [study, level, subject, date, quality, ...data.parameters.map((_, p) => value(title(p), disc, p))];
}
function allRows() {
  const studies = data.studies.map((_, study) => ({ study }));
  if (at("view").value === "levels") return studies;
  const wanted = at("level").value;
  return studies.flatMap(({ study }) => {
    const levels = [...discsOf[study].keys()].filter((level) => wanted === "" || String(level) === wanted);
    return levels.length || discsOf[study].size ? levels.map((level) => ({ study, level })) : [{ study }];
  });
}
const flagsOf = (disc, p) => disc ? disc.flags.filter((flag) => touching[flag].has(p)) : [];
const studyFlagsOf = (disc, p) => disc ? data.studies[disc.study][FLAGS].filter((flag) => touching[flag].has(p)) : [];

let view = { columns: [], rows: [] }, sort = { column: 0, down: false };

function matches(row, cells) {
  const facts = data.studies[row.study];
  const text = at("search").value.trim().toLowerCase();
  if (text && !`${facts[NAME]}\n${facts[SUBJECT]}`.toLowerCase().includes(text)) return false;
  if (at("status").value && facts[STATUS] !== at("status").value) return false;
  const discs = cells.map((column) => [column.disc(row), column.p]);
  if (at("quality").value && !discs.some(([disc]) => disc)) return false;
  const flag = at("flag").value;
  if (flag) {
    const own = discs.flatMap(([disc, p]) => flagsOf(disc, p)), all = own.concat(discs.flatMap(([disc, p]) => studyFlagsOf(disc, p)));
    if (flag === "none" ? own.length || facts[STATUS] !== "measured" : flag === "some" ? !own.length : !all.some((one) => data.flags[one].code === flag)) return false;
  }
  const filled = at("filled").value;
  if (filled) {
    const missing = !discs.some(([disc]) => disc) || discs.some(([disc, p]) => disc && disc.values[p] === null);
    if (missing !== (filled === "missing")) return false;
  }
  return true;
}
function sortKey(row, column) {
  if (column.order) return column.order(row) ?? null;
  if (!column.disc) return column.text(row);
  return column.disc(row)?.values[column.p] ?? null;
}
function ordered(rows, column) {
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  const keyed = rows.map((row) => [sortKey(row, column), row]);
  keyed.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    const order = typeof a === "number" && typeof b === "number" ? a - b : compare(String(a), String(b));
    return sort.down ? -order : order;
  });
  return keyed.map(([, row]) => row);
}
function summary(column, rows) {
  if (!column.disc) return "";
  const values = [];
  let missing = 0;
  for (const row of rows) {
    const disc = column.disc(row);
    if (!disc) continue;
    const value = disc.values[column.p];
    if (value === null) missing += 1; else values.push(value);
  }
  let text = `n ${values.length}`;
  if (values.length && numeric(column.p)) {
    values.sort((a, b) => a - b);
    const half = values.length >> 1;
    text = `median ${shown(values.length % 2 ? values[half] : (values[half - 1] + values[half]) / 2, column.p)}\n${text}`;
  }
  return missing ? `${text}, ${missing} missing` : text;
}

function build() {
  const levels = at("view").value === "levels";
  at("whichParameter").hidden = !levels;
  at("whichLevel").hidden = levels;
  view.columns = columns();
  if (sort.column >= view.columns.length) sort = { column: 0, down: false };
  const cells = view.columns.filter((column) => column.disc);
  const all = allRows();
  const fitting = all.filter((row) => matches(row, cells));
  view.rows = ordered(fitting, view.columns[sort.column]);
  at("count").textContent = `${view.rows.length} of ${all.length} rows`;
  head();
  at("scroll").scrollTop = 0;
  body();
}
function element(tag, text, kind) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}
function head() {
  const titles = element("tr"), sums = element("tr", undefined, "sum");
  view.columns.forEach((column, n) => {
    const mark = n === sort.column ? (sort.down ? " ▼" : " ▲") : "";
    const kind = column.disc && numeric(column.p) ? "n" : column.kind;
    const cell = element("th", column.head[0] + mark, kind);
    cell.scope = "col";
    cell.tabIndex = 0;
    cell.setAttribute("aria-sort", mark ? (sort.down ? "descending" : "ascending") : "none");
    if (column.disc) cell.title = data.parameters[column.p].meaning;
    if (column.head[1]) cell.append(element("small", column.head[1]));
    cell.onclick = () => { sort = { column: n, down: n === sort.column && !sort.down }; build(); };
    cell.onkeydown = (event) => { if (event.key === "Enter") cell.onclick(); };
    titles.append(cell);
    sums.append(element("td", n ? summary(column, view.rows) : "of these rows", kind));
  });
  document.querySelector("thead").replaceChildren(titles, sums);
}
function body() {
  const box = at("scroll");
  rows(Math.max(0, Math.floor(box.scrollTop / ROW) - SPARE),
    Math.min(view.rows.length, Math.ceil((box.scrollTop + box.clientHeight) / ROW) + SPARE));
}
function rows(first, last) {
  const lines = [padding(first * ROW)];
  for (let n = first; n < last; n += 1) lines.push(line(view.rows[n]));
  lines.push(padding((view.rows.length - last) * ROW));
  document.querySelector("tbody").replaceChildren(...lines);
}
function padding(height) {
  const row = element("tr", undefined, "pad"), cell = element("td");
  cell.colSpan = view.columns.length;
  cell.style.height = `${height}px`;
  row.append(cell);
  return row;
}
function line(row) {
  const made = element("tr"), facts = data.studies[row.study];
  const failed = !discsOf[row.study].size;
  view.columns.forEach((column, n) => {
    if (failed && column.disc) return;
    if (!column.disc) {
      const cell = element("td", undefined, column.kind);
      const text = column.text(row);
      cell.title = text;
      if (column.link && facts[REPORT]) {
        const link = element("a", text);
        link.href = facts[REPORT].split("/").map(encodeURIComponent).join("/");
        cell.append(link);
      } else cell.textContent = text;
      made.append(cell);
      return;
    }
    made.append(valueCell(column.disc(row), column.p));
  });
  if (failed) {
    const why = element("td", `${word(facts[STATUS])}: ${facts[REASON]}`, "why");
    why.colSpan = view.columns.filter((column) => column.disc).length;
    why.title = facts[REASON];
    made.append(why);
  }
  return made;
}
function valueCell(disc, p) {
  if (!disc) return element("td", "–", "none n");
  const value = disc.values[p];
  const missing = value === null;
  const flags = flagsOf(disc, p).concat(missing ? studyFlagsOf(disc, p) : []).map((flag) => data.flags[flag]);
  const text = missing ? (flags.length ? flags.map((flag) => word(flag.code)).join(", ") : "empty") : shown(value, p);
  const cell = element("td", text, `v ${numeric(p) ? "n " : ""}${disc.quality === "reject" ? "reject " : ""}${missing ? "gap" : flags.length ? "flag" : ""}`);
  cell.title = flags.map((flag) => flag.meaning).join("\n");
  cell.tabIndex = -1;
  cell.onclick = () => detail(disc);
  return cell;
}
function detail(disc) {
  const facts = data.studies[disc.study], box = at("detail"), list = element("dl");
  data.parameters.forEach((parameter, p) => {
    const [name, unit] = title(p), value = disc.values[p];
    const term = element("dt", unit ? `${name} (${unit})` : name);
    term.title = parameter.meaning;
    list.append(term, element("dd", value === null ? "–" : shown(value, p)));
  });
  const close = element("button", "Close");
  close.onclick = () => { box.hidden = true; };
  const flags = element("ul");
  for (const flag of disc.flags) flags.append(element("li", data.flags[flag].meaning));
  for (const flag of facts[FLAGS]) flags.append(element("li", `Whole study: ${data.flags[flag].meaning}`));
  const parts = [close, element("h2", `${facts[NAME]}, ${data.levels[disc.level]}`)];
  if (disc.quality) parts.push(element("p", `Quality: ${disc.quality}${disc.reasons ? ` (${word(disc.reasons)})` : ""}`));
  if (facts[REPORT]) {
    const link = element("a", "Open the report");
    link.href = facts[REPORT].split("/").map(encodeURIComponent).join("/");
    parts.push(link);
  }
  box.replaceChildren(...parts, flags, list);
  box.hidden = false;
}

data.parameters.forEach((_, p) => at("parameter").append(new Option(title(p).filter(Boolean).join(", "), p)));
data.levels.forEach((name, level) => at("level").append(new Option(name, level)));
for (const status of new Set(data.studies.map((study) => study[STATUS]))) at("status").append(new Option(word(status), status));
for (const code of new Set(data.flags.map((flag) => flag.code))) at("flag").append(new Option(word(code), code));
at("controls").addEventListener("input", build);
at("controls").addEventListener("submit", (event) => event.preventDefault());
at("controls").addEventListener("reset", () => setTimeout(build));
at("scroll").addEventListener("scroll", () => requestAnimationFrame(body));
addEventListener("resize", body);
addEventListener("beforeprint", () => rows(0, view.rows.length));
addEventListener("afterprint", body);
addEventListener("keydown", (event) => { if (event.key === "Escape") at("detail").hidden = true; });
build();
