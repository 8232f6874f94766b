// Logs on pages. The server numbers, escapes and colours the lines; here they are put in place, and
// while the cell is not settled the next ones are waited for: an answer comes once there is one.

const WAIT = 6;
// A browser has six connections to one server: so many logs may wait at once, the others ask.
const WAITING = 3;
const EVERY = 1500;
const KEPT = 6000;
const followed = new WeakSet();
const logs = new WeakMap();
let waiting = 0;

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

class Log {
  constructor(box, lines, ids) {
    const { offset, line, style, seen } = box.dataset;
    this.address = box.dataset.lines;
    this.box = box;
    this.lines = lines;
    this.ids = ids;
    this.live = true;
    this.at = offset === undefined ? null : { offset, line, style, seen };
  }

  wanted() { return this.box.isConnected && this.box.open !== false; }

  async read(wait) {
    const asked = new URLSearchParams({ ...this.at, wait, ids: this.ids });
    const answer = await fetch(`${this.address}?${asked}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.status);
    const { html, more, live, ...at } = await answer.json();
    this.live = live;
    const fresh = this.at?.seen !== String(at.seen);
    this.at = Object.fromEntries(Object.entries(at).map(([key, value]) => [key, String(value)]));
    if (fresh) this.show(html);
    return more;
  }

  show(html) {
    const scroller = this.lines;
    const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 40;
    scroller.querySelector(".line.open")?.remove();
    const part = new DOMParser().parseFromString(html, "text/html").body;
    scroller.append(...part.childNodes);
    while (scroller.childElementCount > KEPT) scroller.firstElementChild.remove();
    const follow = document.getElementById("follow");
    if (this.ids ? follow?.checked : atEnd) scroller.scrollTop = scroller.scrollHeight;
  }

  async run() {
    while (this.wanted()) {
      const wait = this.live && this.at && waiting < WAITING && !document.hidden ? WAIT : 0;
      if (wait) waiting += 1;
      try {
        if (await this.read(wait)) continue;
      } catch { await pause(EVERY); } finally { if (wait) waiting -= 1; }
      if (!this.live) break;
      if (!wait) await pause(EVERY);
    }
    followed.delete(this.box);
  }
}

function begin(box, lines, ids) {
  if (followed.has(box)) return;
  followed.add(box);
  if (!logs.has(box)) logs.set(box, new Log(box, lines, ids));
  logs.get(box).run();
}

export function follow() {
  for (const box of document.querySelectorAll("details.log[data-lines][open]")) begin(box, box.querySelector("pre"), false);
  const log = document.querySelector(".logview[data-live]");
  if (log) begin(log, log.querySelector(".lines"), true);
}

document.addEventListener("toggle", (event) => {
  const box = event.target;
  if (box.matches?.("details.log[data-lines]") && box.open) begin(box, box.querySelector("pre"), false);
}, true);

// A line or a range of them in the address: #L12, #L12-L20.
function range() {
  const found = /^#L(\d+)(?:-L(\d+))?$/.exec(location.hash);
  if (!found) return null;
  const ends = [Number(found[1]), Number(found[2] ?? found[1])];
  return [Math.min(...ends), Math.max(...ends)];
}

function mark(scroll) {
  for (const line of document.querySelectorAll(".line.chosen")) line.classList.remove("chosen");
  const chosen = range();
  const log = document.getElementById("log");
  if (!chosen || !log) return;
  const first = document.getElementById(`L${chosen[0]}`);
  // It is on another page of the log, which the server finds.
  if (!first && Number(new URLSearchParams(location.search).get("line")) !== chosen[0]) {
    location.replace(`${location.pathname}?line=${chosen[0]}${location.hash}`);
    return;
  }
  for (let number = chosen[0]; number <= chosen[1] && number < chosen[0] + KEPT; number += 1) {
    document.getElementById(`L${number}`)?.classList.add("chosen");
  }
  if (scroll) first?.scrollIntoView({ block: "center" });
}

document.getElementById("log")?.addEventListener("click", (event) => {
  const number = event.target.closest(".no")?.dataset.no;
  if (!number) return;
  event.preventDefault();
  const chosen = range();
  const hash = event.shiftKey && chosen ? `#L${Math.min(chosen[0], number)}-L${Math.max(chosen[0], number)}` : `#L${number}`;
  history.replaceState(null, "", hash);
  const follow = document.getElementById("follow");
  if (follow) follow.checked = false;
  mark(false);
});
window.addEventListener("hashchange", () => mark(true));
const view = document.querySelector(".logview[data-live] .lines");
if (view && !location.hash) view.scrollTop = view.scrollHeight;
mark(true);
