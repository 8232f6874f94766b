// The matrix: a window of it is in the page, the rest is fetched as one scrolls. The line below it
// tells the cause of the square under the pointer or the focus; the first tap tells, the second
// opens; arrow keys walk from square to square, also to those that are not fetched yet.

import { morph } from "./morph.js";

const MARGIN = 6;
const SETTLED = 90;
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const main = document.getElementById("main");
let told = null;
let touched = false;
// where the focus is or comes to be: row and column among all
let here = { row: 0, col: 0 };
// the focus is in the grid, or was when its square went away
let inside = false;
let timer = null;
let asked = null;

const grid = () => document.getElementById("grid");
const scroller = () => document.getElementById("scroller");

// What the table says of itself, and how large its parts are on this screen.
function measure() {
  const table = grid();
  const lines = [...table.querySelectorAll("tbody tr:not(.group)")];
  const heads = table.tHead.rows[0];
  const css = getComputedStyle(document.documentElement);
  const rem = parseFloat(css.fontSize);
  return {
    table, lines,
    row: Number(table.dataset.row), col: Number(table.dataset.col),
    rows: Number(table.dataset.rows), cols: Number(table.dataset.cols),
    sizes: table.dataset.groups.split(",").filter(Boolean).map(Number),
    shownRows: lines.length, shownCols: heads.cells.length - 1,
    width: heads.cells[1].getBoundingClientRect().width,
    side: heads.cells[0].getBoundingClientRect().width,
    head: table.tHead.getBoundingClientRect().height,
    height: lines[0].getBoundingClientRect().height,
    band: parseFloat(css.getPropertyValue("--band")) * rem,
  };
}

// How far below the heads a row begins; a group's title stands above its first row.
function top(m, row) {
  let [before, bands] = [0, 0];
  for (const size of m.sizes) {
    if (row < before) break;
    bands += 1;
    if (row === before) { bands -= 1; break; }
    before += size;
    if (row < before) break;
  }
  return row * m.height + bands * m.band;
}

function rowAt(m, y) {
  let [low, high] = [0, m.rows];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (top(m, middle) <= y) low = middle;
    else high = middle;
  }
  return low;
}

// Puts the window where it belongs in the whole.
function place() {
  const table = grid();
  if (!table) return;
  const m = measure();
  const canvas = document.getElementById("canvas");
  canvas.style.width = `${m.side + m.cols * m.width}px`;
  canvas.style.height = `${m.head + m.rows * m.height + m.sizes.length * m.band}px`;
  table.style.marginLeft = `${m.col * m.width}px`;
  table.style.marginTop = `${top(m, m.row)}px`;
  document.getElementById("pager").hidden = true;
  rove(m);
}

function seen(m) {
  const box = scroller();
  const y = box.scrollTop;
  return {
    row: rowAt(m, y), lastRow: rowAt(m, y + box.clientHeight - m.head),
    col: Math.floor(box.scrollLeft / m.width),
    lastCol: Math.min(m.cols - 1, Math.floor((box.scrollLeft + box.clientWidth - m.side) / m.width)),
  };
}

function lacks(m, s) {
  return s.row < m.row || s.col < m.col
    || s.lastRow >= Math.min(m.rows, m.row + m.shownRows)
    || s.lastCol >= Math.min(m.cols, m.col + m.shownCols);
}

// The address of the window around what is seen.
function windowAt(s) {
  const url = new URL(location.href);
  url.searchParams.set("row", Math.max(0, s.row - MARGIN));
  url.searchParams.set("rows", Math.min(80, s.lastRow - s.row + 1 + 2 * MARGIN));
  url.searchParams.set("col", Math.max(0, s.col - MARGIN));
  url.searchParams.set("cols", Math.min(60, s.lastCol - s.col + 1 + 2 * MARGIN));
  return url;
}

// Remembers what is seen in the address, so that it can be pasted and is refreshed.
function remember(s) {
  const url = new URL(location.href);
  for (const name of ["row", "col"]) {
    if (s[name]) url.searchParams.set(name, s[name]);
    else url.searchParams.delete(name);
  }
  if (url.href !== location.href) history.replaceState(null, "", url);
}

// What begins where the old window does is merged into it; all of another place is drawn anew.
function renew(table) {
  const old = grid();
  const same = ["row", "col"].every((name) => old.dataset[name] === table.dataset[name]);
  if (same && window.Idiomorph) morph(old, table);
  else old.replaceWith(document.importNode(table, true));
}

async function load() {
  timer = null;
  if (!grid()) return;
  const m = measure();
  const s = seen(m);
  remember(s);
  if (!lacks(m, s)) return;
  asked?.abort();
  asked = new AbortController();
  const url = windowAt(s);
  try {
    const answer = await fetch(url, { headers: { Accept: "text/html" }, signal: asked.signal });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const table = fresh.getElementById("grid");
    if (!table || !grid()) return;
    renew(table);
    main.dataset.address = url.href;
    place();
    keepFocus();
    if (lacks(measure(), seen(measure()))) loadSoon();
  } catch (error) {
    if (error.name !== "AbortError") loadSoon();
  }
}

function loadSoon() {
  clearTimeout(timer);
  timer = setTimeout(load, SETTLED);
}

// The square, the head (row -1) or the empty place at a row and a column, if it is in the page.
function spot(m, row, col) {
  const line = row < 0 ? m.table.tHead.rows[0] : m.lines[row - m.row];
  const cell = line?.cells[col < 0 ? 0 : col - m.col + 1];
  return cell?.querySelector(".square, .none, .run, .arch") ?? null;
}

// One thing of the grid takes part in tabbing: the one that was focused last.
function rove(m) {
  for (const found of m.table.querySelectorAll(".square, .none, .run, .arch")) found.tabIndex = -1;
  const found = spot(m, here.row, here.col) ?? spot(m, m.row, m.col);
  if (found) found.tabIndex = 0;
}

function focus(row, col) {
  const m = measure();
  here = { row: Math.max(-1, Math.min(m.rows - 1, row)), col: Math.max(-1, Math.min(m.cols - 1, col)) };
  const found = spot(m, here.row, here.col);
  if (found) {
    rove(m);
    found.focus({ preventScroll: true });
  }
  reveal(m, here);
}

// A square that went away with its window took the focus with it: it comes back with the square.
function keepFocus() {
  if (!inside || document.activeElement !== document.body || !grid()) return;
  spot(measure(), here.row, here.col)?.focus({ preventScroll: true });
}

// Scrolls so that a row and a column can be seen; what is not in the page is fetched then.
function reveal(m, { row, col }) {
  const box = scroller();
  const [y, x] = [row < 0 ? box.scrollTop : top(m, row), col * m.width];
  const lowest = box.clientHeight - m.head - m.height;
  if (y < box.scrollTop) box.scrollTop = y - m.band;
  else if (y > box.scrollTop + lowest) box.scrollTop = y - lowest + m.band;
  if (col < 0) return;
  const widest = box.clientWidth - m.side - m.width;
  if (x < box.scrollLeft) box.scrollLeft = x;
  else if (x > box.scrollLeft + widest) box.scrollLeft = x - widest;
}

function whereIs(found) {
  const cell = found.closest("td, th");
  const line = cell.parentElement;
  return { row: Number(line.getAttribute("aria-rowindex")) - 2, col: Number(cell.getAttribute("aria-colindex")) - 2 };
}

function step(event) {
  if (STEPS[event.key]) return STEPS[event.key];
  const m = measure();
  const page = Math.max(1, seen(m).lastRow - seen(m).row - 1);
  const far = event.ctrlKey ? m.rows : 0;
  return { PageUp: [-page, 0], PageDown: [page, 0], Home: [-far, -m.cols], End: [far, m.cols] }[event.key];
}

function tell(square) {
  const cause = document.getElementById("cause");
  told?.classList.remove("told");
  told = square;
  document.getElementById("legend").hidden = Boolean(square);
  cause.hidden = !square;
  if (!square) return;
  square.classList.add("told");
  cause.textContent = square.title;
}

function listen() {
  const squareOf = (event) => event.target.closest(".square");
  main.addEventListener("pointerover", (event) => {
    if (event.pointerType === "mouse") tell(squareOf(event));
  });
  main.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") tell(null); });
  main.addEventListener("focusin", (event) => {
    const found = event.target.closest(".square, .none, .run, .arch");
    inside = Boolean(found);
    if (found) {
      here = whereIs(found);
      rove(measure());
    }
    if (!touched) tell(squareOf(event));
  });
  document.addEventListener("pointerdown", (event) => { inside &&= Boolean(grid()?.contains(event.target)); });
  main.addEventListener("pointerdown", (event) => { touched = event.pointerType === "touch"; });
  main.addEventListener("click", (event) => {
    const square = squareOf(event);
    if (touched && square && square !== told) {
      event.preventDefault();
      tell(square);
    }
    touched = false;
  });
  main.addEventListener("keydown", (event) => {
    if (!event.target.closest(".square, .none, .run, .arch") || event.altKey || event.metaKey) return;
    const moved = step(event);
    if (!moved) return;
    event.preventDefault();
    // Arrows reach the heads and the archs' names, the far keys stay among the squares.
    const least = event.key.startsWith("Arrow") ? -1 : 0;
    focus(Math.max(least, here.row + moved[0]), Math.max(least, here.col + moved[1]));
  });
  main.addEventListener("scroll", loadSoon, { capture: true, passive: true });
  main.addEventListener("change", (event) => {
    if (event.target.matches("[data-filters] select")) event.target.form.requestSubmit();
  });
  // An address with twenty empty words in it is not worth pasting.
  main.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-filters]")) return;
    for (const field of event.target.elements) {
      if (field.name && (!field.value || field.value === "run")) field.disabled = true;
    }
  });
  document.addEventListener("smoketest:fresh", () => {
    place();
    keepFocus();
    if (told) tell(told.isConnected ? told : null);
    loadSoon();
  });
  addEventListener("resize", () => { place(); loadSoon(); });
}

function begin() {
  if (grid()) {
    place();
    const m = measure();
    here = { row: m.row, col: m.col };
    scroller().scrollTo(m.col * m.width, top(m, m.row));
    rove(m);
    loadSoon();
  }
  listen();
}

begin();
